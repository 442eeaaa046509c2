"""Regions that run from one column into the next, or into the paper between them: a detector made them too long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats, bounds, directions
from raypipe.layout.chains import ALIGNED, COLUMN_GAP, EDGE, aligned
from raypipe.layout.gutters import gutters
from raypipe.layout.lines import page_angle, turned
from raypipe.recognition.base import Reading
from raypipe.recognition.ink import Extent, extents
from raypipe.stages.reverse import part
from raypipe.types import Boxes, Pixels

NEAR = 1.0
"""A word begins a column if it begins at most this many line heights from where `ALIGNED` lines do."""
WIDE = 1.5
"""The gap before it is at least this many times the usual one between words of its line."""
BARE, BESIDE, MARGIN = 1.0, 0.2, 0.1
"""Where paper at an end of a line is longer than `BARE` line heights, or `BESIDE` if another line is within `BARE`, all
but `MARGIN` is cut off: a detector makes some lines longer than others, and fills a narrow gutter."""
LETTER = 0.2
"""Half the width of a letter is at least so many line heights: no paper is sought where a line's first one is close."""
LEVEL = 10
"""Degrees by which a line may differ from most of its page."""
CLEAR, INTO = 0.5, 0.1
"""A line next to columns is also cut where a space of at least `CLEAR` line heights holds their gutter, into which no
word reaches by more than `INTO` line heights: in a narrow column that is justified, other spaces may be as wide."""
ALIKE = 1.5
"""Such a line is at most this many times as high as those of the columns: the spaces of a headline are wide."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A line picture (h, w, 3), what is read in it, and its segments: rows of `Crops.segment_table()`."""

    reading: Reading
    segments: Floats
    picture: Pixels

    @cached_property
    def words(self) -> list[Extent]:
        """Where its words are."""
        return extents(self.picture, self.reading)

    def between(self, start: int, end: int, left: int, right: int) -> Piece:
        """The characters from `start` to `end`, in the columns from `left` to `right`."""
        some = self.segments[(self.segments[:, 2] > left) & (self.segments[:, 1] < right)].copy()
        first, last, scale = *some[:, 1:3].clip(left, right).T, some[:, 5] / (some[:, 2] - some[:, 1])
        some[:, 3:5] += directions(some[:, 7])[0] * ((first + last - some[:, 1] - some[:, 2]) / 2 * scale)[:, None]
        some[:, 1], some[:, 2], some[:, 5] = first - left, last - left, (last - first) * scale
        reading = part(self.reading, list(range(start, end)))
        reading = replace(reading, centres=[centre - left for centre in reading.centres])
        return Piece(reading, some, self.picture[:, left:right])


def parted(pieces: Sequence[Piece], boxes: Boxes) -> list[Piece]:
    """The pieces of a page, in boxes (n, 5), those that run across a gutter cut there, and without bare ends.

    Lines above or below columns are cut at their gutter one after the other, from the columns on.
    """
    level = turned(boxes, -page_angle(boxes))
    left, _, right, _ = bounds(level).T
    count = aligned(left, np.ones(len(left), np.bool_), EDGE * level[:, 3])
    begin, crossed = left[count >= ALIGNED], _crossed(level)
    bare = np.where(_beside(level), BESIDE, BARE)
    found: list[Piece] = []
    for n, (piece, box, start, end) in enumerate(zip(pieces, level, left, right, strict=True)):
        scale, is_level = piece.picture.shape[1] / (end - start), abs(box[4]) <= LEVEL
        columns, clear = ((each - start) * scale for each in (begin, crossed.get(n, np.zeros((0, 2), np.float32))))
        found += _parts(piece, columns[: len(columns) * is_level], clear[: len(clear) * is_level], float(bare[n]))
    return found


def _crossed(level: Boxes) -> dict[int, Floats]:
    """The clear gutters, (m, 2), that lines next to their columns cross, by the numbers of these lines."""
    box = bounds(level)
    middle = box[:, 1::2].mean(1)
    found: dict[int, list[tuple[float, float]]] = {}
    for gutter in gutters(box):
        height = float(np.median(level[gutter.left | gutter.right, 3]))
        place = float(box[gutter.left, 2].max()), float(box[gutter.right, 0].min())
        if place[1] - place[0] >= COLUMN_GAP * height:
            beside = np.isin(middle, (gutter.top, gutter.bottom)) & (level[:, 3] <= ALIKE * height)
            for n in np.flatnonzero(beside & (box[:, 0] < place[0]) & (box[:, 2] > place[1])).tolist():
                found.setdefault(n, []).append(place)
    return {n: np.array(places, np.float32) for n, places in found.items()}


def _beside(level: Boxes) -> npt.NDArray[np.bool_]:
    """Which lines end or begin within `BARE` line heights of another line that is level with them, (n,)."""
    (left, _, right, _), height = bounds(level).T, level[:, 3]
    rows = np.abs(level[:, 1] - level[:, 1, None]) < np.minimum(height, height[:, None]) / 2
    near = rows & (np.abs(left - right[:, None]) < BARE * height)
    return np.asarray(near.any(0) | near.any(1))


def _parts(piece: Piece, columns: Floats, clear: Floats, bare: float) -> list[Piece]:
    """The parts of a piece, cut where a word begins near a column of its picture, or no word reaches into a gutter.

    Columns (n,) and gutters (m, 2) are given in pixels of the picture. Where the paper at an end is longer than `bare`
    line heights, it is cut off.
    """
    centres, (height, width) = piece.reading.centres, piece.picture.shape[:2]
    inside = columns[(columns > centres[0] + height) & (columns < centres[-1])]
    if not len(inside) and not len(clear) and max(centres[0], width - centres[-1]) <= (bare + LETTER) * height:
        return [piece]
    words = piece.words
    gaps = [other.left - one.right for one, other in pairwise(words)]
    least = max(WIDE * float(np.median(gaps)), COLUMN_GAP * height) if gaps else 0.0
    starts = [
        n
        for n, gap in enumerate(gaps, 1)
        if (gap >= least and _is_near(words[n].left, inside, height))
        or _is_clear(words[n - 1].right, words[n].left, clear, height)
    ]
    ends = [0, *(side for n in starts for side in (words[n - 1].right, words[n].left)), width]
    found = []
    for some, left, right in zip(np.split(np.array(words), starts), ends[::2], ends[1::2], strict=True):
        first, last = some[0, 2], some[-1, 4]
        left = left if first - left <= bare * height else first - MARGIN * height
        right = right if right - last <= bare * height else last + MARGIN * height
        is_whole = not starts and (left, right) == (0, width)  # Its words need not be found again.
        within = int(some[0, 0]), int(some[-1, 1]), int(left), math.ceil(right)
        found.append(piece if is_whole else piece.between(*within))
    return found


def _is_clear(left: float, right: float, clear: Floats, height: int) -> bool:
    """Whether a space holds a clear gutter."""
    holds = (left <= clear[:, 0] + INTO * height) & (right >= clear[:, 1] - INTO * height)
    return right - left >= CLEAR * height and bool(holds.any())


def _is_near(place: float, columns: Floats, height: int) -> bool:
    return bool((np.abs(columns - place) <= NEAR * height).any())
