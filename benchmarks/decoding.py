"""Greedy and beam decoding of line sets: CER, WER, milliseconds a line, and what confidences are worth.

Example: python benchmarks/decoding.py DATA tests/data
A set is a folder `*_lines` with images/, gt.tsv and, for letters1905, meta.jsonl and splits.tsv. Columns: character and
word error rate; `worse`, the characters that the beam adds to the errors of lines it made worse, in per cent; `AUC`,
the probability that a right word has a higher confidence than a wrong one.

`--alternatives N` tells how often the right word is among the N others of a wrong one, and what it takes: mean
milliseconds a line without and with them.

`--tune ROUNDS` searches better weights, from those of raypipe/recognition/ctc/search.py, prints them and the constants
of the confidence for beam.py. It needs a set `exact_tune_lines`, which models/recipes/exact_lines.py makes (--seed 2).
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from accuracy import scorer
from rapidfuzz.distance import Levenshtein

from raypipe import presets
from raypipe.engine.session import Session
from raypipe.geometry import crop
from raypipe.metrics import Metrics
from raypipe.recognition.base import Reading, RecognizerOptions
from raypipe.recognition.ctc import beam
from raypipe.recognition.ctc.beam import BeamDecoder
from raypipe.recognition.ctc.language import load_language
from raypipe.recognition.ctc.model import CtcRecognizer, Decode, decode_greedy, open_model
from raypipe.recognition.ctc.search import Weights
from raypipe.recognition.families import picture_size
from raypipe.zoo import manifest

HELD_OUT = "held-out hands"
"""The handwritten lines of letters and the phone's lines that do not train the recognizer."""
UNTAUGHT = "ocr_small_printed_v2_opt"
"""Reads these hands as a recognizer reads hands that it was not taught: weights must hold for such, too."""
TUNING = {
    presets.RECOGNIZER: {
        "letters1905_lines dev hand": 3.0,
        "letters1905_lines dev typed": 1.0,
        "letters1905_lines train hand": 1.0,
        "letters1905_lines train typed": 1.0,
        "phone_lines eval": 1.0,
        "phone_lines test": 1.0,
    },
    UNTAUGHT: {
        "letters1905_lines dev hand": 2.0,
        "letters1905_lines train hand": 1.5,
        "phone_lines eval": 0.5,
        "phone_lines test": 0.5,
    },
}
"""Which lines weights are tuned on, as which recognizer sees them, and how much they count."""
HARM = {"exact_tune_lines": 0.05}
"""Loss of one per cent of characters made worse on these, for each recognizer, beside the shares of errors."""
FIXED = {"lost_space", "false_space"}
"""Not tuned: too few lines tell."""


class Sample(NamedTuple):
    """A line: its transcript and what the network says of it."""

    truth: str
    probabilities: np.ndarray
    step: float
    width: int


class Result(NamedTuple):
    """Rates in per cent, and for each word its confidence and whether it is right."""

    cer: float
    wer: float
    worse: float
    words: list[tuple[float, bool]]


def groups_of(folder: Path, files: Iterable[str]) -> dict[str, list[str]]:
    """The groups of each file of a set: writer, split and kind where the set tells them, and `HELD_OUT`."""
    splits, kinds = folder / "splits.tsv", folder / "meta.jsonl"
    if folder.name == "phone_lines":
        return {file: ["phone_lines test"] if "_test" in file else ["phone_lines eval", HELD_OUT] for file in files}
    if not splits.exists():
        return {file: [folder.name] for file in files}
    split = dict(line.split("\t") for line in splits.read_text(encoding="utf-8").splitlines())
    rows = map(json.loads, kinds.read_text(encoding="utf-8").splitlines())
    kind = {row["file"]: row["type"] or "" for row in rows}
    found = {file: [f"{folder.name} {split[file]} {'typed' if 'Type' in kind[file] else 'hand'}"] for file in files}
    for file in files:
        if split[file] == "dev" and kind[file].endswith("Handwritten"):
            found[file].append(HELD_OUT)
    return found


def samples(
    recognizer: CtcRecognizer, size: tuple[int, int], folders: Sequence[Path], fold: Callable[[str], str]
) -> dict[str, list[Sample]]:
    """The lines of all sets by group, in pictures of the height, and up to the width, of `size`."""
    found = defaultdict(list)
    for folder in folders:
        rows = (row.split("\t", 1) for row in (folder / "gt.tsv").read_text(encoding="utf-8").splitlines())
        truth = {file: fold(text) for file, text in rows if fold(text)}
        groups = groups_of(folder, truth)
        pictures = []
        for file in truth:
            page = cv2.imread(str(folder / "images" / file))
            height, width = page.shape[:2]
            box = np.array([width / 2, height / 2, width, height, 0], np.float32)
            pictures.append(crop(page, box, *size))
        files = list(truth)
        for n, probabilities, step in recognizer.outputs(pictures, 0):
            line = Sample(truth[files[n]], probabilities, step, pictures[n].shape[1])
            for group in groups[files[n]]:
                found[group].append(line)
    return found


def confidences(reading: Reading) -> list[float]:
    """The confidence of each word, as lines have it."""
    return [float(np.mean(reading.probabilities[slice(*match.span())])) for match in re.finditer(r"\S+", reading.text)]


def right(truth: Sequence[str], words: Sequence[str]) -> list[bool]:
    """Which words are right, aligned by least edit distance."""
    kept = {
        n
        for code in Levenshtein.opcodes(truth, words)
        if code.tag == "equal"
        for n in range(code.dest_start, code.dest_end)
    }
    return [n in kept for n in range(len(words))]


def ranking(words: Sequence[tuple[float, bool]]) -> float:
    """Area under the ROC curve."""
    good = np.array([chance for chance, is_right in words if is_right])
    bad = np.array([chance for chance, is_right in words if not is_right])
    if not len(good) or not len(bad):
        return float("nan")
    return float((good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2)


def calibration(words: Sequence[tuple[float, bool]]) -> float:
    """Expected calibration error over ten bins: how far confidences are from the share of right words."""
    chances, truths = np.array([c for c, _ in words]), np.array([r for _, r in words], float)
    bins = np.minimum((chances * 10).astype(int), 9)
    return float(sum(abs((chances - truths)[bins == n].sum()) for n in range(10)) / len(words))


def seconds(lines: Sequence[Sample], decode: Decode) -> list[float]:
    """Processor time of each line."""
    found = []
    for line in lines:
        start = time.process_time()
        decode(line.probabilities, line.step, line.width)
        found.append(time.process_time() - start)
    return found


def offered(line: Sample, reading: Reading, fold: Callable[[str], str]) -> list[bool]:
    """Of each word that is wrong, whether the right one is among its alternatives."""
    words = list(re.finditer(r"\S+", reading.text))
    others = [{fold(each.text) for each in reading.alternatives.get(word.start(), [])} for word in words]
    truth, found = line.truth.split(), [fold(word.group()) for word in words]
    replaced = [code for code in Levenshtein.opcodes(truth, found) if code.tag == "replace"]
    pairs = [
        pair
        for code in replaced
        for pair in zip(truth[code.src_start : code.src_end], others[code.dest_start : code.dest_end], strict=True)
    ]
    return [right in among for right, among in pairs]


class Bench:
    """Lines of all groups, and decoders to compare on them.

    Args:
        groups: Lines by group.
        recognizer: What read them.
        fold: The data's own folding of quotes, dashes and spaces.
    """

    def __init__(self, groups: dict[str, list[Sample]], recognizer: CtcRecognizer, fold: Callable[[str], str]) -> None:
        self.groups, self.fold = groups, fold
        self._characters = recognizer.characters
        words = manifest.words_of("en")
        assert words
        self._language = load_language(words.path, "en")
        self.greedy: Decode = partial(decode_greedy, characters=self._characters)
        self._errors = {name: [self.errors(line, self.greedy) for line in lines] for name, lines in groups.items()}
        self.base = {name: self.measure(name, self.greedy) for name in groups}

    def beam(self, weights: Weights) -> Decode:
        """The beam search with some weights."""
        return BeamDecoder(self._characters, self._language, weights).decode

    def errors(self, line: Sample, decode: Decode) -> int:
        """Wrong characters of a line."""
        return Levenshtein.distance(line.truth, self.fold(decode(line.probabilities, line.step, line.width).text))

    def measure(self, name: str, decode: Decode) -> Result:
        """Rates of a decoder on a group."""
        characters = errors = words = word_errors = worse = 0
        judged: list[tuple[float, bool]] = []
        for line, before in zip(self.groups[name], self._errors[name], strict=True):
            reading = decode(line.probabilities, line.step, line.width)
            text = self.fold(reading.text)
            wrong = Levenshtein.distance(line.truth, text)
            characters, errors = characters + len(line.truth), errors + wrong
            worse += max(0, wrong - before)
            truth, found = line.truth.split(), text.split()
            words, word_errors = words + len(truth), word_errors + Levenshtein.distance(truth, found)
            judged += zip(confidences(reading), right(truth, found), strict=True)
        return Result(100 * errors / characters, 100 * word_errors / words, 100 * worse / characters, judged)

    def row(self, name: str, decode: Decode) -> str:
        """A row of the table."""
        one, two = self.base[name], self.measure(name, decode)
        rates = f"{one.cer:.2f} / {one.wer:.2f} | {two.cer:.2f} / {two.wer:.2f} | {two.worse:.2f}"
        ranks = " | ".join(f"{ranking(r.words):.3f} / {calibration(r.words):.3f}" for r in (one, two))
        times = f"{1000 * np.median(seconds(self.groups[name], decode)):.2f}"
        return f"| {name} | {len(self.groups[name])} | {rates} | {ranks} | {times} |"

    def alternatives(self, name: str, most: int) -> str:
        """A row of the table of alternatives."""
        lines, decode = self.groups[name], BeamDecoder(self._characters, self._language, alternatives=most).decode
        readings = [decode(line.probabilities, line.step, line.width) for line in lines]
        wrong = [each for pair in zip(lines, readings, strict=True) for each in offered(*pair, self.fold)]
        words = sum(len(reading.text.split()) for reading in readings)
        given = sum(len(others) for reading in readings for others in reading.alternatives.values())
        without, times = (1000 * np.mean(seconds(lines, each)) for each in (self.beam(Weights()), decode))
        counts = f"{words} | {given / words:.2f} | {len(wrong)} | {sum(wrong)}"
        return f"| {name} | {counts} | {without:.2f} | {times:.2f} |"


def bench_of(name: str, folders: Sequence[Path], fold: Callable[[str], str]) -> Bench:
    """The lines as a CTC model of the manifest sees them, on one thread."""
    model = manifest.resolve(name, "recognition", "en")
    recognizer = open_model(model, RecognizerOptions("en", "greedy"), lambda path: Session(path, False, 1, Metrics()))
    return Bench(samples(recognizer, picture_size(model), folders, fold), recognizer, fold)


def loss(benches: dict[str, Bench], weights: Weights) -> float:
    """Mean of CER and WER as shares of greedy decoding's, and the harm done to exact lines."""
    total = shares = harm = 0.0
    for name, bench in benches.items():
        decode = bench.beam(weights)
        for group, share in TUNING[name].items():
            result, base = bench.measure(group, decode), bench.base[group]
            total += share * (result.cer / base.cer + result.wer / base.wer) / 2
            shares += share
        harm += sum(price * bench.measure(group, decode).worse for group, price in HARM.items())
    return total / shares + harm


def tune(benches: dict[str, Bench], rounds: int) -> Weights:
    """Coordinate search: each weight up and down by a factor that shrinks where neither helps."""
    weights = Weights()
    best = loss(benches, weights)
    factors = {name: 1.5 for name in Weights._fields if name not in FIXED}
    for _ in range(rounds):
        for name, factor in factors.items():
            for change in (factor, 1 / factor):
                tried = weights._replace(**{name: getattr(weights, name) * change})
                found = loss(benches, tried)
                if found < best - 1e-4:
                    weights, best = tried, found
                    break
            else:
                factors[name] = factor**0.6
    return weights


def odds(bench: Bench, names: Iterable[str], weights: Weights) -> tuple[float, ...]:
    """Constants of beam.py's confidence: logistic regression, by Newton's method, on its two measures."""
    rows: list[tuple[float, float, float]] = []
    rights: list[bool] = []
    kept = beam.certainty
    beam.certainty = lambda share, doubt: rows.append((1, share, doubt)) or 0.5  # type: ignore[func-returns-value]
    for name in names:
        rights += [is_right for _, is_right in bench.measure(name, bench.beam(weights)).words]
    beam.certainty = kept
    table, truths, found = np.array(rows), np.array(rights, float), np.zeros(3)
    for _ in range(30):
        chances = 1 / (1 + np.exp(-table @ found))
        curve = (table * (chances * (1 - chances))[:, None]).T @ table + 1e-6 * np.eye(3)
        found += np.linalg.solve(curve, table.T @ (truths - chances))
    return tuple(found.round(2).tolist())


def main() -> None:
    """Measure, and tune if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="folders of sets; the first has score.py")
    parser.add_argument("--recognizer", default=presets.RECOGNIZER)
    parser.add_argument("--tune", type=int, default=0, metavar="ROUNDS")
    parser.add_argument("--alternatives", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    fold = scorer(arguments.data[0]).fold
    folders = [path for data in arguments.data for path in sorted(data.glob("*_lines"))]
    bench, weights = bench_of(arguments.recognizer, folders, fold), Weights()
    if arguments.alternatives:
        print("| lines | words | alternatives a word | wrong words | right one offered | ms | ms with them |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for name in sorted(bench.groups):
            print(bench.alternatives(name, arguments.alternatives), flush=True)
        return
    print("| lines | n | greedy CER / WER | beam CER / WER | worse | greedy AUC / ECE | beam AUC / ECE | ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    if arguments.tune:
        weights = tune({name: bench_of(name, folders, fold) for name in TUNING}, arguments.tune)
        print({name: float(f"{value:.3g}") for name, value in weights._asdict().items()})
        print("SURE, SHARE, DOUBT =", odds(bench, TUNING[presets.RECOGNIZER], weights))
    for name in sorted(bench.groups):
        print(bench.row(name, bench.beam(weights)), flush=True)


if __name__ == "__main__":
    main()
