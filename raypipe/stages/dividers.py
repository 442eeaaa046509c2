"""What parts columns for the eye: a long vertical rule between them, or the edge of the ground of one of them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from raypipe.geometry import Floats, bounds, crop
from raypipe.layout.chains import Indices
from raypipe.layout.gutters import Gutter, gutters
from raypipe.layout.lines import page_angle, turned
from raypipe.types import Boxes, Pixels

SCALE, WIDEST, ROW = 16, 640, 8
"""The paper between columns is scaled so that most lines are `SCALE` pixels high; it is then at most `WIDEST` wide, and
edges are looked for in the means of `ROW` pixels from top to bottom."""
NARROWEST, SHORTEST = 0.4, 2.0
"""Columns are at least this many line heights apart, and stand side by side for this many."""
BEYOND = 0.7
"""A divider goes on above or below the lines beside it for this share of the distance between two of them: the ground
of a column in a table does not."""
STEP, NEAR = 8, 1
"""At an edge, brightness or a colour changes by at least `STEP` of 255 within `NEAR` pixels on both sides."""
SHARP, FAR = 0.6, 4
"""It changes by at least `SHARP` of its range within `FAR` pixels on both sides: at the edge of a shadow, by less."""
EVEN, NOISE, STRAIGHT = 0.4, 2, 1.5
"""From one row to the next, the change differs by at most `EVEN` of the mean one, and `NOISE`: a crease is uneven. No
row is more than `STRAIGHT` pixels off the straight line."""
MARKED = 0.04
"""At most this share of the paper beside a divider has edges: elsewhere, there is something that was not found."""


class Strip(NamedTuple):
    """The paper between two columns, level.

    Attributes:
        left, top, right, bottom: Where lines stand on both sides of it.
        above, below: How far a divider goes on beyond these lines; 0 if there is no room.
    """

    left: float
    top: float
    right: float
    bottom: float
    above: float
    below: float

    @staticmethod
    def of(gutter: Gutter, box: Floats, page: Floats, height: float) -> Strip:
        """The strip of a gutter between lines of bounds (n, 4) and this height, on a page of bounds (4,)."""
        sides = box[gutter.left], box[gutter.right]
        left, right = float(sides[0][:, 2].max()), float(sides[1][:, 0].min())
        top, bottom = max(float(side[:, 1].min()) for side in sides), min(float(side[:, 3].max()) for side in sides)
        across = box[(box[:, 0] < right) & (box[:, 2] > left)]
        above = top - float(across[across[:, 1] < top, 3].max(initial=page[1]))
        below = float(across[across[:, 3] > bottom, 1].min(initial=page[3])) - bottom
        steps = np.concatenate([np.diff(np.sort(side[:, 1])) for side in sides])
        rows = steps[steps > height / 2]  # Regions may be words, several in a row.
        beyond = BEYOND * float(np.median(rows)) if len(rows) else np.inf
        return Strip(left, top, right, bottom, *(beyond if room >= beyond else 0.0 for room in (above, below)))


def dividers(pixels: Pixels, boxes: Boxes) -> Boxes:
    """The dividers between columns of text on a page, as boxes (m, 5) around them.

    There is none where another edge crosses the paper between the columns, as those of a table's rows do.

    Args:
        pixels: The page, uint8 (h, w, 3).
        boxes: Its regions (n, 5).
    """
    angle, (height, width) = page_angle(boxes), pixels.shape[:2]
    level = turned(boxes, -angle)
    box, page = bounds(level), bounds(turned(np.array([[width / 2, height / 2, width, height, 0]], np.float32), -angle))
    line = float(np.median(level[:, 3])) if len(level) else 0.0
    strips = dict.fromkeys(Strip.of(gutter, box, page[0], line) for gutter in gutters(box))
    found = [each for strip in strips if (each := _divider(pixels, strip, line, angle))]
    return turned(np.array(found, np.float32).reshape(-1, 5), angle)


def _divider(pixels: Pixels, strip: Strip, height: float, angle: float) -> tuple[float, ...] | None:
    """The level box of the divider in a strip, on a page with lines of this height, at this angle."""
    left, top, right, bottom, above, below = strip
    if right - left < NARROWEST * height or bottom - top < SHORTEST * height or not (above or below):
        return None
    start, end, unit = top - above, bottom + below, ROW * height / SCALE
    box = np.array([[(left + right) / 2, (start + end) / 2, right - left, end - start, 0]], np.float32)
    rows = round((end - start) / unit)
    paper = crop(pixels, turned(box, angle)[0], ROW * rows, WIDEST).astype(np.float32)
    edges = _edges(cv2.resize(paper, (paper.shape[1], rows), interpolation=cv2.INTER_AREA))
    first, last = round(above / unit), rows - round(below / unit)
    for part in [edges[:last]] * (above > 0) + [edges[first:]] * (below > 0):
        if part.max((1, 2)).min() < STEP:
            continue  # Nothing is in some row.
        path = _path(part)
        if _is_drawn(part, path) and not _is_crossed(paper[ROW * (first + 1) : ROW * (last - 1)], path[:, 0]):
            x = left + (float(path[:, 0].mean()) + 0.5) * (right - left) / paper.shape[1]
            return x, (top + bottom) / 2, 1.0, bottom - top, 0.0
    return None


def _edges(paper: Floats) -> Floats:
    """How much paper (h, w, 3) becomes brighter and darker at edges, from left to right, in each channel: (h, w, 6)."""
    near, around = _change(paper, NEAR), np.ones((1, 2 * FAR + 1), np.uint8)
    edges = np.where(np.abs(near) >= SHARP * (cv2.dilate(paper, around) - cv2.erode(paper, around)), near, 0)
    return np.concatenate([edges, -edges], 2)


def _change(values: Floats, reach: int) -> Floats:
    """The change along the second axis within `reach` places on both sides of each."""
    padded = np.pad(values, ((0, 0), (reach, reach), *[(0, 0)] * (values.ndim - 2)), mode="edge")
    return np.asarray(padded[:, 2 * reach :] - padded[:, : -2 * reach])


def _path(edges: Floats) -> Indices:
    """The way down edges (h, w, 6) whose faintest place is the clearest: the column and channel in each row, (h, 2)."""
    faintest = [edges[0]]
    for row in edges[1:]:
        faintest.append(np.minimum(row, _near(faintest[-1]).max(0)))
    x, channel = np.unravel_index(int(faintest[-1].argmax()), edges.shape[1:])
    columns = [int(x)]
    for row in faintest[-2::-1]:
        columns.append(columns[-1] + int(_near(row)[:, columns[-1], channel].argmax()) - 1)
    return np.stack([columns[::-1], np.full(len(columns), channel)], 1)


def _near(row: Floats) -> Floats:
    """The values (w, 6) at the left of each place, there and at its right: (3, w, 6)."""
    padded = np.pad(row, ((1, 1), (0, 0)), constant_values=-np.inf)
    return np.stack([padded[:-2], padded[1:-1], padded[2:]])


def _is_drawn(edges: Floats, path: Indices) -> bool:
    """Whether the edge along a path (see `_path`) is clear, even and straight, and there are few others."""
    rows, columns = np.arange(len(path)), path[:, 0]
    change = edges[rows, columns, path[:, 1]]
    uneven = float(np.abs(np.diff(change)).max()) - EVEN * float(change.mean())
    wrong = columns - np.polyval(np.polyfit(rows, columns, 1), rows)
    if change.min() < STEP or uneven > NOISE or np.abs(wrong).max() > STRAIGHT:
        return False
    beside = np.abs(np.arange(edges.shape[1]) - columns[:, None]) > FAR
    return bool((beside & (edges.max(2) >= STEP)).mean() <= MARKED)


def _is_crossed(paper: Floats, divider: Indices) -> bool:
    """Whether edges cross paper (h, w, 3) on both sides of a divider, whose columns are given."""
    sides = [paper[:, : max(divider.min() - FAR, 0)], paper[:, divider.max() + FAR + 1 :]]
    means = [side.mean(1) for side in sides if side.shape[1]]
    crossing = [(np.abs(_change(mean.T, NEAR)) >= STEP).any(0) for mean in means]
    wide = [np.convolve(each, np.ones(3), "same") > 0 for each in crossing]
    return bool(wide and np.logical_and.reduce(wide).any())
