"""Two pages in one picture: an open book, photographed or scanned as a whole."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats, bounds, turn
from raypipe.layout.standing import quarters
from raypipe.types import Boxes

WIDE = 1.1
"""A picture of two pages is at least this many times wider than high."""
MIDDLE = 0.15
"""The fold is at most this share of the picture's width from its middle."""
CROSSING = 0.1
"""At most this share of the lines run across the fold, where a detector took two lines for one."""
LEAST_LINES = 3
"""Each page has at least this many lines: otherwise there is nothing to put in order."""
LEAST_GAP = 1.0
"""The pages are at least this many line heights apart."""


Spread: TypeAlias = tuple[float, float] | None
"""Width and height of a picture that may show two pages; None: it shows one."""


class Fold(NamedTuple):
    """Where two pages meet.

    Attributes:
        is_right: Which of the boxes are on the right page, bool (n,).
        crosses: Which of them reach far into both, bool (n,).
        x: The place in the direction of the text, in the frame of `angle`.
        gap: The least width left free there.
        angle: Degrees by which the text is turned clockwise.
        place: Pixels from the picture's left edge, halfway down; if it lies on its side, from its top.
    """

    is_right: npt.NDArray[np.bool_]
    crosses: npt.NDArray[np.bool_]
    x: float
    gap: float
    angle: float
    place: float


def fold(boxes: Boxes, size: tuple[float, float], angle: float) -> Fold | None:
    """The fold between two pages, from the lines or words (n, 5) of a picture; None: it shows one page.

    Its size is its width and height; the angle, in degrees, is that of most of the text.
    """
    quarter = int(quarters(np.array([angle]))[0])
    width, height = size if quarter % 2 == 0 else size[::-1]
    if width < WIDE * height:
        return None
    flat = np.concatenate([turn(boxes[:, :2], -angle), boxes[:, 2:4], boxes[:, 4:] - np.float32(angle)], 1)
    middle = turn(np.array(size, np.float32) / np.float32(2), -angle)
    box, heights = bounds(flat), flat[:, 3]
    gap = LEAST_GAP * float(np.median(heights))
    x = _widest(box, float(middle[0]), MIDDLE * width, gap)
    if x is None:
        return None
    crosses = (box[:, 0] < x - heights) & (box[:, 2] > x + heights)
    is_right = flat[:, 0] > x
    if min((is_right & ~crosses).sum(), (~is_right & ~crosses).sum()) < LEAST_LINES:
        return None
    place = turn(np.array([x, middle[1]], np.float32), angle)[quarter % 2]
    return Fold(is_right, crosses, x, gap, angle, float(place))


def _widest(box: Floats, middle: float, reach: float, least: float) -> float | None:
    """The middle of the widest gap crossed by the fewest boxes, bounds (n, 4), within reach of the picture's middle."""
    edges = np.unique(np.clip(box[:, [0, 2]].ravel(), middle - reach, middle + reach))
    centres, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    crossing = ((box[:, :1] < centres) & (box[:, 2:3] > centres)).sum(0)
    fit = np.flatnonzero((crossing <= CROSSING * len(box)) & (widths >= least))
    return float(centres[fit[np.lexsort((-widths[fit], crossing[fit]))[0]]]) if len(fit) else None


def parted(boxes: Boxes, found: Fold | None) -> Boxes:
    """The boxes (n, 5), with those that cross the fold cut in two: a detector took lines of two pages for one."""
    if found is None:
        return boxes
    kept, cut = boxes[~found.crosses], boxes[found.crosses]
    flat = turn(cut[:, :2], -found.angle)
    left, right = flat[:, 0] - cut[:, 2] / 2, flat[:, 0] + cut[:, 2] / 2
    parts, free = [kept], found.gap / 2 + 1
    for start, end in ((left, np.full_like(left, found.x - free)), (np.full_like(right, found.x + free), right)):
        part = cut.copy()
        part[:, :2] = turn(np.stack([(start + end) / 2, flat[:, 1]], 1), found.angle)
        part[:, 2] = end - start
        parts.append(part)
    return np.concatenate(parts)
