"""Recall and precision of text lines at an intersection over union of 0.5, with seconds a page.

Example: python benchmarks/detection.py DATA --detectors image_text_detector_v2_opt text_detector_db_opt

A set is a folder with images/, boxes.jsonl and, where only some pages are to be measured, splits.tsv (its dev rows).
Each detector is measured with its words joined by the layout's geometry and, where it has a refiner, with that.
`hulls` compares upright boxes around lines, `outlines` the rotated boxes with the outlines as they were drawn by hand.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import raypipe as rp
from raypipe.geometry import bounds, corners
from raypipe.inputs.pages import pages
from raypipe.layout.lines import join_lines
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.run.local import processor
from raypipe.types import PageRecord, boxes_from_regions
from raypipe.zoo import manifest

DETECTORS = ["image_text_detector_v2", "image_text_detector_v2_opt", "text_detector_db", "text_detector_db_opt"]
SETS = ["letters1905_pages", "phone_pages"]
HELD_OUT = {"phone_pages": {"breta_text3.jpg", "breta_page09.jpg"}}
"""Pages of sets without splits.tsv that no model of ours was trained on."""
MATCH = 0.5
SIDE = 1500
"""Longer side of the grid on which outlines are compared."""


def pages_of(folder: Path) -> list[dict[str, Any]]:
    """The pages of a set that are to be measured, with their lines."""
    rows = [json.loads(row) for row in (folder / "boxes.jsonl").read_text(encoding="utf-8").splitlines()]
    names = HELD_OUT.get(folder.name, {row["file"] for row in rows})
    if (folder / "splits.tsv").exists():
        splits = [row.split("\t") for row in (folder / "splits.tsv").read_text(encoding="utf-8").splitlines()]
        names = {row[0] for row in splits if row[1] == "dev"}
    return [row for row in rows if row["file"] in names]


class LineFinder:
    """A detector, with its words joined by its refiner or by the layout's geometry."""

    def __init__(self, model: str, width: int, refiner: bool, threads: int) -> None:
        decode = rp.BinaryToImage(image_type="TYPE_3BYTE_BGR")
        detect = rp.ImageTextDetector(model=model, use_gpu=False, width=width, size_threshold=-1, with_refiner=refiner)
        self._process = processor(rp.Pipeline([decode, detect]).graph, threads, Metrics())
        self._refiner = refiner

    def find(self, file: Path) -> tuple[np.ndarray, float]:
        """The line boxes (n, 5) of a page, and the seconds from its file to them."""
        start = time.perf_counter()
        (row,) = self._process(list(pages({"path": str(file), "name": file.name, "content": None})))
        boxes = boxes_from_regions(PageRecord(row).regions)
        if not self._refiner and len(boxes):
            boxes, _ = join_lines(boxes, np.ones(len(boxes), np.float32))
        return boxes, time.perf_counter() - start


def of_hulls(truth: Sequence[np.ndarray], boxes: np.ndarray) -> np.ndarray:
    """Intersection over union (lines, boxes) of upright boxes."""
    first = np.array([[*outline.min(0), *outline.max(0)] for outline in truth])
    second = bounds(boxes)
    sides = np.minimum(first[:, None, 2:], second[None, :, 2:]) - np.maximum(first[:, None, :2], second[None, :, :2])
    shared = np.clip(sides, 0, None).prod(2)
    areas = [np.prod(box[:, 2:] - box[:, :2], axis=1) for box in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None] - shared)


def of_outlines(truth: Sequence[np.ndarray], boxes: np.ndarray, scale: float) -> np.ndarray:
    """Intersection over union (lines, boxes) of areas, counted on a grid."""
    second = [_filled(box * scale) for box in corners(boxes)]
    result = np.zeros((len(truth), len(boxes)))
    for row, outline in enumerate(truth):
        first = _filled(outline * scale)
        for column, other in enumerate(second):
            shared = len(np.intersect1d(first, other, assume_unique=True))
            result[row, column] = shared / max(len(first) + len(other) - shared, 1)
    return result


def _filled(points: np.ndarray) -> np.ndarray:
    """Numbers of the grid's cells inside an outline."""
    mask = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    cv2.fillPoly(mask, [np.rint(points + SIDE // 2).astype(np.int32)], 1)
    return np.flatnonzero(mask)


def matches(overlap: np.ndarray) -> int:
    """How many lines and boxes form pairs of enough overlap, best first, each in one pair."""
    count = 0
    overlap = overlap.copy()
    while overlap.size and overlap.max() >= MATCH:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        overlap[row], overlap[:, column] = 0, 0
        count += 1
    return count


def measured(finder: LineFinder, images: Path, rows: list[dict[str, Any]]) -> list[str]:
    """Recall and precision of hulls and of outlines in per cent, and seconds a page."""
    counts, seconds = np.zeros(4), 0.0
    for row in rows:
        truth = [np.array(line["polygon"], np.float32) for line in row["lines"]]
        boxes, spent = finder.find(images / row["file"])
        overlaps = of_hulls(truth, boxes), of_outlines(truth, boxes, SIDE / max(row["width"], row["height"]))
        counts += [*(matches(overlap) for overlap in overlaps), len(truth), len(boxes)]
        seconds += spent
    hulls, outlines, lines, found = counts.tolist()
    shares = (hulls / lines, hulls / max(found, 1), outlines / lines, outlines / max(found, 1))
    return [*(f"{100 * share:.1f}" for share in shares), f"{seconds / len(rows):.2f}"]


def main() -> None:
    """Measure each detector on each set and print a row each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--detectors", nargs="+", default=DETECTORS)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--threads", type=int, default=usable_cpus())
    arguments = parser.parse_args()
    print("| set | detector | lines by | hulls R | hulls P | outlines R | outlines P | seconds a page |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name in arguments.sets:
        rows = pages_of(arguments.data / name)
        for model in arguments.detectors:
            ways = [False, True] if manifest.resolve(model, "detection").family == "craft" else [False]
            for refiner in ways:
                finder = LineFinder(model, arguments.width, refiner, arguments.threads)
                figures = measured(finder, arguments.data / name / "images", rows)
                way = "refiner" if refiner else "geometry"
                print(f"| {name} | {model} | {way} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
