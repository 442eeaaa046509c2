"""Regions to lines to reading order: pure geometry, no pictures.

Lines are chains of regions of which each is the other's nearest neighbour, so tilted and curved lines stay whole.
Order comes from cutting the page into blocks and rows, never from comparing pairs (which is not transitive).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats, bounds, enclose, turn
from raypipe.types import Boxes

Indices = npt.NDArray[np.int64]

WORD_GAP = 2.0
"""Words further apart than this many line heights belong to different lines."""
USUAL_GAPS = 3.0
"""Words further apart than this many of the page's usual gaps belong to different lines, too; see `CLOSE_GAP`."""
CLOSE_GAP = 1.0
"""Words closer than this many line heights belong to one line whatever the page's usual gaps. Between two pieces of
text that are each as long as several words, it is the widest gap."""
BRIDGED_GAP = 6.0
"""Pieces of a row up to this many line heights apart form one line if no gutter of columns runs between them."""
MIN_SLOPED_REGIONS = 4
"""A line of fewer regions gets the angle of the page: the centres of a tall and a low region say little."""
LONG_RATIO = 6
"""Regions this many times wider than high count as long as several words."""
SHARED_HEIGHT = 0.4
"""Two regions are on one line if they overlap by this fraction of the smaller one's height."""
COLUMN_LINES = 4
"""A column of text has at least this many lines."""
COLUMN_LENGTH = 8
"""The lines of a column are at least this many times longer than high; the cells of a table are shorter."""
COLUMN_FILL = 0.6
"""The lines of a column fill at least this fraction of its width; the fields of a form do not."""


@dataclass(frozen=True)
class LineLayout:
    """The lines of a page in reading order.

    Attributes:
        members: For each line the indices of its regions, in reading direction.
        boxes: (n, 5), the box around each line.
        rows: (n,), lines with the same number are side by side and share a line of the text.
    """

    members: list[Indices]
    boxes: Boxes
    rows: Indices


def arrange(boxes: Boxes, tolerance: float = 0) -> LineLayout:
    """Groups regions into lines and puts the lines into reading order.

    Args:
        boxes: (n, 5) rotated boxes of words or of whole lines.
        tolerance: Regions whose centres differ by up to this many pixels across the text may share a line whatever
            their heights; 0: the heights decide.
    """
    order = np.lexsort(boxes.T[::-1])
    boxes = boxes[order]  # So that ties are broken the same way whatever the order.
    angle = page_angle(boxes)
    flat = _turned(boxes, -angle)
    chains = _chains(flat, tolerance)
    pieces = _line_boxes(boxes, chains, angle)
    rows = [_bridged(row, _turned(pieces, -angle)) for row in _reading_order(_turned(pieces, -angle))]
    members = [np.concatenate([chains[n] for n in line]) for row in rows for line in row]
    numbers = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    return LineLayout([order[member] for member in members], _line_boxes(boxes, members, angle), numbers)


def join_lines(boxes: Boxes, scores: Floats, tolerance: float = 0) -> tuple[Boxes, Floats]:
    """Joins word regions into line regions.

    Args:
        boxes: (n, 5) rotated boxes.
        scores: (n,).
        tolerance: As in `arrange`.

    Returns:
        One box per line in reading order, and the mean score of its regions.
    """
    layout = arrange(boxes, tolerance)
    means = np.array([scores[member].mean() for member in layout.members], np.float32)
    return layout.boxes, means


def in_reading_order(boxes: Boxes, scores: Floats) -> tuple[Boxes, Floats]:
    """The same regions (n, 5), with their scores (n,), in reading order."""
    order = np.concatenate(arrange(boxes).members)
    return boxes[order], scores[order]


def merge_overlapping(boxes: Boxes, scores: Floats) -> tuple[Boxes, Floats]:
    """Merges boxes of one line that overlap by more than half of the smaller one.

    Args:
        boxes: (n, 5) rotated boxes.
        scores: (n,).

    Returns:
        The merged boxes and the highest score of each.
    """
    angle = page_angle(boxes)
    flat = bounds(_turned(boxes, -angle))
    low = np.maximum(flat[:, None, :2], flat[None, :, :2])
    high = np.minimum(flat[:, None, 2:], flat[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area = np.prod(flat[:, 2:] - flat[:, :2], axis=1)
    groups = _connected(shared > 0.5 * np.minimum(area[:, None], area[None]))
    merged = [boxes[group[0]] if len(group) == 1 else _line_box(boxes[group], angle) for group in groups]
    return np.array(merged, np.float32).reshape(-1, 5), np.array([scores[group].max() for group in groups], np.float32)


def page_angle(boxes: Boxes) -> float:
    """The angle of most of the text, in degrees: the median over boxes at least twice as wide as high, by width."""
    long = boxes[boxes[:, 2] >= 2 * boxes[:, 3]]
    if not len(long):
        return 0.0
    order = np.argsort(long[:, 4], kind="stable")
    weight = np.cumsum(long[order, 2])
    return float(long[order, 4][np.searchsorted(weight, weight[-1] / 2)])


def _turned(boxes: Boxes, degrees: float) -> Boxes:
    turned = boxes.copy()
    turned[:, :2] = turn(boxes[:, :2], degrees)
    turned[:, 4] += degrees
    return turned


def _bridged(row: Indices, lines: Boxes) -> list[Indices]:
    """Splits a row at wide gaps only: a narrower one may be a word or two that the detector missed."""
    box = bounds(lines[row])
    gap = (box[1:, 0] - box[:-1, 2]) / lines[row, 3].mean()
    return np.split(row, np.flatnonzero(gap > BRIDGED_GAP) + 1)


def _line_boxes(boxes: Boxes, chains: list[Indices], angle: float) -> Boxes:
    return np.array([_line_box(boxes[chain], angle) for chain in chains], np.float32).reshape(-1, 5)


def _line_box(boxes: Boxes, angle: float) -> Floats:
    """The box of a line: its one region, or the one around all its regions, at their angle."""
    if len(boxes) == 1:
        box = boxes[0]
        return box if box[2] >= 2 * box[3] or abs(box[4] - angle) < 1 else enclose(boxes, angle)
    if len(boxes) >= MIN_SLOPED_REGIONS:
        slope = np.polyfit(boxes[:, 0], boxes[:, 1], 1, w=np.sqrt(boxes[:, 2]))[0]
        return enclose(boxes, float(np.rad2deg(np.arctan(slope))))
    return enclose(boxes, angle)


def _chains(boxes: Boxes, tolerance: float = 0, rows: bool = False) -> list[Indices]:
    """Chains of boxes on one line: each box is linked to its right neighbour if both choose each other.

    Args:
        boxes: (n, 5) in a frame where the text is about level.
        tolerance: As in `arrange`.
        rows: Chain across gaps of any width: boxes side by side form a row, if not a line.
    """
    if not len(boxes):
        return []
    box = bounds(boxes)
    slope = np.where(boxes[:, 2] >= 3 * boxes[:, 3], np.tan(np.deg2rad(boxes[:, 4])), 0)
    distance = boxes[None, :, 0] - boxes[:, None, 0]
    # Measured where the two would meet: each line is followed halfway along its own slope.
    drop = boxes[None, :, 1] - boxes[:, None, 1] - distance * (slope[:, None] + slope[None]) / 2
    height = boxes[:, 3]
    lower, mean = np.minimum(height[:, None], height[None]), (height[:, None] + height[None]) / 2
    level = np.abs(drop) <= np.maximum(mean - SHARED_HEIGHT * lower, 0)
    if tolerance:
        level |= (np.abs(drop) <= tolerance) & (np.abs(drop) < mean)
    gap = box[None, :, 0] - box[:, None, 2]
    width = np.minimum(boxes[:, None, 2], boxes[None, :, 2])
    follows = level & (distance > 0) & (gap > -0.5 * width)
    if not rows:
        follows &= gap <= mean * _widest_gaps(boxes, np.where(follows, gap / mean, np.inf))
    return _follow(np.where(follows, gap + np.abs(drop), np.inf))


def _widest_gaps(boxes: Boxes, gaps: Floats) -> Floats:
    """The widest gap inside a line, in line heights, for each pair of boxes (n, n).

    Args:
        boxes: (n, 5).
        gaps: (n, n), from each box to those that could follow it, in line heights; inf for all others.
    """
    long = boxes[:, 2] >= LONG_RATIO * boxes[:, 3]
    both = long[:, None] & long[None]
    nearest = np.where(both, np.inf, gaps).min(1)
    usual = nearest[nearest <= WORD_GAP]
    widest = np.clip(USUAL_GAPS * float(np.median(usual)), CLOSE_GAP, WORD_GAP) if len(usual) else WORD_GAP
    return np.where(both, CLOSE_GAP, widest)


def _follow(cost: Floats) -> list[Indices]:
    """Chains of mutual nearest neighbours under a cost (n, n) of going from one box to the next; inf for never."""
    count = len(cost)
    right, left = cost.argmin(1), cost.argmin(0)
    everyone = np.arange(count)
    linked = np.isfinite(cost[everyone, right]) & (left[right] == everyone)
    following = np.where(linked, right, -1)
    chains = []
    for start in np.setdiff1d(everyone, right[linked]):
        chain = [int(start)]
        while following[chain[-1]] >= 0:
            chain.append(int(following[chain[-1]]))
        chains.append(np.array(chain, np.int64))
    return chains


def _connected(adjacent: npt.NDArray[np.bool_]) -> list[Indices]:
    """Connected components of a symmetric relation (n, n)."""
    label = np.arange(len(adjacent))
    while True:
        lowest = np.where(adjacent, label[None], len(adjacent)).min(1, initial=len(adjacent))
        lowest = np.minimum(label, lowest)
        if (lowest == label).all():
            return [np.flatnonzero(label == value) for value in np.unique(label)]
        label = lowest


def _reading_order(lines: Boxes) -> list[Indices]:
    """The rows of level lines (n, 5) in reading order, each from left to right."""
    return _blocks(np.arange(len(lines)), bounds(lines), lines)


def _blocks(members: Indices, box: Floats, lines: Boxes) -> list[Indices]:
    """Rows of lines in reading order: above a block of columns, its columns one after the other, below it."""
    split = _columns(box[members])
    if split is None:
        chains = _chains(lines[members], rows=True)
        return [members[chain] for chain in sorted(chains, key=lambda c: float(lines[members][c, 1].mean()))]
    above, left, right, below = (members[part] for part in split)
    return [row for part in (above, left, right, below) for row in (_blocks(part, box, lines) if len(part) else [])]


def _columns(box: Floats) -> tuple[Indices, Indices, Indices, Indices] | None:
    """The largest block of two columns of text in upright boxes (n, 4), if there is one.

    Every right edge is tried as a gutter. Lines that cross it cut the page into bands; a band with lines on
    both sides that are many and fill their columns is a block of columns.

    Returns:
        Indices of the lines above the block, in its left column, in its right column and below it.
    """
    best: tuple[int, tuple[Indices, Indices, Indices, Indices]] | None = None
    if len(box) < 2 * COLUMN_LINES:
        return None
    middle = (box[:, 1] + box[:, 3]) / 2
    for gutter in np.unique(box[:, 2]):
        left, right = box[:, 2] <= gutter, box[:, 0] > gutter
        edges = np.concatenate([[-np.inf], np.sort(middle[~left & ~right]), [np.inf]])
        band = np.searchsorted(edges, middle) - 1
        sizes = np.minimum(*(np.bincount(band[side], minlength=len(edges) - 1) for side in (left, right)))
        for number in np.flatnonzero(sizes >= (best[0] + 1 if best else COLUMN_LINES)):
            inside = band == number
            on_left, on_right = np.flatnonzero(inside & left), np.flatnonzero(inside & right)
            size = int(sizes[number])
            if (best is None or size > best[0]) and _is_column(box[on_left]) and _is_column(box[on_right]):
                crossing_below = edges[number + 1]
                rest = ~inside | (~left & ~right)
                above = np.flatnonzero(rest & (middle < crossing_below) & (middle <= edges[number]))
                below = np.flatnonzero(rest & (middle >= crossing_below))
                best = size, (above, on_left, on_right, below)
    return best[1] if best else None


def _is_column(box: Floats) -> bool:
    width, height = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    fill = width / (box[:, 2].max() - box[:, 0].min())
    return float(np.median(fill)) >= COLUMN_FILL and float(np.median(width / height)) >= COLUMN_LENGTH
