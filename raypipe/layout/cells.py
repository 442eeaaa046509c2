"""Cells of a table that are centred beside cells of more lines: what is read beside their first line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats, bounds
from raypipe.layout.chains import Indices
from raypipe.types import Boxes

LEADING, ALIKE = 0.8, 1.5
"""The lines of a cell are at most this many line heights apart, and at most this many times as high as each other."""
CENTRED = 0.2
"""The middles of two cells are this close, in line heights."""
MOST_LINES = 8
"""A cell has at most this many lines: longer ones are text of its own."""


def raised(lines: Boxes) -> tuple[Boxes, npt.NDArray[np.bool_]]:
    """Level lines (n, 5), with cells that are centred moved up, and which lines of these are first in their cell, (n,).

    A cell is known to be centred by lines that stand between those of the cell beside it: of an even number of lines
    beside an odd one. Otherwise the two may be rows of a table, of which some are empty.
    """
    box, cell = bounds(lines), _cells(lines)
    found, first = lines.copy(), np.zeros(len(lines), np.bool_)
    groups = [np.flatnonzero(cell == n) for n in range(int(cell.max(initial=-1)) + 1)]
    around = np.array([[*box[some, :2].min(0), *box[some, 2:].max(0)] for some in groups], np.float32).reshape(-1, 4)
    counts = np.array([len(some) for some in groups])
    for n, some in enumerate(groups):
        beside = _beside(around, n) & (counts <= MOST_LINES) & ((counts - counts[n]) % 2 == 1)
        for other in np.flatnonzero(beside):
            height = float(np.median(lines[some, 3]))
            size = float(np.median(lines[groups[other], 3])) / height
            off = abs(float(around[n, 1::2].mean() - around[other, 1::2].mean()))
            if off <= CENTRED * height and 1 / ALIKE < size < ALIKE and _is_alone(around, n, around[other]):
                found[some, 1] -= around[n, 1] - around[other, 1]
                first[some[lines[some, 1].argmin()]] = True
                break
    return found, first


def _cells(lines: Boxes) -> Indices:
    """The number of each line's cell, (n,): lines close below each other share one."""
    box, height = bounds(lines), lines[:, 3]
    cell = np.full(len(lines), -1, np.int64)
    for n in np.argsort(lines[:, 1], kind="stable").tolist():
        gap = box[n, 1] - box[:, 3]
        overlap = np.minimum(box[:, 2], box[n, 2]) - np.maximum(box[:, 0], box[n, 0])
        size = np.maximum(height, height[n]) / np.minimum(height, height[n])
        near = (cell >= 0) & (np.abs(gap) <= LEADING * height[n]) & (overlap > 0) & (size < ALIKE)
        cell[n] = cell[np.flatnonzero(near)[gap[near].argmin()]] if near.any() else cell.max() + 1
    return cell


def _beside(around: Floats, n: int) -> npt.NDArray[np.bool_]:
    """Which cells, of bounds (m, 4), begin above a cell beside them and end below it."""
    left, top, right, bottom = around[n]
    apart = (around[:, 0] > right) | (around[:, 2] < left)
    return np.asarray(apart & (around[:, 1] < top) & (around[:, 3] > bottom))


def _is_alone(around: Floats, n: int, other: Floats) -> bool:
    """Whether a cell has nothing above or below it as far as the other one reaches."""
    left, _, right, _ = around[n]
    column = (around[:, 0] < right) & (around[:, 2] > left)
    within = (around[:, 1] < other[3]) & (around[:, 3] > other[1])
    return int(np.count_nonzero(column & within)) == 1
