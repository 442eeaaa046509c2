"""CRAFT: character region awareness for text detection (Baek et al., CVPR 2019, arXiv:1904.01941).

The network gives, at half resolution, the probability that a pixel is the centre of a character and the affinity of
neighbouring characters. Characters that affinity joins become one region, usually a word. The link refiner, a small
network over CRAFT's features that follows an idea of the paper, gives the probability that a pixel lies in the x-height
band of a text line, gaps between words included: with it, a line is one region.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from raypipe.detection.base import Detection, Thresholds, network_input, to_page
from raypipe.detection.components import Components, components, labelled
from raypipe.engine.session import Session
from raypipe.geometry import Floats, contained, upright
from raypipe.layout.bends import bends_of, in_pieces, laid_flat, may_bend
from raypipe.types import Boxes, Pixels
from raypipe.zoo.manifest import Input

STRIDE = 2
"""Network pixels per pixel of the score maps."""
MAX_PIECE = 0.7
"""A region smaller than this fraction of a line's height is a piece of that line if it is near; see `NEAR`."""
NEAR = 0.25
"""A piece lies at most this fraction of the line's height from the line."""
MIN_AREA = 10
"""Components of fewer map pixels are noise (the value in the published post-processing)."""


class Craft:
    """CRAFT on ONNX Runtime.

    Its outputs are `scores` (1, 2, h/2, w/2) and, from the refiner, `lines` (1, 1, h/2, w/2).
    """

    def __init__(self, session: Session, takes: Input) -> None:
        self._session, self._takes = session, takes

    def detect(self, pixels: Pixels, width: int, thresholds: Thresholds, refine: bool) -> Detection:
        """See `Detector.detect`."""
        with self._session.metrics.timed("scale_seconds"):
            tensor, (scale_x, scale_y) = network_input(pixels, width, self._takes)
        if refine:
            scores, lines = self._session.run(tensor, outputs=["scores", "lines"])
            found = find_lines(scores[0, 0], scores[0, 1], lines[0, 0], thresholds)
        else:
            (scores,) = self._session.run(tensor, outputs=["scores"])
            found = find_regions(scores[0, 0], scores[0, 1], thresholds)
        boxes, region_scores = found
        return Detection(to_page(boxes, scale_x / STRIDE, scale_y / STRIDE), region_scores, refine)


def find_regions(text: Floats, link: Floats, thresholds: Thresholds) -> tuple[Boxes, Floats]:
    """Regions from a region score map and an affinity map, both (h, w).

    Returns:
        Boxes (n, 5) in map pixels and the peak region score of each, (n,).
    """
    is_text, is_link = text > thresholds.text, link > thresholds.link
    found = components(is_text | is_link, MIN_AREA, connectivity=4)
    peaks = found.peak(text)
    kept = peaks >= max(thresholds.score, thresholds.text)
    found, peaks = found.select(kept), peaks[kept]
    # Pixels of affinity alone join characters, but are not part of their outline.
    only_link = is_link[found.rows, found.columns] & ~is_text[found.rows, found.columns]
    keeps_text = found.reduced(np.logical_or, ~only_link)
    whole = np.repeat(keeps_text, found.areas)
    found, peaks, only_link = found.select(keeps_text), peaks[keeps_text], only_link[whole]
    areas = found.areas
    found = found.without(only_link)
    boxes = found.boxes()
    return _grow(boxes, areas), peaks


def find_lines(
    text: Floats,
    link: Floats,
    lines: Floats,
    thresholds: Thresholds,
) -> tuple[Boxes, Floats]:
    """Regions of whole lines, from a region score map, an affinity map and the refiner's map; see `find_regions`.

    The link threshold applies to the pixels of lines. Text that belongs to no line is found by `find_regions`.
    """
    bands = components(lines > thresholds.link, MIN_AREA, connectivity=8)
    labels = np.zeros(text.shape, np.int32)
    labels[bands.rows, bands.columns] = np.repeat(np.arange(len(bands.areas), dtype=np.int32) + 1, bands.areas)
    labels, owned = _claim(labels, text > thresholds.text)
    found = labelled(labels, len(bands.areas) + 1)
    peaks = found.peak(text)
    kept = peaks >= max(thresholds.score, thresholds.text)
    found, peaks = found.select(kept), peaks[kept]
    angles, bands = _angles(bands)[kept], bands.select(kept)
    boxes = found.boxes_at(angles)
    bends = bends_of(boxes, may_bend(bands.boxes_at(angles), bands.areas), found.points)
    text_areas = found.count(text > thresholds.text)
    rest, rest_peaks = find_regions(np.where(owned, 0, text), np.where(owned, 0, link), thresholds)
    boxes = np.concatenate([_grow(laid_flat(boxes, bends), text_areas), rest])
    whole = np.flatnonzero(~_pieces(boxes))
    left = {place: bends[n] for place, n in enumerate(whole.tolist()) if n in bends}
    return in_pieces(boxes[whole], np.concatenate([peaks, rest_peaks])[whole], left)


def _pieces(boxes: Boxes) -> npt.NDArray[np.bool_]:
    """Which regions are only pieces of letters, such as loops and dots, near or inside a larger one: (n,)."""
    near = boxes * np.array([1, 1, 1, 1 + 2 * NEAR, 1], np.float32)
    small = boxes[:, None, 2:4].max(2) < MAX_PIECE * boxes[None, :, 3]
    return np.asarray((contained(boxes[:, :2], near) & small).any(1))


def _angles(bands: Components) -> Floats:
    """The angles of lines, (n,); bands less than twice as long as high have no clear angle and count as level."""
    angles = bands.axes()
    sides = bands.boxes_at(angles)[:, 2:4]
    return np.where(sides.max(1) >= 2 * sides.min(1), angles, np.float32(0))


def _claim(
    bands: npt.NDArray[np.int32], is_text: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Assigns the text that touches a line to the nearest line; touching letters of two lines are split halfway.

    Args:
        bands: The label of each line's pixels (h, w), 0 elsewhere.
        is_text: (h, w).

    Returns:
        The labels including the text, and where text belongs to a line.
    """
    _, places = cv2.distanceTransformWithLabels((bands == 0).astype(np.uint8), cv2.DIST_L2, 5)
    if not bands.any():
        return bands, np.zeros_like(is_text)
    nearest = np.zeros(int(places.max()) + 1, np.int32)
    nearest[places[bands > 0]] = bands[bands > 0]
    count, pieces = cv2.connectedComponents(is_text.astype(np.uint8), connectivity=4)
    touching = np.zeros(count, np.bool_)
    touching[pieces[bands > 0]] = True
    owned = is_text & touching[pieces]
    return np.where(owned, nearest[places], bands), owned


def _grow(boxes: Boxes, areas: npt.NDArray[np.int64]) -> Boxes:
    """Widens boxes to the characters' edges, by as much as the published method dilates each component.

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
