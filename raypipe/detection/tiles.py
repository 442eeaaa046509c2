"""Very tall or wide pictures, such as chats and receipts: cut into tiles, as scaling them down would lose the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from raypipe.detection.base import Detection
from raypipe.geometry import Floats, bounds, enclose, overlapping
from raypipe.images.base import ELONGATED
from raypipe.layout.lines import connected
from raypipe.types import Boxes, Pixels

LEAST_SCALE = 0.5
"""A picture is not cut if it is scaled down no further than this."""
TILE = 2.0
"""A tile is at most this many times longer than wide, unless it is small."""
OVERLAP = 0.25
"""Tiles share this much of their width: more than the height of a line."""
LINE, LINE_TILE = 20.0, 4.0
"""A picture this many times wider than high shows a line, or a few, whose tiles are at least this many times wider than
high, and scaled down by `LEAST_SCALE`."""
SAME = 0.5
"""Regions of two tiles are one if they share this much of the smaller one, where the tiles overlap."""


class Tile(NamedTuple):
    """A part of a picture from `start` to `end` along its longer side."""

    start: int
    end: int


def tiles(height: int, width: int, network_width: int) -> list[Tile]:
    """The tiles of a picture of this size, in pixels; one if it is of an ordinary shape, or small.

    The longer side of a tile is scaled to `network_width`.
    """
    longer, shorter = max(height, width), min(height, width)
    uncut = int(network_width / LEAST_SCALE)
    if longer <= max(ELONGATED * shorter, uncut):
        return [Tile(0, longer)]
    length, overlap = max(int(TILE * shorter), network_width), int(OVERLAP * shorter)
    if width > LINE * height:
        length, overlap = max(int(LINE_TILE * height), uncut), height
    count = -(-(longer - overlap) // (length - overlap))
    starts = np.linspace(0, longer - length, count).astype(int).tolist()
    return [Tile(start, start + length) for start in starts]


def tiled(pixels: Pixels, network_width: int, detect: Callable[[Pixels], Detection]) -> Detection:
    """The regions of a picture (h, w, 3), BGR, looked for in each of its `tiles`."""
    height, width = pixels.shape[:2]
    parts = tiles(height, width, network_width)
    if len(parts) == 1:
        return detect(pixels)
    axis = 1 if height > width else 0
    found = [detect(pixels[part.start : part.end] if axis else pixels[:, part.start : part.end]) for part in parts]
    boxes = [each.boxes.copy() for each in found]
    for some, part in zip(boxes, parts, strict=True):
        some[:, axis] += part.start
    joined, scores = _joined(boxes, [each.scores for each in found], parts, axis)
    return Detection(joined, scores, all(each.refined for each in found))


def _joined(boxes: Sequence[Boxes], scores: Sequence[Floats], parts: Sequence[Tile], axis: int) -> tuple[Boxes, Floats]:
    """The regions of all tiles; those that two tiles share are joined."""
    starts = np.cumsum([0, *map(len, boxes)])
    same = np.eye(int(starts[-1]), dtype=bool)
    for n in range(len(parts) - 1):
        shared = _same(bounds(boxes[n]), bounds(boxes[n + 1]), Tile(parts[n + 1].start, parts[n].end), axis)
        first, second = slice(starts[n], starts[n + 1]), slice(starts[n + 1], starts[n + 2])
        same[first, second], same[second, first] = shared, shared.T
    every, rated = np.concatenate(boxes), np.concatenate(scores)
    groups = connected(same)
    found = [every[group[0]] if len(group) == 1 else _around(every[group]) for group in groups]
    highest = np.array([rated[group].max() for group in groups], np.float32)
    return np.array(found, np.float32).reshape(-1, 5), highest


def _same(first: Floats, second: Floats, overlap: Tile, axis: int) -> npt.NDArray[np.bool_]:
    """Which regions, as bounds (n, 4) and (m, 4), are the same where two tiles overlap: (n, m)."""
    first, second = first.copy(), second.copy()
    for each in (first, second):
        each[:, axis::2] = each[:, axis::2].clip(overlap.start, overlap.end)
    return overlapping(first, second, SAME)


def _around(boxes: Boxes) -> Floats:
    """The box around boxes, at the angle of the longest."""
    return enclose(boxes, float(boxes[boxes[:, 2].argmax(), 4]))
