"""Train the handwriting recognizer: PP-OCRv6 small with a Latin head, taught rendered and real lines.

Usage: python models/recipes/handwriting.py --fonts FOLDER --lines FOLDER --work FOLDER --output models [--steps N]

The folder of --fonts is that of `fonts.py`, that of --lines as in `real_lines.py`. Training leaves checkpoints in
--work and goes on from there when the same command runs again. --smoke does all of it in a minute, without --lines.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import fonts
import numpy as np
import onnx
import ppocr_recognizer
import real_lines
import torch
from handwriting_lines import HEIGHT, LineRenderer, roughen
from torch.utils.data import DataLoader, IterableDataset
from trainable import TrainableGraph

BATCH_PIXELS = 8000
"""Widths of a batch's lines together."""
WIDTHS = (96, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792)
"""Lines are padded to one of few widths: oneDNN compiles each convolution anew for each shape of a batch."""
PEAK_RATE, WARM_UP = 1.5e-4, 200
AVERAGE = 0.999
KEPT = 0.5
"""Share of the weights that it began with in what is written: between both it reads hands of neither kind best
(Wortsman et al., CVPR 2022, arXiv:2109.01903)."""
SHARES = {"handwriting": 0.46, "print": 0.18, "real": 0.36}
REAL_SHARES = {"letters_hand": 0.24, "letters_typed": 0.18, "wills": 0.38, "phone_lines": 0.11, "phone_words": 0.09}
METADATA = {
    "source": "PP-OCRv6_rec_small.onnx of rapidocr 3.10.0 (PaddleOCR), trained further on handwriting",
    "licence": "Apache-2.0, copyright Baidu and the PaddleOCR authors",
    "changes": "classes cut to Latin script, all weights trained on rendered and real lines, stored as float16 or int8",
    "data": "Memorials of Jane Lathrop Stanford and CREMMA Testament de Poilus (HTR-United, CC-BY-4.0), "
    "Breta01/handwriting-ocr (MIT), rendered lines",
    "input": "BGR, (value / 255 - 0.5) / 0.5, height 48, width a multiple of 8",
}
HALF = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
"""Whether to train in bfloat16: other CPUs compute in it a hundred times slower than in float32."""
STEP_PIXELS = 8

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class LineStream(IterableDataset):
    """Endless batches of training lines: pictures (n, 3, 48, w) in -1 to 1, classes, and how many each line has."""

    def __init__(self, folder: Path, real: list[real_lines.Line], classes: dict[str, int], seed: int) -> None:
        """Choose the lines to draw from."""
        self._folder, self._classes, self._seed = folder, classes, seed
        self._groups = {name: [line for line in real if line.trains and line.group == name] for name in REAL_SHARES}

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches, each of lines of about one width."""
        os.nice(5)
        cv2.setNumThreads(1)
        self._random = np.random.default_rng(self._seed)
        hands = [path for path in fonts.handwriting(self._folder) if not fonts.is_held_out(path)]
        self._hand = LineRenderer(hands, self._seed, 1.0, fonts.printed())
        self._print = LineRenderer(fonts.printed(), self._seed, 0.35, fonts.printed())
        waiting: dict[int, list[tuple[np.ndarray, str]]] = {width: [] for width in WIDTHS}
        while True:
            image, text = self._line()
            if not self._fits(image, text):
                continue
            width = next(width for width in WIDTHS if image.shape[1] <= width)
            waiting[width].append((image, text))
            if len(waiting[width]) * width >= BATCH_PIXELS:
                yield self._batch(waiting[width], width)
                waiting[width] = []

    def _line(self) -> tuple[np.ndarray, str]:
        kind = str(self._random.choice(list(SHARES), p=list(SHARES.values())))
        groups = {name: share for name, share in REAL_SHARES.items() if self._groups[name]}
        if kind == "print" or (kind == "real" and not groups):
            return self._print.line()
        if kind == "handwriting":
            return self._hand.line()
        shares = np.array(list(groups.values()))
        lines = self._groups[str(self._random.choice(list(groups), p=shares / shares.sum()))]
        line = lines[int(self._random.integers(len(lines)))]
        return roughen(line.image, self._random), line.text

    def _fits(self, image: np.ndarray, text: str) -> bool:
        repeats = sum(a == b for a, b in zip(text, text[1:], strict=False))
        room = image.shape[1] // STEP_PIXELS
        return len(text) + repeats < room and image.shape[1] <= WIDTHS[-1] and set(text) <= set(self._classes)

    def _batch(self, lines: list[tuple[np.ndarray, str]], width: int) -> Batch:
        codes = [[self._classes[c] for c in text] for _, text in lines]
        return (
            torch.from_numpy(stacked([image for image, _ in lines], width)),
            torch.tensor([c for code in codes for c in code]),
            torch.tensor([len(code) for code in codes]),
        )


def stacked(pictures: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Return pictures as one tensor (n, 3, 48, width), padded with 0."""
    batch = np.zeros((len(pictures), 3, HEIGHT, width), np.float32)
    for place, picture in zip(batch, pictures, strict=True):
        place[:, :, : picture.shape[1]] = picture.transpose(2, 0, 1) / 127.5 - 1
    return batch


class Training:
    """The network, its averaged copy, the optimizer, and the step they are at; kept in a file."""

    def __init__(self, model: onnx.ModelProto, steps: int, path: Path, rate: float = PEAK_RATE) -> None:
        """Start anew, or go on from the checkpoint."""
        self.network, self.average = (TrainableGraph(model, before_softmax(model)) for _ in range(2))
        self.optimizer = torch.optim.AdamW(self.network.parameters(), rate, weight_decay=0.01)
        self._peak = rate
        self.step, self.steps, self._path, self.curve = 0, steps, path, []
        if path.exists():
            state = torch.load(path, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.curve = state["step"], state["curve"]

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "curve": self.curve,
        }
        torch.save(state, self._path.with_suffix(".part"))
        self._path.with_suffix(".part").replace(self._path)

    def learn(self, batch: Batch) -> float:
        """Take one step and return its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        images = batch[0].contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=HALF):
            loss = self.loss(images, self.network(images), batch)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.optimizer.step()
        self.step += 1
        decay = min(AVERAGE, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1 - decay)
        return loss.item()

    def loss(self, images: torch.Tensor, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return how far the network is from reading the transcripts of a batch, for each character."""
        _, codes, lengths = batch
        likely = logits.float().log_softmax(-1).transpose(0, 1)
        times = torch.full((len(lengths),), likely.shape[0])
        return torch.nn.functional.ctc_loss(likely, codes, times, lengths, zero_infinity=True)

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / WARM_UP)
        return self._peak * warm * (0.02 + 0.98 * (1 + math.cos(math.pi * min(self.step / self.steps, 1))) / 2)


def character_errors(network: TrainableGraph, lines: list[real_lines.Line], characters: list[str]) -> dict[str, float]:
    """Return the character error rate of the best path, in per cent, by group of lines that do not train."""
    from rapidfuzz.distance import Levenshtein

    errors: dict[str, list[int]] = {}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=HALF):
        for line in (line for line in lines if not line.trains):
            width = next((width for width in WIDTHS if line.image.shape[1] <= width), line.image.shape[1])
            best = network(torch.from_numpy(stacked([line.image], width)))[0].argmax(-1).numpy()
            changed = np.concatenate([[True], best[1:] != best[:-1]])
            found = "".join(characters[k - 1] for k in best[changed] if k)
            errors.setdefault(line.group, []).append(Levenshtein.distance(line.text, " ".join(found.split())))
    totals = {group: sum(len(x.text) for x in lines if not x.trains and x.group == group) for group in errors}
    return {group: round(100 * sum(found) / totals[group], 2) for group, found in sorted(errors.items())}


def held_out_fonts(folder: Path, count: int) -> list[real_lines.Line]:
    """Return rendered lines in hands that training does not see."""
    renderer = LineRenderer([path for path in fonts.handwriting(folder) if fonts.is_held_out(path)], 5, 1.0)
    return [real_lines.Line(*renderer.line(), "held_out_fonts", False) for _ in range(count)]


def train(training: Training, characters: list[str], options: argparse.Namespace) -> None:
    """Train to the last step, with a checkpoint and a report from time to time."""
    real = real_lines.read(options.lines) if options.lines else []
    checks = real + held_out_fonts(options.fonts, 4 if options.smoke else 200)
    stream = LineStream(options.fonts, real, {c: n + 1 for n, c in enumerate(characters)}, 100 + training.step)
    losses, started = [], time.monotonic()
    loader = DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=8, multiprocessing_context="spawn")
    for batch in loader:
        if training.step % options.every == 0 or training.step >= training.steps:
            rates = character_errors(training.average, checks, characters)
            training.curve.append({"step": training.step, **rates})
            training.save()
            spent = time.monotonic() - started
            print(f"step {training.step}  loss {np.mean(losses or [0]):.3f}  {spent:.0f} s  {rates}", flush=True)
            losses = []
        if training.step >= training.steps:
            return
        losses.append(training.learn(batch))


def parse(description: str | None) -> argparse.Namespace:
    """Parse the command line, and prepare to train as it says."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fonts", type=Path, required=True, help="folder that npm installed the fonts into")
    parser.add_argument("--lines", type=Path, help="folder of sets of real lines")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--output", type=Path, default=Path("models"), help="folder for the ONNX files")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--smoke", action="store_true", help="a few steps, to see that all of it works")
    options = parser.parse_args()
    if options.smoke:
        options.steps, options.every = 4, 2
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    options.work.mkdir(parents=True, exist_ok=True)
    return options


def main() -> None:
    """Train, and write the network as ONNX files."""
    options = parse(__doc__)
    graph, characters = ppocr_recognizer.latin_graph(ppocr_recognizer.load)
    training = Training(graph, options.steps, options.work / "handwriting.pt")
    train(training, characters, options)
    read = blend(graph, training.average, KEPT)
    export(read, characters, options, "handwriting_ctc", METADATA, 0.96, int8_stem=True)


def before_softmax(model: onnx.ModelProto) -> str:
    """Return the name of the value that the last Softmax takes."""
    return str(model.graph.node[-1].input[0])


def blend(start: onnx.ModelProto, trained: TrainableGraph, kept: float) -> onnx.ModelProto:
    """Return a network whose weights lie between those at the start, of which a share is kept, and the trained ones."""
    blended = TrainableGraph(start)
    with torch.no_grad():
        torch._foreach_lerp_(list(blended.parameters()), list(trained.parameters()), 1 - kept)
    return blended.to_model()


def export(
    model: onnx.ModelProto,
    characters: list[str],
    options: argparse.Namespace,
    stem: str,
    about: dict[str, str],
    least: float,
    int8_stem: bool = False,
) -> None:
    """Write the network as float16 and int8 files, which must agree on a least share of time steps."""
    hands = [path for path in fonts.handwriting(options.fonts) if not fonts.is_held_out(path)]
    renderers = (LineRenderer(hands, 7, 1.0, fonts.printed()), LineRenderer(fonts.printed(), 7, 0.35))
    lines = [renderer.line()[0] for renderer in renderers for _ in range(5 if options.smoke else 100)]
    checks = [renderer.line()[0] for renderer in renderers for _ in range(12)]
    metadata = about | {"characters": json.dumps(characters, ensure_ascii=False)}
    ppocr_recognizer.write_pair(model, lines, checks, options.output, stem, metadata, least, int8_stem)


if __name__ == "__main__":
    main()
