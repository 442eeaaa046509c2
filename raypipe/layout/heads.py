"""Lines above and below two columns that belong to both: titles, running heads and feet, headings of what follows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from raypipe.geometry import Floats
from raypipe.layout.chains import Indices
from raypipe.layout.gutters import COLUMN_LINES, LEVEL

HEADING_LINES = 2
"""A heading below two columns has at most this many lines, and is nearer to the text below; so many rows are a head."""
HEADING_GAP = 1.5
"""Two headings side by side are this many times nearer to it than to the columns: two last lines may be a little."""
HEAD_GAP, FLUSH, EDGE = 0.4, 0.5, 1.0
"""A running head is `HEAD_GAP` line heights further from both columns than their lines from each other, and reaches to
within `FLUSH` of their outer edges. At most one line below it, a foot, begins within `EDGE` of where its right end
does: otherwise these are headings of the columns."""


class Block(NamedTuple):
    """Two columns, and the lines above and below them that belong to both."""

    above: Indices
    left: Indices
    right: Indices
    below: Indices


def parted(left: Indices, right: Indices, bottom: float, box: Floats) -> Block:
    """Two columns of lines, of bounds (n, 4), without what belongs to both.

    `bottom` is the middle of the line below them that crosses their gutter; infinite if there is none.
    """
    title, right = _without_title(left, right, box)
    head, left, right = _without_head(left, right, box)
    left, right, heading = _without_heading(left, right, bottom, box)
    upside_down = box[:, [0, 3, 2, 1]] * np.array([1, -1, 1, -1])
    foot, left, right = _without_head(left, right, upside_down) if not len(heading) else (left[:0], left, right)
    return Block(np.concatenate([title, head]), left, right, np.concatenate([heading, foot]))


def _without_title(left: Indices, right: Indices, box: Floats) -> tuple[Indices, Indices]:
    """The lines of a title above both columns that is as narrow as the right one, and the others of that column.

    Beside the first line of the left column there is nothing.
    """
    first = box[left[box[left, 1].argmin()]]
    title = box[right, 3] <= first[1]
    if title.all() or box[right[~title], 1].min() < first[3]:
        return right[:0], right
    return right[title], right[~title]


def _without_head(left: Indices, right: Indices, box: Floats) -> tuple[Indices, Indices, Indices]:
    """The rows above two columns that are a title between them or a running head, and the columns without them."""
    found = [left[:0]]
    while len(found) <= HEADING_LINES:
        both = np.concatenate([left, right])
        middle, height = (box[both, 1] + box[both, 3]) / 2, np.abs(box[both, 3] - box[both, 1])
        head = both[middle - middle.min() < LEVEL * height[middle.argmin()]]
        others = np.setdiff1d(left, head), np.setdiff1d(right, head)
        if min(map(len, others)) < COLUMN_LINES or not _is_head(head, *others, float(np.median(height)), box):
            break
        found.append(head)
        left, right = others
    return np.concatenate(found), left, right


def _is_head(head: Indices, left: Indices, right: Indices, height: float, box: Floats) -> bool:
    """Whether a row has its middle in the gutter, or stands at the outer edges of two columns."""
    centre = (box[head, 0] + box[head, 2]) / 2
    if ((centre > box[left, 2].max()) & (centre < box[right, 0].min())).any():
        return True
    gap = min(box[left, 1].min(), box[right, 1].min()) - box[head, 3].max()
    usual = np.median(np.diff(np.sort(box[left, 1]))) - np.median(box[left, 3] - box[left, 1])
    first, last = head[box[head, 0].argmin()], head[box[head, 2].argmax()]
    return bool(
        gap >= usual + HEAD_GAP * height
        and box[first, 0] <= box[left, 0].min() + FLUSH * height
        and box[last, 2] >= box[right, 2].max() - FLUSH * height
        and np.count_nonzero(np.abs(box[right, 0] - box[last, 0]) <= EDGE * height) <= 1
    )


def _without_heading(left: Indices, right: Indices, bottom: float, box: Floats) -> tuple[Indices, Indices, Indices]:
    """The lines of two columns without the headings of what follows below both, and the lines of these."""
    middle = (box[:, 1] + box[:, 3]) / 2
    left = left[np.argsort(middle[left], kind="stable")]
    for count in range(min(HEADING_LINES, len(left) - 1), 0, -1):
        column, heading = left[:-count], left[-count:]
        beside = box[right, 3] > box[heading, 1].min()
        above, below = np.concatenate([column, right[~beside]]), np.concatenate([heading, right[beside]])
        gap = middle[below].min() - middle[above].max()
        least = HEADING_GAP if beside.any() else 1
        if not beside.all() and beside.sum() <= HEADING_LINES and gap > least * (bottom - middle[below].max()):
            return column, right[~beside], below
    return left, right, left[:0]
