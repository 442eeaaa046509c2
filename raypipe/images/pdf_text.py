"""The text layer of a PDF page: its words with boxes, and the reasons not to rely on it."""

from __future__ import annotations

import ctypes
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats, bounds, directions, turn
from raypipe.images.base import TextLayer
from raypipe.images.pdf_content import NOTABLE, is_visible, shares_of_pictures
from raypipe.images.pdf_forms import kinds_of_notes
from raypipe.plurals import counted
from raypipe.types import Pixels, Word, boxes_of

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

SURE = 0.98
"""Share of the characters that must be visible and have a Unicode value for a layer to be reliable."""
SCAN = 0.5
"""A page is taken for a scan, whose writing is in its pictures, if these together cover at least this share of it."""
FINE = 64
"""PDFium gives places in whole numbers: it is asked for them in this fraction of a pixel."""
LEVEL = 0.5
"""A word goes on while its characters stand this close to one line, in heights of a character."""
MOST_CHARACTERS = 100_000
"""A page has fewer, unless it was made to keep programs busy."""
MOST_LOOKED_AT, CONTRAST = 2000, 16
"""The longer side, in pixels, at which a page is drawn to check whether its words are visible, and the least contrast
of a visible word."""
UNKNOWN = "\ufffd"
"""Stands for a character without a Unicode value."""
LINE_ENDS = "\x02\ufffe"
"""PDFium's substitutes for a hyphen at the end of a line."""


@dataclass(frozen=True, slots=True)
class _Character:
    """A character: whether it begins a word, whether it is invisible, and its boxes and direction in points."""

    text: str
    begins: bool
    hidden: bool
    ink: tuple[float, ...]
    line: tuple[float, ...]
    direction: tuple[float, float]


def text_layer(page: PdfPage, width: int, height: int) -> TextLayer | None:
    """The text of a page that is drawn in this size, in pixels; None if it has none."""
    from pypdfium2 import raw

    handle = raw.FPDFText_LoadPage(page)
    try:
        count = raw.FPDFText_CountChars(handle)
        if count > MOST_CHARACTERS:
            return TextLayer(words=[], lines=np.zeros((0, 5), np.float32), doubt=f"it has {count:,} characters")
        characters = list(_characters(handle, count))
    finally:
        raw.FPDFText_ClosePage(handle)
    matrix, corner = _to_pixels(page, width, height)
    words, lines = _words(characters, matrix, corner, (width, height))
    if not words:
        return None
    shares = shares_of_pictures(page)
    pictures = sum(share >= NOTABLE for share in shares)
    unread = f"only the page's own text is read, not its {counted(pictures, 'picture')}" if pictures else ""
    return TextLayer(words=words, lines=lines, doubt=_doubt(page, characters, sum(shares)), unread=unread)


def _doubt(page: PdfPage, characters: list[_Character], covered: float) -> str:
    """Why a layer is not reliable, in words; empty: it is reliable."""
    from pypdfium2 import raw

    least = SURE * len(characters)
    if sum(not each.hidden for each in characters) < least:
        return "it is invisible, like the text that scanners add"
    if sum(each.text != UNKNOWN for each in characters) < least:
        return "its letters have no Unicode"
    if covered >= SCAN:
        return "pictures cover the page, as on a scan"
    if kinds_of_notes(page) & {
        raw.FPDF_ANNOT_WIDGET,
        raw.FPDF_ANNOT_FREETEXT,
        raw.FPDF_ANNOT_STAMP,
        raw.FPDF_ANNOT_INK,
    }:
        return "it lacks what is filled in or noted on the page"
    return ""


def is_seen(layer: TextLayer, pixels: Pixels, scale: float) -> bool:
    """Whether the words of a layer are visible on a grey picture of its page, which is `scale` times as large.

    Text that is white, covered, or in a layer that is turned off is in the file but not visible on the page.
    """
    boxes = (bounds(boxes_of(layer.words)) * scale).astype(int).tolist()
    parts = (pixels[max(top - 1, 0) : bottom + 2, max(left - 1, 0) : right + 2] for left, top, right, bottom in boxes)
    seen = [int(np.ptp(part)) >= CONTRAST for part in parts]  # None is empty: the middle of a word is on the page.
    return sum(seen) >= SURE * len(seen)


def _characters(handle: Any, count: int) -> Iterator[_Character]:
    """The characters of a PDFium text page without white space, in the order of the file."""
    from pypdfium2 import raw

    begins = True
    for n in range(count):
        code = raw.FPDFText_GetUnicode(handle, n)
        text = chr(code) if code <= sys.maxunicode else UNKNOWN
        if raw.FPDFText_IsHyphen(handle, n) == 1 or text in LINE_ENDS:
            text = "-"
        if raw.FPDFText_IsGenerated(handle, n) == 1 or text.isspace():
            begins = True
            continue
        is_hidden = not is_visible(raw.FPDFText_GetTextObject(handle, n))
        if raw.FPDFText_HasUnicodeMapError(handle, n) == 1 or unicodedata.category(text) in ("Cc", "Co", "Cn"):
            text = UNKNOWN
        yield _Character(text, begins, is_hidden, *_place(handle, n))
        begins = False


def _place(handle: Any, n: int) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, float]]:
    """The boxes of a character's ink and of its line (each left, bottom, right, top), and the direction of its line."""
    from pypdfium2 import raw

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(handle, n, left, right, bottom, top)
    loose, matrix = raw.FS_RECTF(), raw.FS_MATRIX()
    raw.FPDFText_GetLooseCharBox(handle, n, loose)
    raw.FPDFText_GetMatrix(handle, n, matrix)
    ink = left.value, bottom.value, right.value, top.value
    return ink, (loose.left, loose.bottom, loose.right, loose.top), (matrix.a, matrix.b)


def _to_pixels(page: PdfPage, width: int, height: int) -> tuple[Floats, Floats]:
    """The matrix (2, 2) and origin (2,) that convert points of a page, which may be turned, to pixels."""
    from pypdfium2 import raw

    far, found = 1000, []
    for x, y in ((0, 0), (far, 0), (0, far)):
        column, row = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page, 0, 0, width * FINE, height * FINE, 0, x, y, column, row)
        found.append((column.value / FINE, row.value / FINE))
    origin, right, up = np.array(found, np.float32)
    return np.asarray(np.stack([right - origin, up - origin]) / far, np.float32), origin


def _words(
    characters: list[_Character], matrix: Floats, origin: Floats, size: tuple[int, int]
) -> tuple[list[Word], Floats]:
    """The words on a page of a size in pixels, and for each the box (5,) that is as high as its line."""
    ink, line = (_corners([getattr(each, name) for each in characters]) @ matrix + origin for name in ("ink", "line"))
    along = np.array([each.direction for each in characters], np.float32).reshape(-1, 2) @ matrix
    angles = np.rad2deg(np.arctan2(along[:, 1], along[:, 0])).round(1)
    words, boxes = list[Word](), list[Floats]()
    for part in _runs(characters, line, angles):
        box, around = (_enclosed(points[part], float(angles[part.start])) for points in (ink, line))
        if not (0 <= box[0] < size[0] and 0 <= box[1] < size[1]):  # It lies outside the visible page.
            continue
        x, y, width, height, angle = box.tolist()
        words.append(
            Word(text=_text(characters[part]), confidence=1, x=x, y=y, width=width, height=height, angle=angle)
        )
        boxes.append(around if around[3] > box[3] / 2 else box)  # Some fonts do not state their height.
    return words, np.array(boxes, np.float32).reshape(-1, 5)


def _runs(characters: list[_Character], line: Floats, angles: Floats) -> list[slice]:
    """The characters of each word: up to a space, another direction or another line."""
    if not characters:
        return []
    begins = np.array([each.begins for each in characters])
    begins[1:] |= (angles[1:] != angles[:-1]) | _jumps(line, angles)
    starts = np.append(np.flatnonzero(begins), len(characters)).tolist()
    return list(map(slice, starts, starts[1:]))


def _jumps(line: Floats, angles: Floats) -> npt.NDArray[np.bool_]:
    """Whether each character except the first leaves the line of the one before; corners (n, 4, 2), angles (n,)."""
    levels = (line * directions(angles)[1][:, None]).sum(2)
    drop = ((line[1:] - line[:-1]).mean(1) * directions(angles[1:])[1]).sum(1)
    return np.asarray(np.abs(drop) > LEVEL * np.ptp(levels, axis=1)[1:])


def _corners(boxes: list[tuple[float, ...]]) -> Floats:
    """The corners (n, 4, 2) of boxes."""
    left, bottom, right, top = np.array(boxes, np.float32).reshape(-1, 4).T
    return np.stack(
        [np.stack(corner, -1) for corner in ((left, top), (right, top), (right, bottom), (left, bottom))], 1
    )


def _enclosed(points: Floats, angle: float) -> Floats:
    """The box (5,) at an angle around points (..., 2)."""
    flat = turn(points.reshape(-1, 2), -angle)
    low, high = flat.min(0), flat.max(0)
    return np.array([*turn((low + high) / 2, angle), *np.maximum(high - low, 1), angle], np.float32)


def _text(characters: list[_Character]) -> str:
    """The text of a word, with ligatures as letters."""
    text = "".join(each.text for each in characters)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # PDFium may give halves of a pair.
    return "".join(unicodedata.normalize("NFKC", each) if "\ufb00" <= each <= "\ufb06" else each for each in whole)
