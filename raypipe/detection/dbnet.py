"""DBNet: differentiable binarization (Liao et al., AAAI 2020, arXiv:1911.08947), as in PP-OCR's detectors.

The network gives the probability that a pixel lies in the shrunken core of a text line; the cores are grown back.
"""

from __future__ import annotations

import numpy as np

from raypipe.detection.base import Detection, Thresholds, network_input, to_page
from raypipe.detection.components import components
from raypipe.engine.session import Session
from raypipe.geometry import Floats
from raypipe.layout.bends import bends_of, in_pieces, laid_flat, may_bend
from raypipe.types import Boxes, Pixels
from raypipe.zoo.manifest import Input

MIN_AREA = 8
"""Cores of fewer pixels are noise."""
UNCLIP_RATIO = 1.25
"""How far a core grows: area x ratio / perimeter on each side (the paper's offset for Vatti clipping)."""
END_MARGIN = 0.05
"""How far a line then grows at its ends, in line heights: the first and last letters extend beyond the core."""

STANDING = 5.0
"""A region at least this many times higher than wide is a line that stands; a narrow letter is not so high."""


class DBNet:
    """A DBNet detector on ONNX Runtime. Its output is a probability map (1, 1, h, w)."""

    def __init__(self, session: Session, takes: Input) -> None:
        self._session, self._takes = session, takes

    def detect(self, pixels: Pixels, width: int, thresholds: Thresholds, refine: bool) -> Detection:
        """See `Detector.detect`; the link threshold and `refine` have no effect."""
        with self._session.metrics.timed("scale_seconds"):
            tensor, (scale_x, scale_y) = network_input(pixels, width, self._takes)
        probabilities = self._session.run(tensor)[0][0, 0]
        boxes, scores = find_regions(probabilities, thresholds)
        return Detection(to_page(boxes, scale_x, scale_y), scores)


def find_regions(probabilities: Floats, thresholds: Thresholds) -> tuple[Boxes, Floats]:
    """Regions from a probability map (h, w): boxes (n, 5) in map pixels and the mean probability of each core, (n,).

    A line that bends gives several regions, which meet end to end.
    """
    found = components(probabilities > thresholds.text, MIN_AREA, connectivity=8)
    scores = found.mean(probabilities)
    kept = scores >= thresholds.score
    found, scores = found.select(kept), scores[kept]
    boxes = found.boxes()
    bends = bends_of(boxes, may_bend(boxes, found.areas), found.points)
    return in_pieces(_grown(laid_flat(boxes, bends)), scores, bends)


def _grown(boxes: Boxes) -> Boxes:
    """The boxes (n, 5) of lines from those of their cores."""
    margin = boxes[:, 2] * boxes[:, 3] * UNCLIP_RATIO / (2 * (boxes[:, 2] + boxes[:, 3]))
    boxes[:, 2] += 2 * margin
    boxes[:, 3] += 2 * margin
    stands = boxes[:, 3] >= STANDING * boxes[:, 2]
    along, across = np.where(stands, 3, 2), np.where(stands, 2, 3)
    every = np.arange(len(boxes))
    boxes[every, along] += 2 * END_MARGIN * boxes[every, across]
    return boxes
