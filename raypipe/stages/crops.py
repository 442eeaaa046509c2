"""From regions to line pictures, and from the readings of these back to lines of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from raypipe.geometry import Floats, bounds, crop, crop_along, enclose, turn
from raypipe.images.image import Image
from raypipe.layout.bends import whole
from raypipe.layout.combs import combed, is_comb
from raypipe.layout.lines import LineLayout, arrange, fold_of
from raypipe.layout.spreads import Spread
from raypipe.recognition.base import Reading
from raypipe.stages.dividers import dividers
from raypipe.stages.initials import with_initial
from raypipe.stages.joined import Piece, parted
from raypipe.stages.rulings import drawn
from raypipe.types import Boxes, Crops, Line, Pixels, Word, place_of

MIN_CURVED_REGIONS = 5
"""Lines of at least this many regions are followed along a parabola through their centres."""


def cut(
    image: Image, boxes: Boxes, height: int, max_width: int, border: int, space: int, layout: LineLayout | None = None
) -> Crops:
    """Cuts the regions of a page out of its picture.

    Args:
        image: The page.
        boxes: (n, 5), its regions at full resolution.
        height, max_width: Size of the pictures that the recognizer takes.
        border: Pixels of the page around each region that are cut out with it.
        space: Pixels of paper added between two regions in one picture, as the recognizer sees them.
        layout: Lines whose regions are put side by side in one picture; None: each region gets its own picture, except
            that the letters of a comb share one, and the pieces of a line that bends.
    """
    pixels = image.well_lit()
    pictures: list[Pixels] = []
    segments: list[tuple[float, ...]] = []
    edge = np.array([0, 0, 2 * border, 2 * border, 0], np.float32)
    bent, others = ([], _lines(boxes, layout)) if layout else _groups(image, pixels, boxes)
    for pieces in bent:
        pieces = pieces + edge * np.array([0, 0, 0, 1, 0], np.float32)
        picture, columns = crop_along(pixels, image.reduce(pieces), height, max_width)
        segments += _segments(len(pictures), columns, pieces)
        pictures.append(picture)
    for parts in others:
        parts = parts + edge
        cuts = [crop(pixels, box, height, max_width) for box in image.reduce(parts)]
        for piece in _pieces([each.shape[1] for each in cuts], space, max_width):
            picture, columns = _side_by_side(cuts[piece], space)
            segments += _segments(len(pictures), columns, parts[piece])
            pictures.append(picture)
    divided = image.enlarge(dividers(pixels, image.reduce(boxes))).tobytes()
    return _pack(pictures, segments, height, divided)


def _segments(picture: int, columns: Sequence[tuple[int, int]], boxes: Boxes) -> list[tuple[float, ...]]:
    """Where the parts of a picture come from: rows of `Crops.segment_table()`."""
    return [(picture, *column, *box) for column, box in zip(columns, boxes.tolist(), strict=True)]


def none(height: int) -> Crops:
    """The pictures of a page on which nothing is to be read."""
    return _pack([], [], height)


def joined(crops: Crops, kept: Sequence[int], others: Crops) -> Crops:
    """Some pictures of a page, by their numbers in order, and after them others of the same height."""
    own, added, pictures = crops.segment_table(), others.segment_table().copy(), crops.pictures()
    own = own[np.isin(own[:, 0], kept)]
    own[:, 0], added[:, 0] = np.searchsorted(kept, own[:, 0]), added[:, 0] + len(kept)
    both = [*(pictures[n] for n in kept), *others.pictures()]
    return _pack(both, [*own, *added], crops.height, crops.dividers)


def _lines(boxes: Boxes, layout: LineLayout) -> list[Boxes]:
    return [level(boxes[members], line) for members, line in zip(layout.members, layout.boxes, strict=True)]


def _groups(image: Image, pixels: Pixels, boxes: Boxes) -> tuple[list[Boxes], list[Boxes]]:
    """The pieces of each line that bends, and the regions of each other picture."""
    lines, others = whole(boxes)
    return [boxes[line] for line in lines], _letters(image, pixels, boxes[others])


def _letters(image: Image, pixels: Pixels, boxes: Boxes) -> list[Boxes]:
    """The regions of each picture; the letters of a comb have one height."""
    found, rest = drawn(pixels, image.reduce(boxes))
    words, boxes = [image.enlarge(word) for word in found], image.enlarge(rest) if found else boxes
    groups = [boxes[members] for members in combed(boxes)]
    heights = [np.full(len(group), group[:, 3].max()) for group in groups]
    same = [np.insert(np.delete(group, 3, 1), 3, height, 1) for group, height in zip(groups, heights, strict=True)]
    return [*words, *same]


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
    """The regions (n, 5) of a line as adjoining boxes of one height that follow its bend, to be cut at one scale.

    They are in reading direction, and `line` (5,) is the box around them.
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


def assemble(crops: Crops, readings: Sequence[Reading], tolerance: float = 0, size: Spread = None) -> list[Line]:
    """The lines of a page, in reading order, from the readings of its pictures; those without text are left out.

    The tolerance is that of `arrange`. If the picture may show two pages, the left one is read first.
    """
    table, pictures = crops.segment_table(), crops.pictures()
    pieces = [
        Piece(_in_comb(reading) if is_comb(some[:, 3:8]) else reading, some, pictures[n])
        for n, reading in enumerate(readings)
        if reading.text and len(some := table[table[:, 0] == n])
    ]
    count = 0
    while len(pieces) > count:
        count, pieces = len(pieces), parted(pieces, _boxes(pieces))
    boxes, texts = _boxes(pieces), [piece.reading.text for piece in pieces]
    layout = arrange(boxes, tolerance, texts, fold_of(boxes, size), crops.divider_boxes())
    rows = zip(layout.members, layout.rows.tolist(), strict=True)
    return [_line([pieces[n] for n in members.tolist()], row) for members, row in rows]


def _in_comb(reading: Reading) -> Reading:
    """A reading without spaces, which are gaps between the boxes of a comb."""
    return reading.only([place for place, character in enumerate(reading.text) if character != " "])


def _boxes(pieces: Sequence[Piece]) -> Boxes:
    """The boxes (n, 5) around pieces."""
    return np.array([_around(piece.segments[:, 3:8]) for piece in pieces], np.float32).reshape(-1, 5)


def _line(pieces: Sequence[Piece], row: int) -> Line:
    """A line from its pieces."""
    words = with_initial([word for piece in pieces for word in _words(piece)])
    return Line(
        text=" ".join(word.text for word in words),
        confidence=float(np.mean([p for piece in pieces for p in piece.reading.probabilities])),
        row=row,
        words=words,
        **place_of(_around(np.concatenate([piece.segments for piece in pieces])[:, 3:8]).tolist()),
    )


def _around(boxes: Boxes) -> Floats:
    """The box around the boxes of a line."""
    return boxes[0] if len(boxes) == 1 else enclose(boxes, float(np.median(boxes[:, 4])))


def _side_by_side(parts: Sequence[Pixels], space: int) -> tuple[Pixels, list[tuple[int, int]]]:
    """Joins pictures with some paper between them; returns the picture, and the first and last column of each part."""
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


def _pack(
    pictures: Sequence[Pixels], segments: Sequence[tuple[float, ...]], height: int, divided: bytes = b""
) -> Crops:
    return Crops(
        pixels=b"".join(np.ascontiguousarray(picture).data for picture in pictures),
        height=height,
        widths=[picture.shape[1] for picture in pictures],
        segments=np.array(segments, np.float32).tobytes(),
        dividers=divided,
    )


def _words(piece: Piece) -> list[Word]:
    """The words of one picture with their boxes on the page."""
    reading, words = piece.reading, []
    for start, end, *box in piece.words:
        confidence = fmean(reading.probabilities[start:end])
        words.append(
            Word(
                text=reading.text[start:end],
                confidence=confidence,
                alternatives=reading.alternatives.get(start, []),
                **place_of(place(box, len(piece.picture), piece.segments)),
            )
        )
    return words


def place(box: Sequence[float], height: int, segments: Floats) -> tuple[float, float, float, float, float]:
    """Where a part of a picture lies on the page: centre x, centre y, width, height, angle.

    Args:
        box: Its left, top, right and bottom, in pixels of the picture.
        height: The height of the picture.
        segments: Rows of `Crops.segment_table()` of this picture.
    """
    left, top, right, bottom = box
    middle = (left + right) / 2
    # Plain numbers: for a single box NumPy takes twenty times as long.
    nearest = min(segments.tolist(), key=lambda segment: max(segment[1] - middle, middle - segment[2], 0))
    _, first, last, x, y, width, depth, angle, *_ = nearest
    scale, scale_down = width / max(last - first, 1), depth / height
    left, right = max(left, first), min(max(right, left + 1), last)
    along, down = ((left + right) - (first + last)) / 2 * scale, ((top + bottom) - height) / 2 * scale_down
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    dx, dy = along * cos - down * sin, along * sin + down * cos
    return x + dx, y + dy, max(right - left, 1) * scale, (bottom - top) * scale_down, angle
