"""Regions that run from one column into the next, or into the paper between them: a detector made them too long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from raypipe.geometry import Floats, bounds, directions
from raypipe.layout.chains import ALIGNED, COLUMN_GAP, EDGE
from raypipe.layout.lines import page_angle, turned
from raypipe.recognition.base import Reading
from raypipe.recognition.ink import extents
from raypipe.stages.reverse import part
from raypipe.types import Boxes, Pixels

NEAR = 1.0
"""A word begins a column if it begins at most this many line heights from where `ALIGNED` lines do."""
WIDE = 1.5
"""The gap before it is at least this many times the usual one between words of its line."""
BARE, MARGIN = 1.0, 0.25
"""Where paper at an end of a line is longer than `BARE` line heights, all but `MARGIN` is cut off."""
LEVEL = 10
"""Degrees by which a line may differ from most of its page."""


class Piece(NamedTuple):
    """A line picture (h, w, 3), what is read in it, and its segments: rows of `Crops.segment_table()`."""

    reading: Reading
    segments: Floats
    picture: Pixels

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
    """The pieces of a page, in boxes (n, 5), those that run across a gutter cut there, and without bare ends."""
    level = turned(boxes, -page_angle(boxes))
    left, _, right, _ = bounds(level).T
    edges, near = np.sort(left), EDGE * level[:, 3]
    count = np.searchsorted(edges, left + near, side="right") - np.searchsorted(edges, left - near)
    begin = left[count >= ALIGNED]
    found: list[Piece] = []
    for piece, box, start, end in zip(pieces, level, left, right, strict=True):
        columns = (begin - start) * piece.picture.shape[1] / (end - start)
        found += _parts(piece, columns if abs(box[4]) <= LEVEL else columns[:0])
    return found


def _parts(piece: Piece, columns: Floats) -> list[Piece]:
    """The parts of a piece, cut where a word begins near one of these columns of its picture."""
    centres, (height, width) = piece.reading.centres, piece.picture.shape[:2]
    inside = columns[(columns > centres[0] + height) & (columns < centres[-1])]
    if not len(inside) and max(centres[0], width - centres[-1]) <= (BARE + 0.5) * height:
        return [piece]
    words = extents(piece.picture, piece.reading)
    gaps = [other.left - one.right for one, other in pairwise(words)]
    least = max(WIDE * float(np.median(gaps)), COLUMN_GAP * height) if gaps else 0.0
    starts = [n for n, gap in enumerate(gaps, 1) if gap >= least and _is_near(words[n].left, inside, height)]
    ends = [0, *(side for n in starts for side in (words[n - 1].right, words[n].left)), width]
    found = []
    for some, left, right in zip(np.split(np.array(words), starts), ends[::2], ends[1::2], strict=True):
        first, last = some[0, 2], some[-1, 4]
        left = left if first - left <= BARE * height else first - MARGIN * height
        right = right if right - last <= BARE * height else last + MARGIN * height
        found.append(piece.between(int(some[0, 0]), int(some[-1, 1]), int(left), math.ceil(right)))
    return found


def _is_near(place: float, columns: Floats, height: int) -> bool:
    return bool((np.abs(columns - place) <= NEAR * height).any())
