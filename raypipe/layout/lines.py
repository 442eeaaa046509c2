"""Regions to lines in reading order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats, bounds, enclose, overlapping, turn
from raypipe.layout.chains import LONG_BOX, Indices, chains
from raypipe.layout.order import reading_order
from raypipe.layout.spreads import Fold, Spread, fold
from raypipe.layout.standing import quarters, slant
from raypipe.types import Boxes

BRIDGED_GAP = 6.0
"""Pieces of a row up to this many line heights apart form one line if no gutter of columns runs between them."""
MIN_SLOPED_REGIONS = 4
"""A line of fewer regions gets the angle of the page: the centres of a tall and a low region are a poor guide."""

INITIAL, WIDEST, BESIDE, LEVEL = 1.8, 1.6, 1.0, 0.3
"""An initial is this many times as high as most regions, at most this many times as wide as high, and at most this many
line heights from the lines beside it, which are beside it with `LEVEL` of their height or more."""


@dataclass(frozen=True)
class LineLayout:
    """The lines of a page in reading order.

    Attributes:
        members: The indices of each line's regions, in reading direction.
        boxes: (n, 5), the box around each line.
        rows: (n,), lines with the same number are side by side and share a line of the text.
    """

    members: list[Indices]
    boxes: Boxes
    rows: Indices


def arrange(
    boxes: Boxes,
    tolerance: float = 0,
    texts: Sequence[str] | None = None,
    spread: Fold | None = None,
    dividers: Boxes | None = None,
) -> LineLayout:
    """Groups regions into lines and puts the lines into reading order.

    Text that runs in another direction than most of the page's, such as a note in the margin, comes last.

    Args:
        boxes: (n, 5) rotated boxes of words or of whole lines.
        tolerance: Regions whose centres differ by up to this many pixels across the text may share a line whatever
            their heights; 0: the heights decide.
        texts: The text of each region, if it has been read.
        spread: The fold between two pages, of which the left one comes first; None: it is one page.
        dividers: Boxes (m, 5) around rules and the like between columns, if they have been looked for.
    """
    divided = np.zeros((0, 5), np.float32) if dividers is None else dividers
    members: list[Indices] = []
    found, rows = [np.zeros((0, 5), np.float32)], [np.zeros(0, np.int64)]
    for turn_, group in _groups(boxes, spread):
        level = turned(boxes[group], -90 * turn_)
        layout = _arranged(
            level, tolerance, [texts[n] for n in group.tolist()] if texts else None, turned(divided, -90 * turn_)
        )
        members += [group[member] for member in layout.members]
        found.append(turned(layout.boxes, 90 * turn_))
        rows.append(layout.rows + sum(len(set(some.tolist())) for some in rows))
    return LineLayout(members, np.concatenate(found), np.concatenate(rows))


def _groups(boxes: Boxes, spread: Fold | None) -> Iterator[tuple[int, Indices]]:
    """The boxes of each page by direction, in quarter turns, the direction of most text first."""
    quarter = quarters(boxes[:, 4] - slant(boxes))
    lengths = np.bincount(quarter, boxes[:, 2], minlength=4)
    is_right = spread.is_right if spread else np.zeros(len(boxes), np.bool_)
    for side in (False, True):
        for turn_ in sorted(np.unique(quarter).tolist(), key=lambda n: -float(lengths[n])):
            group = np.flatnonzero((quarter == turn_) & (is_right == side))
            if len(group):
                yield turn_, group


def _arranged(boxes: Boxes, tolerance: float, texts: Sequence[str] | None, dividers: Boxes) -> LineLayout:
    """As `arrange`, for text that runs in one direction."""
    order = np.lexsort(boxes.T[::-1])
    boxes = boxes[order]  # So that ties are broken in the same way whatever the order of the regions.
    angle = page_angle(boxes)
    flat = _lowered(turned(boxes, -angle))
    several = np.array([" " in texts[n] for n in order.tolist()], np.bool_) if texts else None
    dividers = turned(dividers, -angle)
    found = chains(flat, tolerance, several=several, dividers=bounds(dividers))
    pieces = _line_boxes(flat, found, 0)
    words = [" ".join(texts[n] for n in order[chain]) for chain in found] if texts else None
    rows = [_bridged(row, pieces) for row in reading_order(pieces, words, dividers)]
    members = [np.concatenate([found[n] for n in line]) for row in rows for line in row]
    numbers = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    return LineLayout([order[member] for member in members], _line_boxes(boxes, members, angle), numbers)


def _lowered(flat: Boxes) -> Boxes:
    """Level boxes (n, 5), with initials as high as the first of the lines beside them: there their word goes on."""
    height, found = float(np.median(flat[:, 3])), flat.copy()
    for n in np.flatnonzero((flat[:, 3] >= INITIAL * height) & (flat[:, 2] <= WIDEST * flat[:, 3])).tolist():
        x, y, width, depth, _ = flat[n]
        left = flat[:, 0] - flat[:, 2] / 2 - (x + width / 2)
        shared = (flat[:, 3] + depth) / 2 - np.abs(flat[:, 1] - y)
        near = np.flatnonzero((np.abs(left) <= BESIDE * height) & (shared >= LEVEL * flat[:, 3]))
        near = near[flat[near, 3] < depth / INITIAL]
        if len(near) > 1:
            found[n, [1, 3]] = flat[near[flat[near, 1].argmin()], [1, 3]]
    return found


def join_lines(boxes: Boxes, scores: Floats) -> tuple[Boxes, Floats]:
    """Joins word regions (n, 5), with scores (n,), into lines in reading order, each with the mean score."""
    layout = arrange(boxes)
    means = np.array([scores[member].mean() for member in layout.members], np.float32)
    return layout.boxes, means


def in_reading_order(boxes: Boxes, scores: Floats) -> tuple[Boxes, Floats]:
    """The same regions (n, 5), with their scores (n,), in reading order."""
    order = np.concatenate(arrange(boxes).members)
    return boxes[order], scores[order]


def merge_overlapping(boxes: Boxes, scores: Floats) -> tuple[Boxes, Floats]:
    """Merges boxes (n, 5) of one line that overlap by more than half of the smaller one; the highest score counts."""
    angle = page_angle(boxes)
    flat = bounds(turned(boxes, -angle))
    groups = connected(overlapping(flat, flat, 0.5))
    merged = [boxes[group[0]] if len(group) == 1 else _line_box(boxes[group], angle) for group in groups]
    return np.array(merged, np.float32).reshape(-1, 5), np.array([scores[group].max() for group in groups], np.float32)


def fold_of(boxes: Boxes, size: Spread) -> Fold | None:
    """The fold between two pages in a picture of this size, from its lines or words (n, 5); None: it shows one page."""
    if size is None or not len(boxes):
        return None
    quarter = quarters(boxes[:, 4])
    most = int(np.bincount(quarter, boxes[:, 2], minlength=4).argmax())
    return fold(boxes, size, page_angle(turned(boxes[quarter == most], -90 * most)) + 90 * most)


def page_angle(boxes: Boxes) -> float:
    """The angle of most of the text, in degrees: the median of boxes at least twice as wide as high, by width.

    The box of a short word leans with its letters, as a capital is higher than the next ones: where there is nothing
    longer, the page is taken as level unless the angle puts more words side by side.
    """
    words = boxes[boxes[:, 2] >= 2 * boxes[:, 3]]
    if not len(words):
        return 0.0
    order = np.argsort(words[:, 4], kind="stable")
    weight = np.cumsum(words[order, 2])
    angle = float(words[order, 4][np.searchsorted(weight, weight[-1] / 2)])
    if (words[:, 2] >= LONG_BOX * words[:, 3]).any() or angle == 0:
        return angle
    leaning, level = (len(chains(some, rows=True)) for some in (turned(boxes, -angle), boxes))
    return angle if leaning < level else 0.0


def turned(boxes: Boxes, degrees: float) -> Boxes:
    """The boxes (n, 5) turned about the origin by an angle, clockwise."""
    found = boxes.copy()
    found[:, :2] = turn(boxes[:, :2], degrees)
    found[:, 4] += degrees
    return found


def _bridged(row: Indices, lines: Boxes) -> list[Indices]:
    """Splits a row at wide gaps only: a narrower one may be a word or two that the detector missed."""
    box = bounds(lines[row])
    gap = (box[1:, 0] - box[:-1, 2]) / lines[row, 3].mean()
    return np.split(row, np.flatnonzero(gap > BRIDGED_GAP) + 1)


def _line_boxes(boxes: Boxes, members: list[Indices], angle: float) -> Boxes:
    return np.array([_line_box(boxes[member], angle) for member in members], np.float32).reshape(-1, 5)


def _line_box(boxes: Boxes, angle: float) -> Floats:
    """The box of a line: that of its only region, or one around all its regions, at their angle."""
    if len(boxes) == 1:
        box = boxes[0]
        return box if box[2] >= 2 * box[3] or abs(box[4] - angle) < 1 else enclose(boxes, angle)
    if len(boxes) >= MIN_SLOPED_REGIONS:
        slope = np.polyfit(boxes[:, 0], boxes[:, 1], 1, w=np.sqrt(boxes[:, 2]))[0]
        return enclose(boxes, float(np.rad2deg(np.arctan(slope))))
    return enclose(boxes, angle)


def connected(adjacent: npt.NDArray[np.bool_]) -> list[Indices]:
    """Connected components of a symmetric relation (n, n)."""
    label = np.arange(len(adjacent))
    while True:
        lowest = np.where(adjacent, label[None], len(adjacent)).min(1, initial=len(adjacent))
        lowest = np.minimum(label, lowest)
        if (lowest == label).all():
            return [np.flatnonzero(label == value) for value in np.unique(label)]
        label = lowest
