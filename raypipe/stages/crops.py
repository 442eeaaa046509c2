"""From regions to line pictures, and from the readings of these back to lines of the page."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from raypipe.geometry import Floats, bounds, crop, directions, enclose, turn
from raypipe.images.image import Image
from raypipe.layout import LineLayout
from raypipe.recognition.base import Reading
from raypipe.types import Boxes, Crops, Line, Pixels, Word

MIN_CURVED_REGIONS = 5
"""Lines of at least this many regions are followed along a parabola through their centres."""


def cut(
    image: Image, boxes: Boxes, layout: LineLayout, height: int, max_width: int, group: bool, border: int, space: int
) -> Crops:
    """Cuts the lines of a page out of its picture.

    Args:
        image: The page.
        boxes: (n, 5), its regions at full resolution.
        layout: How they form lines.
        height, max_width: Size of the pictures that the recognizer takes.
        group: Put the regions of a line side by side in one picture; otherwise each gets its own picture.
        border: Pixels of the page around each region that are cut out with it.
        space: Pixels of paper added between two regions in one picture, as the recognizer sees them.
    """
    pixels = image.bgr()
    pictures: list[Pixels] = []
    segments: list[tuple[float, ...]] = []
    for line, (members, row) in enumerate(zip(layout.members, layout.rows, strict=True)):
        groups = [level(boxes[members], layout.boxes[line])] if group else boxes[members][:, None]
        for parts in groups:
            parts = parts + np.array([0, 0, 2 * border, 2 * border, 0], np.float32)
            cuts = [crop(pixels, box, height, max_width) for box in image.reduce(parts)]
            for piece in _pieces([cut.shape[1] for cut in cuts], space, max_width):
                picture, columns = _side_by_side(cuts[piece], space)
                places = zip(columns, parts[piece], strict=True)
                segments += [(len(pictures), *column, *box, line, row) for column, box in places]
                pictures.append(picture)
    return _pack(pictures, segments, height)


def _pieces(widths: Sequence[int], space: int, max_width: int) -> list[slice]:
    """Runs of pictures that fit side by side within `max_width`."""
    starts, total = [0], -space
    for number, width in enumerate(widths):
        if total + space + width > max_width and number > starts[-1]:
            starts.append(number)
            total = -space
        total += space + width
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(widths)], strict=True)]


def level(boxes: Boxes, line: Floats) -> Boxes:
    """The regions of a line as adjoining boxes of one height that follow its bend, so that all are cut at one scale.

    Args:
        boxes: (n, 5), in reading direction.
        line: (5,), the box around them.
    """
    if len(boxes) == 1:
        return boxes
    angle = float(line[4])
    flat = boxes.copy()
    flat[:, :2] = turn(boxes[:, :2], -angle)
    flat[:, 4] -= angle
    extent = bounds(flat)
    degree = 2 if len(boxes) >= MIN_CURVED_REGIONS else 0
    curve = np.polynomial.Polynomial.fit(flat[:, 0], flat[:, 1], degree, w=np.sqrt(boxes[:, 2]))
    middle = curve(flat[:, 0])
    reach = max(float((middle - extent[:, 1]).max()), float((extent[:, 3] - middle).max()))
    levelled = np.empty_like(boxes)
    # Neighbours meet in the middle of the gap between them: the page's own spaces stay in the picture.
    meet = (extent[:-1, 2] + extent[1:, 0]) / 2
    left, right = np.append(extent[0, 0], meet), np.append(meet, extent[-1, 2])
    centre = np.stack([(left + right) / 2, curve((left + right) / 2)], 1)
    levelled[:, :2] = turn(centre.astype(np.float32), angle)
    levelled[:, 2] = np.maximum(right - left, 1)
    levelled[:, 3] = 2 * reach
    levelled[:, 4] = angle + np.rad2deg(np.arctan(curve.deriv()(flat[:, 0])))
    return levelled


def assemble(crops: Crops, readings: Sequence[Reading]) -> list[Line]:
    """The lines of a page from the readings of its pictures, in reading order."""
    lines: list[Line] = []
    table = crops.segment_table()
    for number in np.unique(table[:, 8]):
        segments = table[table[:, 8] == number]
        read = [readings[int(n)] for n in dict.fromkeys(segments[:, 0].tolist())]
        words = [
            word
            for n in dict.fromkeys(segments[:, 0].tolist())
            for word in _words(readings[int(n)], segments[segments[:, 0] == n])
        ]
        probabilities = [p for reading in read for p in reading.probabilities]
        boxes = segments[:, 3:8]
        box = boxes[0] if len(boxes) == 1 else enclose(boxes, float(np.median(boxes[:, 4])))
        text = " ".join(reading.text for reading in read if reading.text)
        confidence = float(np.mean(probabilities)) if probabilities else 0.0
        x, y, width, height, angle = box.tolist()
        lines.append(
            Line(
                text=text,
                confidence=confidence,
                x=x,
                y=y,
                width=width,
                height=height,
                angle=angle,
                row=int(segments[0, 9]),
                words=words,
            )
        )
    return lines


def _side_by_side(parts: Sequence[Pixels], space: int) -> tuple[Pixels, list[tuple[int, int]]]:
    """Joins pictures with some paper between them; the picture, and the first and last column of each part."""
    if len(parts) == 1:
        return parts[0], [(0, parts[0].shape[1])]
    joined: list[Pixels] = [parts[0]]
    for part in parts[1:]:
        joined += [_blend(joined[-1][:, -1:], part[:, :1], space), part]
    ends = np.cumsum([part.shape[1] + space for part in parts]) - space
    return np.concatenate(joined, 1), [
        (int(end) - part.shape[1], int(end)) for part, end in zip(parts, ends, strict=True)
    ]


def _blend(left: Pixels, right: Pixels, width: int) -> Pixels:
    """Columns (h, width, 3) that blend one column into another: a white gap would look like a mark on the paper."""
    share = (np.arange(width, dtype=np.float32)[None, :, None] + 0.5) / max(width, 1)
    return np.rint(left * (1 - share) + right * share).astype(np.uint8)


def _pack(pictures: Sequence[Pixels], segments: Sequence[tuple[float, ...]], height: int) -> Crops:
    return Crops(
        pixels=b"".join(np.ascontiguousarray(picture).data for picture in pictures),
        height=height,
        widths=[picture.shape[1] for picture in pictures],
        segments=np.array(segments, np.float32).tobytes(),
    )


def _words(reading: Reading, segments: Floats) -> list[Word]:
    """The words of one picture with their boxes on the page."""
    centres = np.array(reading.centres, np.float32)
    half = float(np.median(np.diff(centres))) / 2 if len(centres) > 1 else float(segments[-1, 2]) / 2
    words = []
    for match in re.finditer(r"\S+", reading.text):
        start, end = match.span()
        left = centres[start] - half if start == 0 else max(centres[start] - half, float(centres[start - 1]))
        right = centres[end - 1] + half if end == len(centres) else min(centres[end - 1] + half, float(centres[end]))
        confidence = float(np.mean(reading.probabilities[start:end]))
        x, y, width, height, angle = place(float(left), float(right), segments)
        words.append(Word(text=match.group(), confidence=confidence, x=x, y=y, width=width, height=height, angle=angle))
    return words


def place(left: float, right: float, segments: Floats) -> tuple[float, float, float, float, float]:
    """Where columns `left` to `right` of a picture lie on the page: centre x, centre y, width, height, angle.

    Args:
        left, right: Pixel columns.
        segments: Rows of `Crops.segment_table()` of this picture.
    """
    middle = (left + right) / 2
    distance = np.maximum(np.maximum(segments[:, 1] - middle, middle - segments[:, 2]), 0)
    _, first, last, x, y, width, height, angle, *_ = segments[int(distance.argmin())].tolist()
    scale = width / max(last - first, 1)
    left, right = max(left, first), min(max(right, left + 1), last)
    offset = ((left + right) / 2 - (first + last) / 2) * scale
    along = directions(np.array([angle], np.float32))[0][0]
    return x + offset * float(along[0]), y + offset * float(along[1]), max(right - left, 1) * scale, height, angle
