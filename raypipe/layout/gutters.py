"""Where the lines of a page leave room for a gutter between columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats

COLUMN_LINES = 4
"""A column of text has at least this many lines."""
LEVEL, ALIKE = 0.5, 1.5
"""A line is level with one that crosses a gutter if their middles are this close, in line heights, and if they differ
in height by less than `ALIKE` times: a headline over columns may stand beside the text of another one."""

Mask = npt.NDArray[np.bool_]


class Gutter(NamedTuple):
    """A gutter: where the lines on its left end, and the middles of the lines that cross it above and below.

    `top` and `bottom` are infinite if no line crosses it there. `left` and `right` say which lines stand on its sides,
    (n,) each. Lines that are level with one that crosses it do not: what stands beside a running head is no column.
    """

    x: float
    top: float
    bottom: float
    left: Mask
    right: Mask


def gutters(box: Floats, least: int = COLUMN_LINES) -> list[Gutter]:
    """The gutters between lines of bounds (n, 4), those between the longest columns first.

    Every right edge is tried. Lines that cross it cut the page into bands; a band with `least` lines on both sides is a
    block that may be columns.
    """
    if len(box) < 2 * least:
        return []
    middle, height = box[:, 1::2].mean(1), box[:, 3] - box[:, 1]
    found: dict[tuple[float, float, int, int], Gutter] = {}
    for x in _between(box, least):
        left, right = box[:, 2] <= x, box[:, 0] > x
        crossing = np.flatnonzero(~left & ~right)
        crossing = crossing[np.argsort(middle[crossing], kind="stable")]
        edges = np.concatenate([[-np.inf], middle[crossing], [np.inf]]).astype(np.float32)
        band = np.searchsorted(edges, middle) - 1
        apart = ~_level(middle, height, edges, np.pad(height[crossing], 1), band)
        left, right = left & apart, right & apart
        counts = [np.bincount(band[side], minlength=len(edges) - 1) for side in (left, right)]
        for n in np.flatnonzero(np.minimum(*counts) >= least):
            here, key = band == n, (edges[n], edges[n + 1], int(counts[0][n]), int(counts[1][n]))
            # A band with as many lines on both sides of another gutter has the same lines on them.
            if key not in found:
                found[key] = Gutter(float(x), float(edges[n]), float(edges[n + 1]), left & here, right & here)
    # Of blocks with as short a column, the one with more lines: a ragged edge must not end the longer column.
    best = sorted(found.items(), key=lambda block: (-min(block[0][2:]), -sum(block[0][2:])))
    return [gutter for _, gutter in best]


def _between(box: Floats, least: int) -> Floats:
    """The right edges that have at least so many lines on both sides."""
    ends = np.sort(box[:, 2])
    before = np.arange(1, len(ends) + 1)
    after = len(box) - np.searchsorted(np.sort(box[:, 0]), ends, side="right")
    return np.unique(ends[(before >= least) & (after >= least)])


def _level(middle: Floats, height: Floats, edges: Floats, heights: Floats, band: npt.NDArray[np.int64]) -> Mask:
    """Which lines are level with the line above or below their band, whose middles are `edges`."""
    found = np.zeros(len(middle), np.bool_)
    for edge in (band, band + 1):
        lower, higher = np.minimum(height, heights[edge]), np.maximum(height, heights[edge])
        found |= (np.abs(middle - edges[edge]) < LEVEL * lower) & (higher < ALIKE * lower)
    return found
