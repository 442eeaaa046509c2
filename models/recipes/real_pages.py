"""Real pages with the boxes of their lines that may train weights, and line maps of them as `line_pages` makes them.

- `letters1905_pages`, train split: Memorials of Jane Lathrop Stanford (HTR-United), CC-BY-4.0,
  doi 10.5281/zenodo.6126625
- `phone_pages`, two of four: Breta01/handwriting-ocr, MIT
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

PHONE_PAGES = {"breta_test3.jpg", "breta_test4.jpg"}
SMALLEST, LARGEST = 560, 1900
"""Longer side of a page when a crop is taken from it."""
BAND = 0.16
"""Half the height of the x-height band, in heights of the line's outline."""
ONE_LINE_GAP = 2.5
"""Outlines of a row closer than this many of their heights may be one line or two."""
LINE, UNKNOWN = 255, 128


@dataclass(frozen=True)
class RealPage:
    """A page (h, w, 3), BGR, and the outlines (points, 2) of its lines."""

    image: np.ndarray
    outlines: list[np.ndarray]


def training_pages(data: Path) -> list[RealPage]:
    """Return the pages of the data folder that may train weights."""
    splits = (data / "letters1905_pages" / "splits.tsv").read_text(encoding="utf-8").splitlines()
    letters = {row.split("\t")[0] for row in splits if row.endswith("\ttrain")}
    return [*_pages(data / "letters1905_pages", letters), *_pages(data / "phone_pages", PHONE_PAGES)]


def _pages(folder: Path, names: set[str]) -> list[RealPage]:
    found = []
    for row in (folder / "boxes.jsonl").read_text(encoding="utf-8").splitlines():
        page = json.loads(row)
        if page["file"] in names:
            outlines = [np.array(line["polygon"], np.float32) for line in page["lines"]]
            found.append(RealPage(cv2.imread(str(folder / "images" / page["file"])), outlines))
    return found


def crop(page: RealPage, random: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return a random part of a page at a random scale and a slight turn, and the outlines on it."""
    height, width = shape
    side = math.exp(random.uniform(math.log(SMALLEST), math.log(LARGEST)))
    scale = side / max(page.image.shape[:2])
    size = round(page.image.shape[1] * scale), round(page.image.shape[0] * scale)
    small = cv2.resize(page.image, size, interpolation=cv2.INTER_AREA)
    matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), random.normal(0, 2.5), 1)
    matrix[:, 2] -= [random.uniform(*sorted((0, size[0] - width))), random.uniform(*sorted((0, size[1] - height)))]
    image = cv2.warpAffine(small, matrix, (width, height), borderValue=(int(small.mean()),) * 3)
    image = np.clip(image * random.uniform(0.8, 1.15), 0, 255).astype(np.uint8)
    return image, [outline * scale @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2] for outline in page.outlines]


def line_map(outlines: list[np.ndarray], text: np.ndarray) -> np.ndarray:
    """Return the line map (h, w) of a crop.

    A line's band follows the middle of the characters as CRAFT saw them; text outside all outlines is unknown.

    Args:
        outlines: (points, 2) each, in pixels of CRAFT's input.
        text: (h, w), CRAFT's region score at half of that resolution.
    """
    lines, inside = np.zeros(text.shape, np.uint8), np.zeros(text.shape, np.uint8)
    bands = []
    for outline in outlines:
        points = (outline / 2).astype(np.float32)
        cv2.fillPoly(inside, [np.rint(points).astype(np.int32)], 1)
        band = _band(points, text)
        if band is not None:
            bands.append(band)
    for first in bands:
        for second in bands:
            end, start, height = first[0][-1], second[0][0], first[1]
            if 0 < start[0] - end[0] < ONE_LINE_GAP * height and abs(start[1] - end[1]) < 0.4 * height:
                _draw(lines, np.stack([end, start]), height, UNKNOWN)
    for middle, height in bands:
        _draw(lines, middle, height, LINE)
    count, labels = cv2.connectedComponents((text > 0.3).astype(np.uint8))
    outside = np.bincount(labels.ravel(), inside.ravel(), count) == 0
    outside[0] = False
    lines[outside[labels]] = UNKNOWN
    return lines


def _band(points: np.ndarray, text: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Return the middle (points, 2) and the height of a line, None if there is nothing of it on the map."""
    mask = np.zeros(text.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1)
    rows, columns = np.nonzero(mask & (text > 0.25))
    if len(rows) < 8 or np.ptp(columns) < 4:
        return None
    height = float(cv2.contourArea(points)) / max(float(np.ptp(points[:, 0])), 1)
    # What CRAFT missed at an end belongs to the line, unless it is much.
    left = max(float(points[:, 0].min()) + height / 4, columns.min() - 2 * height, 0)
    right = min(float(points[:, 0].max()) - height / 4, columns.max() + 2 * height, text.shape[1])
    degree = 3 if right - left > 8 * height else 1 if right - left > 2 * height else 0
    curve = np.polynomial.Polynomial.fit(columns, rows, degree, w=text[rows, columns])
    x = np.linspace(left, right, max(int((right - left) / 4), 2))
    return np.stack([x, curve(x)], 1), height


def _draw(lines: np.ndarray, middle: np.ndarray, height: float, value: int) -> None:
    """Draw a band along a middle line."""
    half = max(BAND * height, 1.0)
    up, down = middle - [0, half], middle + [0, half]
    cv2.fillPoly(lines, [np.rint(np.concatenate([up, down[::-1]])).astype(np.int32)], value)
