"""Combs: letters or digits that stand one by one in the boxes of a form and make up one number or word."""

from __future__ import annotations

import numpy as np

from raypipe.layout.chains import Indices, chains
from raypipe.layout.lines import page_angle, turned
from raypipe.layout.standing import quarters
from raypipe.types import Boxes

LETTER = 0.2, 1.3
"""The least and greatest width of a region with one letter, in heights."""
PITCH = 2.2
"""The boxes of a comb are about square: letters further apart than this many heights stand in the cells of a table."""
EVEN = 1.3
"""Two neighbouring letters are at most this many times as far apart as most in their row."""
SAME_HEIGHT = 0.7
"""The lower of two letters has at least this share of the other's height."""
MIN_LETTERS = 3
"""Fewer letters do not show that they stand in a comb."""


def combed(boxes: Boxes) -> list[Indices]:
    """The regions (n, 5) in groups: those of a comb in reading direction, every other one alone."""
    alone = np.ones(len(boxes), np.bool_)
    width, height = boxes[:, 2], boxes[:, 3]
    is_letter, quarter = (width >= LETTER[0] * height) & (width <= LETTER[1] * height), quarters(boxes[:, 4])
    groups = []
    for turn in np.unique(quarter[is_letter]):
        letters = np.flatnonzero(is_letter & (quarter == turn))
        level = turned(boxes[letters], -page_angle(boxes[quarter == turn]))
        for row in chains(level, rows=True):
            groups += [letters[comb] for comb in _even(row, level) if len(comb) >= MIN_LETTERS]
    for group in groups:
        alone[group] = False
    return [*groups, *np.flatnonzero(alone)[:, None]]


def is_comb(boxes: Boxes) -> bool:
    """Whether the boxes (n, 5) of one picture are a comb; two letters suffice if there is paper between them."""
    if len(boxes) < 2 or (boxes[:, 2] > LETTER[1] * boxes[:, 3]).any():
        return False
    return len(boxes) >= MIN_LETTERS or float(np.hypot(*np.diff(boxes[:, :2], axis=0)[0])) > boxes[:, 2].mean() + 0.5


def _even(row: Indices, level: Boxes) -> list[Indices]:
    """A row of letters, cut where two are too far apart or differ in height."""
    if len(row) < MIN_LETTERS:
        return []
    pitch, height = np.diff(level[row, 0]), level[row, 3]
    lower, higher = np.minimum(height[1:], height[:-1]), np.maximum(height[1:], height[:-1])
    apart = (pitch > PITCH * higher) | (pitch > EVEN * np.median(pitch)) | (lower < SAME_HEIGHT * higher)
    return np.split(row, np.flatnonzero(apart) + 1)
