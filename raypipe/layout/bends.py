"""Lines that bend, as on a curled sheet or near the fold of a book: cut into boxes that meet end to end along them.

One straight box around such a line would hold parts of its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from raypipe.geometry import Floats, directions, turn
from raypipe.layout.chains import Indices, follow
from raypipe.types import Boxes

LONG = 3.0
"""The straight box around a line that bends is at least this many times wider than high."""
SPARSE = 0.68
"""A line fills less of the box around it if it bends."""
FLATTER = 0.8
"""A line bends if it is at most this many times as high along its curve as in a straight box."""
DEGREE = 4
"""Of the polynomial that follows a line."""
PIECE = 4.0
"""A piece of a line is about this many times as long as high."""
MEETING = 0.1
"""Pieces meet if their ends are at most this many heights apart, and have the same height to `SAME_HEIGHT`."""
SAME_HEIGHT = 0.01
ANGLES = 0.02, 45.0
"""Degrees by which two pieces of a line differ: boxes of other origin that adjoin, such as cells, have one angle."""


@dataclass(frozen=True)
class Bend:
    """A line along a curve.

    Attributes:
        centre, angle: The frame of the curve: its origin (2,), in pixels of a map, and its turn in degrees.
        curve: Heights along the middle of the line, in that frame.
        start, end: Where the line begins and ends, in that frame.
        height: Of the line across its curve.
    """

    centre: Floats
    angle: float
    curve: np.polynomial.Polynomial
    start: float
    end: float
    height: float

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the line when it is laid flat."""
        return self.end - self.start, self.height

    def pieces(self, width: float, height: float) -> Boxes:
        """Boxes (n, 5) along the line, which has grown to this size: in reading direction, each where the last ends."""
        count = max(round(width / (PIECE * height)), 2)
        knots = np.linspace(self.start, self.end, count + 1)
        points = np.stack([knots, self.curve(knots)], 1)
        longer = (width - (self.end - self.start)) / 2
        for end, inner in ((0, 1), (-1, -2)):  # Straight on: a polynomial runs away outside the places that it fits.
            step = points[end] - points[inner]
            points[end] += step * (longer / np.hypot(*step))
        step = np.diff(points, axis=0)
        boxes = np.empty((count, 5), np.float32)
        boxes[:, :2] = turn(((points[:-1] + points[1:]) / 2).astype(np.float32), self.angle) + self.centre
        boxes[:, 2], boxes[:, 3] = np.hypot(*step.T), height
        boxes[:, 4] = self.angle + np.rad2deg(np.arctan2(step[:, 1], step[:, 0]))
        return boxes


def may_bend(boxes: Boxes, areas: Indices) -> Indices:
    """Which lines are worth a closer look: those that fill little of the boxes (n, 5) around their pixels (n,)."""
    width, height = boxes[:, 2], boxes[:, 3]
    return np.flatnonzero((areas < SPARSE * width * height) & (width >= LONG * height))


def bends_of(boxes: Boxes, lines: Indices, points: Callable[[int], Floats]) -> Mapping[int, Bend]:
    """How lines bend, of those of the straight boxes (n, 5) that are worth a look; without those that do not.

    `points` gives the centres (m, 2) of a line's pixels.
    """
    found = {n: _bend(points(n), boxes[n]) for n in lines.tolist()}
    return {n: bend for n, bend in found.items() if bend}


def _bend(points: Floats, box: Floats) -> Bend | None:
    x, y = turn(points - box[:2], -float(box[4])).T
    column = (x - x.min()).astype(np.int64)
    count = np.bincount(column)
    middle = np.bincount(column, y) / np.maximum(count, 1)
    seen = np.flatnonzero(count)
    curve = np.polynomial.Polynomial.fit(seen + 0.5 + x.min(), middle[seen], DEGREE)
    rest = y - curve(x)
    height = float(rest.max() - rest.min()) + 1
    if height > FLATTER * box[3]:
        return None
    curve += float(rest.max() + rest.min()) / 2
    return Bend(box[:2], float(box[4]), curve, float(x.min()), float(x.max()), height)


def laid_flat(boxes: Boxes, bends: Mapping[int, Bend]) -> Boxes:
    """The boxes (n, 5), those of lines that bend of the size that they have when they are laid flat."""
    flat = boxes.copy()
    for n, bend in bends.items():
        flat[n, 2:4] = bend.size
    return flat


def in_pieces(boxes: Boxes, scores: Floats, bends: Mapping[int, Bend]) -> tuple[Boxes, Floats]:
    """Boxes (n, 5) that have grown, and their scores (n,), with those of lines that bend in pieces."""
    if not bends:
        return boxes, scores
    pieces = [bends[n].pieces(*box[2:4].tolist()) if n in bends else box[None] for n, box in enumerate(boxes)]
    return np.concatenate(pieces), np.repeat(scores, [len(some) for some in pieces])


def whole(boxes: Boxes) -> tuple[list[Indices], Indices]:
    """The boxes (n, 5) of each line that bends, in reading direction, and the other ones."""
    along = directions(boxes[:, 4])[0] * boxes[:, 2:3] / 2
    begin, end, height = boxes[:, :2] - along, boxes[:, :2] + along, boxes[:, 3]
    apart = np.hypot(*(end[:, None] - begin[None]).transpose(2, 0, 1))
    differ = np.abs(height[:, None] - height[None]), np.abs(boxes[:, None, 4] - boxes[None, :, 4])
    meets = (apart <= MEETING * height[:, None]) & (differ[0] <= SAME_HEIGHT * height[:, None])
    meets &= (differ[1] >= ANGLES[0]) & (differ[1] <= ANGLES[1])
    is_long = boxes[:, 2] >= np.maximum(height, 1)
    meets &= is_long[:, None] & is_long[None]
    lines = [line for line in follow(np.where(meets, apart, np.inf)) if len(line) > 1]
    return lines, np.setdiff1d(np.arange(len(boxes)), [n for line in lines for n in line.tolist()])
