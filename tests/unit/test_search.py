"""The compiled search and alignment: what they found before, what a plain count of all paths finds, and bad input."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from raypipe import native
from raypipe.errors import ModelError
from raypipe.recognition.ctc import library
from raypipe.recognition.ctc.alignment import align
from raypipe.recognition.ctc.beam import BeamDecoder
from raypipe.recognition.ctc.characters import letter, shape
from raypipe.recognition.ctc.language import Language, load_language
from raypipe.recognition.ctc.search import BEAMS, Alphabet, Search, Weights
from raypipe.zoo import manifest

DATA = Path(__file__).parents[1] / "data" / "search"
CHARACTERS = ["", "a", "b", "'", " "]
NOTHING_KNOWN = Weights(1.0, *[0.0] * (len(Weights._fields) - 1))
"""The network alone, by which the search adds up paths and nothing else."""


@pytest.fixture(scope="module")
def words() -> Language:
    found = manifest.words_of("en")
    assert found is not None
    return load_language(found.path, "en")


def alphabet(characters: list[str] = CHARACTERS) -> Alphabet:
    return Alphabet(
        np.array([-1, *map(letter, characters[1:])], np.int32),
        np.array([-1, *map(shape, characters[1:])], np.int32),
        np.array([False, *(character.isupper() for character in characters[1:])]),
        characters.index(" "),
    )


def chances(seed: int, steps: int, classes: int) -> np.ndarray:
    """Log probabilities of a network that is not sure."""
    values = np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), steps)
    return np.log(np.maximum(values, 1e-6))


def collapse(path: tuple[int, ...], space: int) -> tuple[int, ...]:
    """What a path spells: repeats and blanks dropped, spaces neither doubled nor leading."""
    found: list[int] = []
    before = 0
    for label in path:
        if label not in (0, before) and not (label == space and (not found or found[-1] == space)):
            found.append(label)
        before = label
    return tuple(found)


def test_lines_are_read_as_ever(words: Language) -> None:
    stored = json.loads((DATA / "readings.json").read_text(encoding="utf-8"))
    with np.load(DATA / "probabilities.npz") as file:
        matrices = np.split(file["values"].astype(np.float32), np.cumsum(file["lengths"])[:-1])
    beam = BeamDecoder(stored["characters"], words)
    assert len(matrices) == len(stored["lines"]) == 40
    for line, probabilities in zip(stored["lines"], matrices, strict=True):
        found = beam.decode(probabilities, line["step"], line["width"])
        assert found.text == line["text"]
        assert found.probabilities == pytest.approx(line["probabilities"], abs=1e-6)
        assert found.centres == pytest.approx(line["centres"])


@pytest.mark.parametrize("seed", range(12))
def test_without_a_language_the_text_with_the_most_probable_paths_wins(words: Language, seed: int) -> None:
    logs = chances(seed, 5, len(CHARACTERS))
    sums: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(len(CHARACTERS)), repeat=len(logs)):
        text = collapse(path, alphabet().space)
        sums[text] = np.logaddexp(sums.get(text, -np.inf), logs[np.arange(len(logs)), path].sum())
    labels, _, scores, _ = Search(words, NOTHING_KNOWN, alphabet()).best(logs)
    # Not quite: some paths leave the window.
    assert sums[tuple(labels.tolist())] == pytest.approx(max(sums.values()), abs=0.1)
    assert scores[-1, 0] == pytest.approx(max(sums.values()), abs=0.1)


@pytest.mark.parametrize("seed", range(12))
def test_alignment_is_the_most_probable_of_all_paths(seed: int) -> None:
    logs, labels = chances(seed, 7, 3), np.array([1, 1, 2], np.int32)
    paths = [p for p in itertools.product(range(3), repeat=7) if collapse(p, -1) == tuple(labels)]
    best = max(paths, key=lambda path: logs[np.arange(7), path].sum())
    runs = [list(group) for _, group in itertools.groupby(range(7), key=lambda n: best[n])]
    expected = [[run[0], run[-1] + 1] for run in runs if best[run[0]]]
    assert align(logs, labels).tolist() == expected


def test_threads_do_not_disturb_each_other(words: Language) -> None:
    search = Search(words, Weights(), alphabet())
    lines = [chances(seed, 60, len(CHARACTERS)) for seed in range(40)]
    alone = [search.best(logs) for logs in lines]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(search.best, lines))
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_no_time_steps_read_as_nothing(words: Language) -> None:
    labels, shared, scores, _ = Search(words, Weights(), alphabet()).best(np.zeros((0, len(CHARACTERS))))
    assert (len(labels), shared.shape, scores.shape) == (0, (0, BEAMS), (0, BEAMS))


def test_an_array_that_does_not_fit_is_refused(words: Language) -> None:
    fits = alphabet()
    for damaged, message in [
        (words._replace(ahead=words.ahead[:-1]), "ahead"),
        (words._replace(paired=words.paired.astype(np.float64)), "paired"),
        (words._replace(spelling=np.repeat(words.spelling, 2)[::2]), "spelling"),
        (words._replace(words=words.words + len(words.frequencies)), "trie"),
        (words._replace(pairs=np.maximum(words.pairs, 0)), "hash"),
    ]:
        with pytest.raises(ValueError, match=message):
            Search(damaged, Weights(), fits)
    for wrong in (fits._replace(space=9), fits._replace(shapes=fits.shapes + 99), fits._replace(codes=fits.codes - 5)):
        with pytest.raises(ValueError, match="alphabet"):
            Search(words, Weights(), wrong)
    with pytest.raises(ValueError, match="classes"):
        Search(words, Weights(), fits).best(np.zeros((3, 9)))
    for labels in ([], [3], [-1]):
        with pytest.raises(ValueError, match="aligned"):
            align(np.zeros((4, 3)), np.array(labels, np.int32))


def test_a_library_that_is_missing_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "PATH", tmp_path / "libctc.so")
    library.library.cache_clear()
    with pytest.raises(ModelError, match=r"libctc\.so.*Install raypipe again"):
        library.library()


def test_a_library_of_other_sources_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older one, say, which would give no alternatives, and not a word about it."""
    monkeypatch.setattr(native, "digest", lambda folder: "of other sources")
    library.library.cache_clear()
    with pytest.raises(ModelError, match=r"other sources.*Install raypipe again"):
        library.library()
    monkeypatch.undo()
    assert library.library()


@pytest.mark.slow
def test_nothing_is_read_or_written_out_of_bounds(tmp_path: Path) -> None:
    """Random lines, short and long, sure, unsure and not finite, with the sanitizers of the compiler watching."""
    made = tmp_path / "libctc.so"
    sources = map(str, library.PATH.parent.glob("*.c"))
    flags = [
        f'-DSOURCES="{native.digest(tmp_path)}"',
        "-g",
        "-O1",
        "-fPIC",
        "-shared",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
    ]
    try:
        subprocess.run(["cc", *flags, *sources, "-o", str(made), "-lm"], check=True, capture_output=True)
        runtime = subprocess.check_output(["cc", "-print-file-name=libasan.so"], text=True).strip()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no C compiler with sanitizers")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("searching.py")), str(made)],
        env={"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "100 lines\n"), done.stderr[-3000:]
