"""Very large letters, such as those of a title card or a sign: found in pieces, unless the picture is scaled down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from raypipe.detection.base import Detection
from raypipe.geometry import bounds, overlapping

LARGE = 0.16
"""Letters are very large if their height is at least this share of the picture's longer side."""
REDUCED = 4
"""The picture is scaled down this many times to find them."""
COVERED = 0.5
"""A region is a piece of a word if they share this much of the smaller one."""
SURE = 0.75
"""A region with a lower score that is not found in the smaller picture is a piece of a letter or of a drawing."""
LINE, SMALL = 4.0, 0.4
"""A region at least this many times longer than high, and at most this share of the other's height, is a line of its
own: the other one is a picture or a watermark behind the text."""


def whole(found: Detection, longer: int, width: int, detect: Callable[[int], Detection]) -> Detection:
    """The regions of a picture, very large words in one piece.

    Args:
        found: The regions as the network sees the picture at its full width.
        longer: The picture's longer side in pixels.
        width: Pixels to which this side was scaled.
        detect: Finds the regions with this side scaled to another width.
    """
    least = LARGE * longer
    if not (found.boxes[:, 2:4].min(1) >= least).any():
        return found
    reduced = detect(width // REDUCED)
    large = reduced.boxes[:, 2:4].min(1) >= least
    boxes, scores = reduced.boxes[large], reduced.scores[large]
    pieces = bounds(found.boxes)
    covers = overlapping(bounds(boxes), pieces, COVERED)
    seen = (found.scores >= SURE) | overlapping(bounds(reduced.boxes), pieces, COVERED).any(0)
    height, length = np.sort(found.boxes[:, 2:4], 1).T
    is_line = (length >= LINE * height) & (height <= SMALL * boxes[:, 2:4].min(1)[:, None])
    kept = ~(covers & is_line).any(1)
    rest = seen & ~covers[kept].any(0)
    joined = np.concatenate([boxes[kept], found.boxes[rest]])
    return replace(found, boxes=joined, scores=np.concatenate([scores[kept], found.scores[rest]]))
