"""Lines too long for a recognizer, as in a picture of a single line: cut in the spaces between words."""

from __future__ import annotations

import cv2
import numpy as np

from raypipe.geometry import MAX_SIDE, Floats, crop, directions
from raypipe.images.image import Image
from raypipe.types import Boxes

LONGEST = 60.0
"""A line that is read at once is at most this many times longer than high."""
SCALE, MARGIN = 16, 4
"""Lines are scaled to this height, in pixels, to find the spaces in them, of which each part keeps at most `MARGIN`."""


def shortened(image: Image, boxes: Boxes) -> Boxes:
    """The regions (n, 5) of a page, at full resolution, with long ones cut into parts that follow each other."""
    is_long = boxes[:, 2] > LONGEST * boxes[:, 3]
    return np.concatenate([boxes[~is_long], *(_parts(image, box) for box in boxes[is_long])])


def _parts(image: Image, box: Floats) -> Boxes:
    start, end = np.array(_ends(image, box), np.float32).reshape(-1, 2).T
    parts = np.repeat(box[None], len(start), 0)
    along, _ = directions(parts[:, 4])
    parts[:, :2] += along * ((start + end) / 2 - box[2] / 2)[:, None]
    parts[:, 2] = end - start
    return parts


def _ends(image: Image, box: Floats) -> list[float]:
    """Where each part of a line begins and ends, in pixels from its beginning: it is cut where there is least ink."""
    line = crop(image.well_lit(), image.reduce(box[None])[0], SCALE, MAX_SIDE).mean(2, dtype=np.float32)
    ink = cv2.blur((line.max(0) - line.min(0))[None], (SCALE // 4, 1))[0]
    inked = np.flatnonzero(ink >= np.median(ink) / 2)
    unit = float(box[2]) / len(ink)
    ends, most = [0.0], int(LONGEST * float(box[3]) / unit)
    while len(ink) - ends[-1] > most:
        least = int(ends[-1]) + most // 2
        place = least + int(ink[least : least + most // 2].argmin())
        after = int(np.searchsorted(inked, place))
        ends += [min(inked[after - 1] + MARGIN, place), max(inked[min(after, len(inked) - 1)] - MARGIN, place)]
    return [end * unit for end in (*ends, len(ink))]
