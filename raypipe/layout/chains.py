"""Chains of regions: each is the other's nearest neighbour, so that tilted and curved lines stay whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats, bounds
from raypipe.types import Boxes

Indices = npt.NDArray[np.int64]

WORD_GAP = 2.0
"""Words further apart than this many line heights belong to different lines."""
USUAL_GAPS = 3.0
"""Words further apart than this many of the page's usual gaps belong to different lines, too; see `CLOSE_GAP`."""
CLOSE_GAP = 1.0
"""Words closer than this many line heights belong to one line whatever the page's usual gaps. Two pieces of text that
are each as long as several words must be this close."""
COLUMN_GAP, ALIGNED, EDGE = 0.25, 4, 0.5
"""A column begins where `ALIGNED` long pieces begin within `EDGE` line heights of each other; a region to its left
belongs to its lines only if it is at most `COLUMN_GAP` line heights away."""
LONG_RATIO = 6
"""Regions at least this many times wider than high count as several words."""
LEAST_RATIO, ALIGNED_NARROW = 2, 6
"""Regions that have been read also end at a column, where `ALIGNED_NARROW` regions begin that hold several words, if
they are `LEAST_RATIO` times wider than high or end where as many of those do; others may be the numbers of items."""
FOLLOWED = 2.0
"""A box is followed along its own slope for at most this many times its width: that of a short one is a poor guide."""
LONG_BOX = 3
"""A box at least this many times wider than high is at the angle of its text, whatever its letters."""
SHARED_HEIGHT = 0.4
"""Two regions are on one line if they overlap by this fraction of the smaller one's height."""


def chains(
    boxes: Boxes,
    tolerance: float = 0,
    rows: bool = False,
    several: npt.NDArray[np.bool_] | None = None,
    dividers: Floats | None = None,
) -> list[Indices]:
    """Chains of boxes on one line: each box is linked to its right neighbour if both choose each other.

    Args:
        boxes: (n, 5) in a frame where the text is about level.
        tolerance: Regions whose centres differ by up to this many pixels across the text may share a line whatever
            their heights; 0: the heights decide.
        rows: Chain across gaps of any width: boxes side by side form a row, if not a line.
        several: Which boxes are known to hold several words, (n,); None: judge by their shapes.
        dividers: Bounds (m, 4) of what parts columns for the eye: no chain crosses them.
    """
    if not len(boxes):
        return []
    box = bounds(boxes)
    height, is_long = boxes[:, 3], boxes[:, 2] >= LONG_BOX * boxes[:, 3]
    slope = np.where(is_long, np.tan(np.deg2rad(boxes[:, 4])), 0)
    distance = boxes[None, :, 0] - boxes[:, None, 0]
    # Measured where the two would meet: each line is followed halfway along its own slope.
    reach = np.abs(distance) / 2
    along = np.minimum(reach, FOLLOWED * boxes[:, 2, None]) * slope[:, None]
    along += np.minimum(reach, FOLLOWED * boxes[:, 2]) * slope
    drop = boxes[None, :, 1] - boxes[:, None, 1] - np.sign(distance) * along
    lower, mean = np.minimum(height[:, None], height[None]), (height[:, None] + height[None]) / 2
    level = np.abs(drop) <= np.maximum(mean - SHARED_HEIGHT * lower, 0)
    if tolerance:
        level |= (np.abs(drop) <= tolerance) & (np.abs(drop) < mean)
    gap = box[None, :, 0] - box[:, None, 2]
    width = np.minimum(boxes[:, None, 2], boxes[None, :, 2])
    follows = level & (distance > 0) & (gap > -0.5 * width)
    if dividers is not None:
        follows &= ~_parted(boxes, dividers)
    if not rows:
        follows &= gap <= mean * _widest_gaps(boxes, box, np.where(follows, gap / mean, np.inf), several)
    return follow(np.where(follows, gap + np.abs(drop), np.inf))


def _widest_gaps(boxes: Boxes, box: Floats, gaps: Floats, several: npt.NDArray[np.bool_] | None) -> Floats:
    """The widest gap inside a line, in line heights, for each pair of boxes (n, n).

    Args:
        boxes, box: The boxes (n, 5), and their bounds (n, 4).
        gaps: (n, n), from each box to those that could follow it, in line heights; inf for all others.
        several: As in `chains`.
    """
    long, wide = (boxes[:, 2] >= ratio * boxes[:, 3] for ratio in (LONG_RATIO, LEAST_RATIO))
    both = long[:, None] & long[None]
    nearest = np.where(both, np.inf, gaps).min(1)
    usual = nearest[nearest <= WORD_GAP]
    widest = np.clip(USUAL_GAPS * float(np.median(usual)), CLOSE_GAP, WORD_GAP) if len(usual) else WORD_GAP
    near, (left, _, right, _) = EDGE * boxes[:, 3], box.T
    widest = np.where(both, np.where(aligned(left, long, near) >= ALIGNED, COLUMN_GAP, CLOSE_GAP), widest)
    if several is None:
        return np.asarray(widest)
    words = long | several
    begins, ends = (aligned(edge, words, near) >= ALIGNED_NARROW for edge in (left, right))
    return np.where((wide | ends)[:, None] & wide & begins, COLUMN_GAP, widest)


def _parted(boxes: Boxes, dividers: Floats) -> npt.NDArray[np.bool_]:
    """Which boxes (n, 5) stand on the left of a divider, bounds (m, 4), that others stand on the right of: (n, n)."""
    x, y = boxes[:, :1], boxes[:, 1:2]
    beside, place = (y > dividers[:, 1]) & (y < dividers[:, 3]), dividers[:, 0::2].mean(1)
    return np.asarray((beside & (x < place)) @ (beside & (x > place)).T)


def aligned(edge: Floats, counted: npt.NDArray[np.bool_], near: Floats) -> npt.NDArray[np.int64]:
    """How many of the counted boxes (n,) have their edge near that of each, (n,)."""
    edges = np.sort(edge[counted])
    return np.searchsorted(edges, edge + near, side="right") - np.searchsorted(edges, edge - near)


def follow(cost: Floats) -> list[Indices]:
    """Chains of mutual nearest neighbours under a cost (n, n) of going from one box to the next; inf for never."""
    count = len(cost)
    if not count:
        return []
    right, left = cost.argmin(1), cost.argmin(0)
    everyone = np.arange(count)
    linked = np.isfinite(cost[everyone, right]) & (left[right] == everyone)
    following = np.where(linked, right, -1)
    found = []
    for start in np.setdiff1d(everyone, right[linked]):
        chain = [int(start)]
        while following[chain[-1]] >= 0:
            chain.append(int(following[chain[-1]]))
        found.append(np.array(chain, np.int64))
    return found
