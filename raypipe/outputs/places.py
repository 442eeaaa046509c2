"""Places of lines and words on a page, for formats with upright boxes in whole pixels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import bidirectional

import numpy as np
import numpy.typing as npt

from raypipe.geometry import bounds, corners
from raypipe.types import Line, PageRecord, Word, boxes_of

BELOW_WORD, BELOW_LINE = 0.076, 0.2
"""The share of a line's height between its baseline and the lower edge of a box: the box of words without letters that
go below the baseline, or that of the line if it has no such word. Medians over 258 printed lines of known baselines, in
four fonts, as the default models find them (forms of `benchmarks/word_boxes.py`): the baseline is within 4 % of the
height in 9 of 10 lines."""
_DESCENDING = re.compile(r"[gjpqyçQ,;()\[\]{}@$/|_-]|^\W+$")
_ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
RIGHT_TO_LEFT = ("R", "AL")
"""Classes of the characters of Hebrew, Arabic and the like: Unicode Standard Annex 9, table 4."""


class Box(NamedTuple):
    """An upright box on a page, in whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Its width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Its height in pixels."""
        return self.bottom - self.top


class Size(NamedTuple):
    """The size of a page in pixels."""

    width: int
    height: int

    @property
    def box(self) -> Box:
        """The whole page."""
        return Box(0, 0, self.width, self.height)


def size_of(page: PageRecord) -> Size:
    """The size of a page, or of the part with text if its picture was not kept; 0 x 0 if there is neither."""
    if page.width is not None and page.height is not None:
        return Size(page.width, page.height)
    lines = page.lines
    if not lines:
        return Size(0, 0)
    right, bottom = np.ceil(bounds(boxes_of(lines))[:, 2:].max(0)).clip(0).astype(int).tolist()
    return Size(right, bottom)


def box_of(item: Line | Word, size: Size) -> Box:
    """The upright box around a line or word, within its page."""
    found = bounds(boxes_of([item]))[0]
    return Box(*np.clip(np.rint(found), 0, [*size, *size]).astype(int).tolist())


def baseline_of(line: Line, size: Size) -> list[tuple[int, int]]:
    """The two ends of a line's baseline, in reading direction, within its page."""
    top_left, top_right, bottom_right, bottom_left = corners(boxes_of([line]))[0]
    down = (bottom_left - top_left) / max(line.height, 1e-6)
    standing = [word for word in line.words if not _DESCENDING.search(word.text)]
    if standing:
        places = boxes_of(standing)
        below = (places[:, :2] - (line.x, line.y)) @ down + places[:, 3] / 2
        height = float(np.median(below)) + (0.5 - BELOW_WORD) * line.height
    else:
        height = (1 - BELOW_LINE) * line.height
    return _pixels([top_left + height * down, top_right + height * down], size)


def outline_of(item: Line | Word, size: Size) -> list[tuple[int, int]]:
    """The four corners of a line's or word's rotated box, clockwise from its top left, within its page."""
    return _pixels(corners(boxes_of([item]))[0], size)


def points_of(points: Sequence[tuple[int, int]]) -> str:
    """Points as attributes in XML list them."""
    return " ".join(f"{x},{y}" for x, y in points)


def legal(text: str) -> str:
    """The text with characters that XML cannot hold, such as those of names that are not UTF-8, replaced by U+FFFD."""
    return _ILLEGAL.sub("\ufffd", text)


def comment(text: str) -> str:
    """The text as it may stand in a comment of HTML and XML."""
    return f" {re.sub('-(?=-)', '- ', legal(text))} "


def is_from_right(text: str) -> bool:
    """Whether text is written from right to left: its first character that has a direction is."""
    strong = (each for each in map(bidirectional, text) if each in ("L", *RIGHT_TO_LEFT))
    return next(strong, "L") in RIGHT_TO_LEFT


def numbered(pages: Sequence[PageRecord]) -> list[tuple[int, PageRecord]]:
    """Pages with unique numbers, from 0: their own or, if they are from several documents, their places."""
    own = {page.pagenum: page for page in pages}
    return list(own.items() if len(own) == len(pages) else enumerate(pages))


def _pixels(points: npt.ArrayLike, size: Size) -> list[tuple[int, int]]:
    return [(x, y) for x, y in np.clip(np.rint(points), 0, size).astype(int).tolist()]
