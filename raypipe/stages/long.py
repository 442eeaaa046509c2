"""Lines too long for a recognizer, as in a picture of a single line: cut in the spaces between words."""

from __future__ import annotations

import cv2
import numpy as np

from raypipe.geometry import MAX_SIDE, Floats, crop, directions
from raypipe.images.image import Image
from raypipe.types import Boxes

LONGEST = 60.0
"""A line that is read at once is at most this many times longer than high."""
SCALE = 16
"""Lines are scaled to this height, in pixels, to find the spaces in them."""


def shortened(image: Image, boxes: Boxes) -> Boxes:
    """The regions (n, 5) of a page, at full resolution, with long ones cut into parts that follow each other."""
    is_long = boxes[:, 2] > LONGEST * boxes[:, 3]
    return np.concatenate([boxes[~is_long], *(_parts(image, box) for box in boxes[is_long])])


def _parts(image: Image, box: Floats) -> Boxes:
    edges = np.array(_cuts(image, box), np.float32)
    parts = np.repeat(box[None], len(edges) - 1, 0)
    along, _ = directions(parts[:, 4])
    parts[:, :2] += along * ((edges[1:] + edges[:-1]) / 2 - box[2] / 2)[:, None]
    parts[:, 2] = np.diff(edges)
    return parts


def _cuts(image: Image, box: Floats) -> list[float]:
    """Where a line begins, is cut and ends, in pixels from its beginning: it is cut where there is least ink around."""
    line = crop(image.bgr(), image.reduce(box[None])[0], SCALE, MAX_SIDE).mean(2, dtype=np.float32)
    ink = cv2.blur((line.max(0) - line.min(0))[None], (SCALE // 4, 1))[0]
    unit = float(box[2]) / len(ink)
    start, cuts, most = 0, [0.0], int(LONGEST * float(box[3]) / unit)
    while len(ink) - start > most:
        start += most // 2 + int(ink[start + most // 2 : start + most].argmin())
        cuts.append(start * unit)
    return [*cuts, float(box[2])]
