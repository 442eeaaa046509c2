"""The content of a PDF page, and the resolution that it needs."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

POINTS_PER_INCH = 72
RESOLUTION = 300
"""Dots per inch of pages with text or drawings of their own: 10 point type is then about 40 pixels high."""
MOST_RESOLUTION = 600
"""Most dots per inch of such a page if it has pictures of a higher resolution, as logos do."""
MOST_DRAWN, MOST_SCANNED, LEAST_DRAWN = 6000, 10_000, 1000
"""Limits of a page's longer side in pixels: the most if it is drawn, the most if it is a scan, and the least if it is
drawn. Posters are read from a distance, and small pages may be measured in other units."""
WHOLE, NOTABLE, LAYERED = 0.8, 0.05, 1.25
"""Shares of the page: the least that pictures together cover on a scan, the least of it that is as fine as the page is
drawn, and the least that pictures cover that lie on each other."""
DRAWING = 100
"""The fewest pieces of lines that count: letters drawn as outlines have many, frames and grounds of a scan few."""
DEEPEST = 8
"""Levels of nested forms that are searched."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """A picture on a page: its width and height in pixels, and those on the page in inches."""

    pixels: tuple[int, int]
    inches: tuple[float, float]

    @property
    def resolution(self) -> float:
        """Dots per inch, of the finer direction."""
        return max(pixels / inches for pixels, inches in zip(self.pixels, self.inches, strict=True))

    @property
    def area(self) -> float:
        """Square inches."""
        return self.inches[0] * self.inches[1]


def needed_resolution(page: PdfPage, finer_masks: Callable[[], Mapping[tuple[int, int], tuple[int, int]]]) -> float:
    """Dots per inch that the content of a page needs: those of its pictures if it is a scan.

    Args:
        page: The page.
        finer_masks: Finds the sizes of its masks; see `pdf_masks.finer_masks`. Only few pages need it.
    """
    sides: tuple[float, float] = page.get_size()
    width, height = (side / POINTS_PER_INCH for side in sides)
    pictures, is_drawn = _content(page)
    covered, finest = sum(picture.area for picture in pictures), _finest(pictures, NOTABLE * width * height)
    if finest and not is_drawn and covered >= WHOLE * width * height:
        is_coarse = finest * max(width, height) < LEAST_DRAWN or covered >= LAYERED * width * height
        if finest < RESOLUTION and is_coarse and (masks := finer_masks()):
            pictures = [replace(picture, pixels=masks.get(picture.pixels, picture.pixels)) for picture in pictures]
            finest = _finest(pictures, NOTABLE * width * height)
        return min(finest, MOST_SCANNED / max(width, height))
    least = max(RESOLUTION, LEAST_DRAWN / max(width, height))
    return min(max(least, min(finest, MOST_RESOLUTION)), MOST_DRAWN / max(width, height))


def _finest(pictures: list[Picture], area: float) -> float:
    """The highest resolution that pictures of this area together have; 0 if all of them cover less."""
    ordered = sorted(pictures, key=lambda picture: picture.resolution, reverse=True)
    covered = accumulate(picture.area for picture in ordered)
    return next((each.resolution for each, total in zip(ordered, covered, strict=True) if total >= area), 0.0)


def _content(page: PdfPage) -> tuple[list[Picture], bool]:
    """The pictures of a page, and whether it has visible text, unlike that of an OCR layer, or is a drawing."""
    from pypdfium2 import raw

    pictures, has_text, pieces = list[Picture](), False, 0
    for handle, matrix in objects(page):
        kind = raw.FPDFPageObj_GetType(handle)
        if kind == raw.FPDF_PAGEOBJ_IMAGE:
            columns, rows = ctypes.c_uint(), ctypes.c_uint()
            inches = math.hypot(*matrix[:, 0]) / POINTS_PER_INCH, math.hypot(*matrix[:, 1]) / POINTS_PER_INCH
            if raw.FPDFImageObj_GetImagePixelSize(handle, columns, rows) and min(inches) > 0:
                pictures.append(Picture((columns.value, rows.value), inches))
        elif kind == raw.FPDF_PAGEOBJ_TEXT:
            has_text |= raw.FPDFTextObj_GetTextRenderMode(handle) != raw.FPDF_TEXTRENDERMODE_INVISIBLE
        elif kind == raw.FPDF_PAGEOBJ_PATH:
            pieces += raw.FPDFPath_CountSegments(handle)
    return pictures, has_text or pieces >= DRAWING


def objects(page: PdfPage) -> Iterator[tuple[Any, Matrix]]:
    """The objects of a page, including those in forms, each with its matrix (2, 2) to the page's points."""
    from pypdfium2 import raw

    left: list[tuple[Any, Matrix, int]] = [
        (raw.FPDFPage_GetObject(page, n), np.eye(2), 0) for n in reversed(range(raw.FPDFPage_CountObjects(page)))
    ]
    while left:
        handle, outer, depth = left.pop()
        found = raw.FS_MATRIX()
        raw.FPDFPageObj_GetMatrix(handle, found)
        matrix = outer @ np.array([[found.a, found.c], [found.b, found.d]])
        yield handle, matrix
        if raw.FPDFPageObj_GetType(handle) == raw.FPDF_PAGEOBJ_FORM and depth < DEEPEST:
            inner = range(raw.FPDFFormObj_CountObjects(handle))
            left += [(raw.FPDFFormObj_GetObject(handle, n), matrix, depth + 1) for n in reversed(inner)]


def is_visible(text: Any) -> bool:
    """Whether a text object is drawn, unlike those of an OCR layer."""
    from pypdfium2 import raw

    unseen = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)
    return raw.FPDFTextObj_GetTextRenderMode(text) not in unseen


def shares_of_pictures(page: PdfPage) -> list[float]:
    """The share of the page that each of its pictures covers."""
    width, height = (side / POINTS_PER_INCH for side in page.get_size())
    return [picture.area / (width * height) for picture in _content(page)[0]]
