"""Measure the models of this folder: milliseconds on one thread, agreement of int8 with float, character error rate.

Usage: python models/recipes/measure.py [--models models] [--pages FOLDER] [--lines FOLDER ...]

Times are the least processor time of several runs on one thread, which other work on the machine hardly changes.
A folder of lines holds `images/` and `gt.tsv` (file name, tab, transcript).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import common
import craft
import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pages
import ppocr_detector
import ppocr_recognizer

from raypipe.detection.base import Thresholds
from raypipe.detection.families import FAMILIES

DETECTOR_SHAPES = ((1, 3, 384, 512), (1, 3, 736, 736), (1, 3, 736, 960), (1, 3, 960, 1280))
LINE_SHAPES = ((8, 3, 48, 320), (1, 3, 48, 960))
PAIRS = (
    ("craft_mlt_25k_fp16.onnx", "craft_mlt_25k_int8.onnx", craft.tensor, 960, FAMILIES["craft"].thresholds),
    ("ppocrv6_det_small.onnx", "ppocrv6_det_small_int8.onnx", ppocr_detector.tensor, 1280, FAMILIES["db"].thresholds),
)
"""Float file, int8 file, input tensor, longest side of a page, thresholds."""


def milliseconds(session: ort.InferenceSession, shape: tuple[int, ...]) -> float:
    """Return the least processor time of five runs on noise."""
    feed = {session.get_inputs()[0].name: np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)}
    session.run(None, feed)
    times = []
    for _ in range(5):
        start = time.process_time()
        session.run(None, feed)
        times.append(time.process_time() - start)
    return 1000 * min(times)


def boxes(maps: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """Return the bounding boxes of the components of a score map, and of CRAFT's links, whose peak is high enough."""
    text = (maps[0] > thresholds.text) | (maps[1] > thresholds.link if len(maps) > 1 else False)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(text.astype(np.uint8), connectivity=4)
    peaks = np.zeros(count, np.float32)
    np.maximum.at(peaks, labels.ravel(), maps[0].ravel())
    found = stats[1:][(peaks[1:] >= thresholds.score) & (stats[1:, cv2.CC_STAT_AREA] >= 10)].astype(np.float64)
    return np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], axis=1)


def kept(one: np.ndarray, two: np.ndarray) -> int:
    """Return how many boxes of the first set overlap one of the second by half (intersection over union)."""
    if not len(one) or not len(two):
        return 0
    sides = np.minimum(one[:, None, 2:], two[None, :, 2:]) - np.maximum(one[:, None, :2], two[None, :, :2])
    shared = np.clip(sides, 0, None).prod(axis=2)
    areas = [np.prod(box[:, 2:] - box[:, :2], axis=1) for box in (one, two)]
    return int((shared / (areas[0][:, None] + areas[1][None] - shared) >= 0.5).any(axis=1).sum())


def compare_detectors(models: Path, folder: Path) -> None:
    """Print how many boxes of the float detectors their int8 forms keep on the pages of a folder."""
    images = pages.read_folder(folder)
    for exact, small, tensor, side, thresholds in PAIRS:
        sessions = [common.session(onnx.load(models / name)) for name in (exact, small)]
        counts = np.zeros(4, int)
        for image in images:
            feed = {"image": tensor(pages.resize(image, side))}
            one, two = (boxes(s.run(None, feed)[0][0], thresholds) for s in sessions)
            counts += [len(one), len(two), kept(one, two), kept(two, one)]
        print(f"{small}: {counts[2]} of {counts[0]} boxes kept, {counts[3]} of {counts[1]} confirmed")


def greedy(probabilities: np.ndarray, characters: list[str]) -> str:
    """Return the best path of a CTC output as text."""
    best = probabilities.argmax(axis=-1)
    changed = np.concatenate([[True], best[1:] != best[:-1]])
    return "".join(characters[k - 1] for k in best[changed] if k)


def distance(one: str, two: str) -> int:
    """Return the edit distance of two strings."""
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(two, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def character_error_rate(path: Path, folder: Path) -> float:
    """Return a recogniser's greedy character error rate, in per cent, on a folder of lines."""
    model = onnx.load(path)
    characters = json.loads({p.key: p.value for p in model.metadata_props}["characters"])
    session = common.session(model)
    errors = total = 0
    for row in (folder / "gt.tsv").read_text(encoding="utf-8").splitlines():
        name, text = row.split("\t", 1)
        line = cv2.imread(str(folder / "images" / name))
        found = greedy(session.run(None, {"image": ppocr_recognizer.tensor(line)})[0][0], characters)
        errors += distance(" ".join(text.split()), " ".join(found.split()))
        total += len(" ".join(text.split()))
    return 100 * errors / max(1, total)


def report_times(files: list[Path], shapes: tuple[tuple[int, ...], ...]) -> None:
    """Print one row of times per model."""
    for path in files:
        session = common.session(onnx.load(path))
        times = "  ".join(f"{'x'.join(map(str, shape))} {milliseconds(session, shape):7.1f}" for shape in shapes)
        print(f"{path.name:40s} {times}")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--pages", type=Path, help="folder of pictures to compare int8 and float detectors on")
    parser.add_argument("--lines", type=Path, nargs="*", default=[], help="folders of line crops with transcripts")
    options = parser.parse_args()
    detectors = [options.models / name for pair in PAIRS for name in pair[:2]]
    names = ("ppocrv6_rec_*.onnx", "handwriting_*.onnx")
    recognizers = sorted(path for name in names for path in options.models.glob(name))
    report_times(detectors, DETECTOR_SHAPES)
    report_times(recognizers, LINE_SHAPES)
    if options.pages:
        compare_detectors(options.models, options.pages)
    for folder in options.lines:
        rates = [f"{path.stem} {character_error_rate(path, folder):.2f}" for path in recognizers]
        print(f"{folder.name}: character error rate  " + "  ".join(rates))


if __name__ == "__main__":
    main()
