"""Letters of PDF pages whose fonts are not in the file: PDFium draws its own, or none, and reports no error."""

from __future__ import annotations

import ctypes
import sys
import unicodedata
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from raypipe.images.pdf_content import is_visible, objects

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

MOST_LETTERS = 100_000
"""Most letters of a page that are looked at."""
SCAN = 0.5
"""A picture that covers at least this share of a page covers the text that was drawn before."""


def lost_letters(page: PdfPage) -> str:
    """How many letters of a page are missing or wrong for lack of their fonts, in words; empty if none is."""
    from pypdfium2 import raw

    texts = _uncovered(page)
    if not any(map(_lacks_font, texts.values())):
        return ""
    text = raw.FPDFText_LoadPage(page)
    try:
        letters, lost = _count(text, texts.keys())
    finally:
        raw.FPDFText_ClosePage(text)
    if not lost:
        return ""
    return f"{lost} of {letters} letters on the page are missing or wrong, as the file lacks their fonts"


def _uncovered(page: PdfPage) -> dict[int | None, Any]:
    """The visible text objects of a page by their addresses, without those under a scan, as OCR programs put them."""
    from pypdfium2 import raw

    found: dict[int | None, Any] = {}
    width, height = page.get_size()
    for handle, matrix in objects(page):
        kind = raw.FPDFPageObj_GetType(handle)
        if kind == raw.FPDF_PAGEOBJ_IMAGE and abs(np.linalg.det(matrix)) >= SCAN * width * height:
            found.clear()
        elif kind == raw.FPDF_PAGEOBJ_TEXT and is_visible(handle):
            found[_address(handle)] = handle
    return found


def _address(handle: Any) -> int | None:
    return ctypes.cast(handle, ctypes.c_void_p).value


def _lacks_font(text: Any) -> bool:
    from pypdfium2 import raw

    font = raw.FPDFTextObj_GetFont(text)
    return bool(font) and raw.FPDFFont_GetIsEmbedded(font) == 0


def _count(text: Any, places: Collection[int | None]) -> tuple[int, int]:
    """The letters of these text objects, and how many of them have neither their own font nor a letter in PDFium's."""
    from pypdfium2 import raw

    letters, lost, drawn = 0, 0, dict[tuple[int | None, int], bool]()
    for n in range(min(raw.FPDFText_CountChars(text), MOST_LETTERS)):
        code, handle = raw.FPDFText_GetUnicode(text, n), raw.FPDFText_GetTextObject(text, n)
        is_known = code <= sys.maxunicode and raw.FPDFText_HasUnicodeMapError(text, n) == 0
        is_blank = is_known and unicodedata.category(chr(code))[0] in "CZ"
        if is_blank or _address(handle) not in places:
            continue
        letters += 1
        font = raw.FPDFTextObj_GetFont(handle)
        key = _address(font), code
        if key not in drawn:
            drawn[key] = bool(raw.FPDFFont_GetIsEmbedded(font) or raw.FPDFFont_GetGlyphPath(font, code, 1))
        lost += not drawn[key] or not (is_known or raw.FPDFFont_GetIsEmbedded(font))
    return letters, lost
