"""CRAFT: character region awareness for text detection (Baek et al., CVPR 2019, arXiv:1904.01941).

The network gives, at half resolution, the probability that a pixel is the centre of a character and the affinity of
neighbouring characters. Characters that affinity joins become one region, usually a word.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from raypipe.detection.base import IMAGENET_MEAN, IMAGENET_STD, Detection, Thresholds, network_input, to_page
from raypipe.detection.components import components
from raypipe.engine import Session
from raypipe.geometry import upright
from raypipe.types import Boxes, Pixels

STRIDE = 2
"""Network pixels a pixel of the score maps."""
MIN_AREA = 10
"""Components of fewer map pixels are noise (the value of the published post-processing)."""


class Craft:
    """CRAFT on ONNX Runtime. Its input is RGB, its outputs are `scores` (1, 2, h/2, w/2) and `features`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def detect(self, pixels: Pixels, width: int, thresholds: Thresholds) -> Detection:
        """See `Detector.detect`."""
        rgb = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
        tensor, (scale_x, scale_y) = network_input(rgb, width, IMAGENET_MEAN, IMAGENET_STD)
        (scores,) = self._session.run(tensor, outputs=["scores"])
        boxes, region_scores = find_regions(scores[0, 0], scores[0, 1], thresholds)
        return Detection(to_page(boxes, scale_x / STRIDE, scale_y / STRIDE), region_scores)


def find_regions(
    text: npt.NDArray[np.float32], link: npt.NDArray[np.float32], thresholds: Thresholds
) -> tuple[Boxes, npt.NDArray[np.float32]]:
    """Regions of a region score map and an affinity map, both (h, w).

    Returns:
        Boxes (n, 5) in map pixels and the peak region score of each, (n,).
    """
    is_text, is_link = text > thresholds.text, link > thresholds.link
    found = components(is_text | is_link, MIN_AREA, connectivity=4)
    peaks = found.peak(text)
    kept = peaks >= max(thresholds.score, thresholds.text)
    found, peaks = found.select(kept), peaks[kept]
    # Affinity alone joins characters; it does not belong to their outline.
    only_link = is_link[found.rows, found.columns] & ~is_text[found.rows, found.columns]
    keeps_text = np.logical_or.reduceat(~only_link, found.starts) if len(found.starts) else kept[:0]
    whole = np.repeat(keeps_text, found.areas)
    found, peaks, only_link = found.select(keeps_text), peaks[keeps_text], only_link[whole]
    areas = found.areas
    found = found.without(only_link)
    boxes = found.boxes()
    return _grow(boxes, areas), peaks


def _grow(boxes: Boxes, areas: npt.NDArray[np.int64]) -> Boxes:
    """Widens boxes to the characters' edges, as far as the published method dilates each component.

    Gaussian scores end before the ink does: the margin is sqrt(area x short side / box area) on each side.
    """
    short = np.minimum(boxes[:, 2], boxes[:, 3])
    margin = np.sqrt(areas * short / np.maximum(boxes[:, 2] * boxes[:, 3], 1))
    grown = boxes.copy()
    grown[:, 2] += 2 * margin
    grown[:, 3] += 2 * margin
    # The angle of a nearly square blob is an accident.
    square = np.abs(1 - grown[:, 2] / grown[:, 3]) <= 0.1
    grown[square] = upright(grown[square])
    return grown
