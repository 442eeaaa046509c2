"""Where the lines of a page leave room for a gutter between columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats

COLUMN_LINES = 4
"""A column of text has at least this many lines."""


class Gutter(NamedTuple):
    """A gutter: where the lines on its left end, and the middles of the lines that cross it above and below.

    `top` and `bottom` are infinite if no line crosses it there.
    """

    x: float
    top: float
    bottom: float

    def sides(self, box: Floats) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which lines, of bounds (n, 4), stand on its left and on its right: (n,) each."""
        middle = (box[:, 1] + box[:, 3]) / 2
        inside = (middle > self.top) & (middle <= self.bottom)
        return inside & (box[:, 2] <= self.x), inside & (box[:, 0] > self.x)


def gutters(box: Floats) -> list[Gutter]:
    """The gutters between lines of bounds (n, 4), those between the longest columns first.

    Every right edge is tried. Lines that cross it cut the page into bands; a band with many lines on both sides is a
    block that may be columns.
    """
    if len(box) < 2 * COLUMN_LINES:
        return []
    middle = (box[:, 1] + box[:, 3]) / 2
    found: dict[tuple[float, float, int, int], float] = {}
    for gutter in np.unique(box[:, 2]):
        left, right = box[:, 2] <= gutter, box[:, 0] > gutter
        edges = np.concatenate([[-np.inf], np.sort(middle[~left & ~right]), [np.inf]])
        band = np.searchsorted(edges, middle) - 1
        counts = [np.bincount(band[side], minlength=len(edges) - 1) for side in (left, right)]
        for n in np.flatnonzero(np.minimum(*counts) >= COLUMN_LINES):
            # A band with as many lines on both sides of another gutter has the same lines on them.
            found.setdefault((edges[n], edges[n + 1], int(counts[0][n]), int(counts[1][n])), gutter)
    # Of blocks with as short a column, the one with more lines: a ragged edge must not end the longer column.
    best = sorted(found.items(), key=lambda block: (-min(block[0][2:]), -sum(block[0][2:])))
    return [Gutter(x, top, bottom) for (top, bottom, *_), x in best]
