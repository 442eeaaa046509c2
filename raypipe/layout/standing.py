"""Text that is not level: lines that stand upright on a page, and whole pages that lie on their side."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats
from raypipe.types import Boxes, Pixels

TALL = 3.0
"""A region at least this many times higher than wide is a line that stands upright."""
LONG = 2.5
"""Regions at least this many times longer than high hold several letters, or a word."""
LYING, LYING_LINES = 0.7, 0.5
"""A page is level if such regions have at least the share `LYING` of the length of all: of 65 upright pages, this held
for 63 with one detector and for 62 with another. Of regions that are whole lines, all that are no higher than long need
`LYING_LINES`: 42 real pages on their side have at most 0.36, and short words below each other, which on the turned page
look like a long line, more."""
TURNED_GAIN = 1.5
"""A page is turned if it then has this many times more level text."""
SLANTED = 30
"""From this many degrees off the nearest quarter turn, text is as good as midway between two of them."""
TALL_LINE = 2.0
"""A standing line is at least this many times as tall as most lines of its page: a tall, narrow region may be a 1."""


def quarters(angles: Floats) -> npt.NDArray[np.int64]:
    """The nearest quarter turn, 0 to 3, clockwise, of angles in degrees."""
    return np.rint(np.asarray(angles) / 90).astype(np.int64) % 4


def slant(boxes: Boxes) -> float:
    """The angle of most text in boxes (n, 5), in degrees from the nearest quarter turn; 0 if it is below `SLANTED`."""
    angle = _mean(boxes[boxes[:, 2] >= LONG * boxes[:, 3]], 4)
    return angle if abs(angle) >= SLANTED else 0.0


def _mean(boxes: Boxes, folds: int) -> float:
    """The mean angle of boxes (n, 5), weighted by their widths, of directions that repeat this many times in a turn."""
    return float(np.angle((boxes[:, 2] * np.exp(1j * folds * np.deg2rad(boxes[:, 4]))).sum(), deg=True)) / folds


def laid(boxes: Boxes) -> Boxes:
    """The boxes (n, 5) with their width along the text: a line that stands is assumed to be read upwards.

    Where text is slanted as much as it stands, all of it is assumed to run one way.
    """
    width, height = boxes[:, 2], boxes[:, 3]
    lying = height[width >= height]
    stands = (height >= TALL * width) & (height >= TALL_LINE * (np.median(lying) if len(lying) else 0))
    found = np.where(stands[:, None], boxes[:, [0, 1, 3, 2, 4]] - np.array([0, 0, 0, 0, 90], np.float32), boxes)
    if slant(found):
        against = np.cos(np.deg2rad(found[:, 4] - _mean(found, 2))) < 0
        found[against, 4] += 180
    return found


def lies(boxes: Boxes, of_lines: bool) -> bool:
    """Whether there is no doubt that the text in boxes (n, 5) is level.

    Text on its side is found as upright boxes, or as a heap of letters by a detector that does not find whole lines.
    """
    least, share = (1.0, LYING_LINES) if of_lines else (LONG, LYING)
    return lying(boxes, least) >= share * float(boxes[:, 2:4].max(1, initial=0).sum())


def lying(boxes: Boxes, least: float = LONG) -> float:
    """How much text in boxes (n, 5) is level: the length of those `least` times as long as high or more, in pixels."""
    width, height = boxes[:, 2], boxes[:, 3]
    return float(width[width >= least * height].sum())


def turned_pixels(pixels: Pixels) -> Pixels:
    """The page turned clockwise by 90 degrees, so that text that was read upwards becomes level."""
    return np.asarray(cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE))


def turned_back(boxes: Boxes, height: int) -> Boxes:
    """Boxes (n, 5) found on `turned_pixels` of a page as boxes on the page, whose height is given in pixels."""
    turned = boxes.copy()
    turned[:, 0], turned[:, 1], turned[:, 4] = boxes[:, 1], height - boxes[:, 0], boxes[:, 4] - 90
    return turned
