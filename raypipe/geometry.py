"""Rotated boxes, and cutting them out of a page: pure NumPy and OpenCV.

Boxes are float32 (n, 5): centre x, centre y, width, height in pixels and angle in degrees, as in `raypipe.types`.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from raypipe.types import Boxes, Pixels

Floats = npt.NDArray[np.float32]

MAX_SIDE = 32_766
"""The longest side, in pixels, of a picture that `cv2.warpAffine` takes before OpenCV 5."""


def directions(angles: Floats) -> tuple[Floats, Floats]:
    """Unit vectors along and across the text, float32 (n, 2) each, for angles (n,) in degrees."""
    radians = np.deg2rad(np.asarray(angles, np.float32))
    cos, sin = np.cos(radians), np.sin(radians)
    return np.stack([cos, sin], -1), np.stack([-sin, cos], -1)


def corners(boxes: Boxes) -> Floats:
    """Corner points float32 (n, 4, 2): top left, top right, bottom right, bottom left as seen along the text."""
    along, across = directions(boxes[:, 4])
    half_width, half_height = along * boxes[:, 2:3] / 2, across * boxes[:, 3:4] / 2
    offsets = np.stack(
        [-half_width - half_height, half_width - half_height, half_width + half_height, half_height - half_width], 1
    )
    return np.asarray(boxes[:, None, :2] + offsets, np.float32)


def bounds(boxes: Boxes) -> Floats:
    """Upright bounding boxes float32 (n, 4): left, top, right, bottom."""
    points = corners(boxes)
    return np.concatenate([points.min(1), points.max(1)], 1)


def overlapping(one: Floats, other: Floats, share: float) -> npt.NDArray[np.bool_]:
    """Which bounds (n, 4) and (m, 4) share more than this part of the smaller one's area: (n, m)."""
    one, other = one[:, None], other[None]
    shared = (np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])).clip(0).prod(-1)
    areas = [(each[..., 2:] - each[..., :2]).prod(-1) for each in (one, other)]
    return np.asarray(shared > share * np.minimum(*areas))


def contained(points: Floats, boxes: Boxes) -> npt.NDArray[np.bool_]:
    """Which points (n, 2) lie in which boxes (m, 5): (n, m)."""
    along, across = directions(boxes[:, 4])
    offsets = points[:, None] - boxes[None, :, :2]
    inside_width = np.abs((offsets * along).sum(2)) <= boxes[:, 2] / 2
    return np.asarray(inside_width & (np.abs((offsets * across).sum(2)) <= boxes[:, 3] / 2))


def upright(boxes: Boxes) -> Boxes:
    """The smallest boxes of angle 0 around the given boxes."""
    box = bounds(boxes)
    size = box[:, 2:] - box[:, :2]
    return np.concatenate([(box[:, :2] + box[:, 2:]) / 2, size, np.zeros((len(box), 1), np.float32)], 1)


def turn(points: Floats, degrees: float) -> Floats:
    """Points (..., 2) turned about the origin by an angle; positive angles turn clockwise on the screen."""
    radians = np.deg2rad(degrees)
    cos, sin = np.cos(radians), np.sin(radians)
    matrix = np.array([[cos, sin], [-sin, cos]], np.float32)
    return np.asarray(points @ matrix, np.float32)


def enclose(boxes: Boxes, angle: float) -> Floats:
    """The smallest box (5,) of a given angle around all of `boxes`."""
    points = turn(corners(boxes).reshape(-1, 2), -angle)
    low, high = points.min(0), points.max(0)
    centre = turn((low + high) / 2, angle)
    return np.array([*centre, *(high - low), angle], np.float32)


def from_min_area(centre: tuple[float, float], size: tuple[float, float], angle: float) -> tuple[float, ...]:
    """A rectangle of `cv2.minAreaRect` as a box whose width runs along the text: angle in [-45, 45).

    A rectangle that is much taller than wide keeps its angle: it is a tall letter, or a line read upwards.
    """
    width, height = size
    while angle >= 45:
        width, height, angle = height, width, angle - 90
    while angle < -45:
        width, height, angle = height, width, angle + 90
    return (*centre, width, height, angle)


def crop(pixels: Pixels, box: Floats, height: int, max_width: int) -> Pixels:
    """Cuts a rotated box out of a page, straightened and scaled.

    Args:
        pixels: The page, (h, w) or (h, w, 3).
        box: (5,) in the pixels of `pixels`.
        height: Height of the result.
        max_width: Widest result; wider boxes are squeezed.

    Returns:
        (height, width, ...) with the box's aspect ratio, at least 1 wide. Outside the page, its edge is repeated.
    """
    scale = height / max(float(box[3]), 1.0)
    width = int(min(max(round(float(box[2]) * scale), 1), max_width))
    pixels, (box,) = _averaged(pixels, box[None], scale)
    top_left, top_right, _, bottom_left = corners(box[None])[0]
    target = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    # Pixel centres lie at half-integers, for the page as for the result.
    matrix = cv2.getAffineTransform(np.stack([top_left, top_right, bottom_left]) - 0.5, target - 0.5)
    flags = cv2.INTER_LINEAR if scale <= 1 else cv2.INTER_CUBIC
    result = cv2.warpAffine(pixels, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(result, np.uint8)


def crop_along(pixels: Pixels, boxes: Boxes, height: int, max_width: int) -> tuple[Pixels, list[tuple[int, int]]]:
    """Cuts a line that bends out of a page, straightened along a curve through the ends of its pieces, and scaled.

    Args:
        pixels, height, max_width: As in `crop`.
        boxes: The pieces (n, 5), n > 1, of one height, each of which begins where the last ends.

    Returns:
        The picture (height, width, ...); and the first and last column of each piece in it.
    """
    scale = height / max(float(boxes[0, 3]), 1.0)
    pixels, boxes = _averaged(pixels, boxes, scale)
    along = directions(boxes[:, 4])[0] * boxes[:, 2:3] / 2
    ends = np.concatenate([boxes[:1, :2] - along[:1], boxes[:, :2] + along])
    places = np.append(np.float32(0), boxes[:, 2].cumsum()) / boxes[0, 3] * height
    places = np.rint(places * min(max_width / places[-1], 1)).astype(np.int64)
    middle = _through(ends, places)
    step = np.gradient(middle, axis=0)
    across = np.stack([-step[:, 1], step[:, 0]], 1) / np.hypot(*step.T)[:, None]
    down = ((np.arange(height) + 0.5) / height - 0.5) * boxes[0, 3]
    x, y = ((middle + down[:, None, None] * across) - 0.5).astype(np.float32).transpose(2, 0, 1)
    flags = cv2.INTER_LINEAR if scale <= 1 else cv2.INTER_CUBIC
    picture = cv2.remap(pixels, x, y, flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8), list(pairwise(places.tolist()))


def _through(points: Floats, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """A smooth curve (places[-1], 2) through points (n, 2), which it reaches at these columns (n,): cubic pieces."""
    columns = np.arange(places[-1]) + 0.5
    piece = np.searchsorted(places, columns) - 1
    length = np.diff(places)[piece, None]
    share = (columns - places[piece])[:, None] / length
    slope = np.gradient(points, places, axis=0) if len(points) > 2 else np.diff(points, axis=0)[[0, 0]] / places[-1]
    start, end = points[piece], points[piece + 1]
    bent = slope[piece] * (1 - share) - slope[piece + 1] * share
    straight = start + (end - start) * share * share * (3 - 2 * share)
    return np.asarray(straight + bent * length * share * (1 - share))


def _averaged(pixels: Pixels, boxes: Boxes, scale: float) -> tuple[Pixels, Boxes]:
    """A page and boxes (n, 5) on it for a linear warp to this scale that skips no pixel, and that OpenCV can do.

    If need be, it is the part of the page around the boxes, averaged down to twice the scale, to at most `MAX_SIDE`.
    """
    if scale >= 0.5 and max(pixels.shape[:2]) <= MAX_SIDE:
        return pixels, boxes
    around = bounds(boxes)
    (left, top), (right, bottom) = around[:, :2].min(0), around[:, 2:].max(0)
    page_height, page_width = pixels.shape[:2]
    x0, y0 = int(np.clip(left - 2, 0, page_width - 1)), int(np.clip(top - 2, 0, page_height - 1))
    x1, y1 = int(np.clip(right + 3, x0 + 1, page_width)), int(np.clip(bottom + 3, y0 + 1, page_height))
    part = pixels[y0:y1, x0:x1]
    scale = min(2 * scale, 1, MAX_SIDE / max(part.shape[:2]))
    size = max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1)
    small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    scale_x, scale_y = size[0] / (x1 - x0), size[1] / (y1 - y0)
    factors = np.array([scale_x, scale_y, scale_x, scale_y, 1], np.float32)
    return small, (boxes - np.array([x0, y0, 0, 0, 0], np.float32)) * factors
