"""PDF pages whose content is lost, which PDFium draws as empty pages without an error."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

from raypipe.images.pdf_content import is_visible, objects
from raypipe.images.pdf_objects import ODD, Objects

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

HOLE = bytes(16)
"""Disks and downloads leave zeros where bytes are missing; neither operators nor compressed ones have so many."""
MOST_BYTES = 4_000_000
"""Content of more bytes is not looked at: a few kilobytes, compressed twice, can become many gigabytes of it, for which
pikepdf takes memory, and minutes in which no other thread runs."""
MOST_RATIO = 1400
"""The most bytes that a filter makes of one."""
LOST = re.compile("damaged|recover")
"""What pikepdf's warnings say of a document some of whose objects are not where they should be."""


def is_blank(page: PdfPage) -> bool:
    """Whether nothing is drawn on a page, except the invisible text of an OCR layer."""
    from pypdfium2 import raw

    for handle, _ in objects(page):
        kind = raw.FPDFPageObj_GetType(handle)
        if kind != raw.FPDF_PAGEOBJ_FORM and (kind != raw.FPDF_PAGEOBJ_TEXT or is_visible(handle)):
            return False
    return True


def is_content_lost(pdf: Objects, number: int) -> bool:
    """Whether the content of the page of a number, or a picture on it, is missing or cannot be decoded."""
    from pikepdf import Array, DataDecodingError, PdfError

    try:
        page = pdf.untouched().pages[number]
        content: Any = page.obj.get("/Contents", [])
        parts = list(content) if isinstance(content, (Array, list)) else [content]
        if not any(map(_has_bytes, parts)):  # It has none, or refers to objects that are not there.
            return any(map(LOST.search, pdf.warnings()))
        if any(map(_is_long, parts)):
            return False
        pdf.warnings()
        return any(map(_is_lost, parts)) or bool(pdf.warnings()) or _lacks_objects(page)
    except DataDecodingError:
        return True
    except PdfError as error:  # It has a filter that nobody knows, or the document is damaged as a whole, or locked.
        return "unfilterable" in str(error)
    except ODD:
        return False  # It is too damaged to tell.


def _has_bytes(part: Any) -> bool:
    from pikepdf import Stream

    return part is not None and not (isinstance(part, Stream) and not part.read_raw_bytes())


def _is_long(part: Any) -> bool:
    """Whether a part of a page's content is, or may be, longer than `MOST_BYTES`, without decoding all of it."""
    from pikepdf import Array, Stream

    if not isinstance(part, Stream):
        return False
    filters: Any = part.get("/Filter", [])
    raw = bytes(part.read_raw_bytes())
    names = [str(each) for each in filters] if isinstance(filters, (Array, list)) else [str(filters)]
    if names not in (["/FlateDecode"], ["/Fl"]):
        return len(raw) * int(MOST_RATIO ** len(names)) > MOST_BYTES
    try:
        return len(zlib.decompressobj().decompress(raw, MOST_BYTES + 1)) > MOST_BYTES
    except zlib.error:
        return False  # It is damaged, which pikepdf tells at once.


def _is_lost(part: Any) -> bool:
    """Whether a part of a page's content is no stream, or has a hole.

    Raises:
        PdfError: It cannot be decoded.
    """
    from pikepdf import Stream

    if not isinstance(part, Stream):
        return True
    part.read_bytes()
    return HOLE in part.read_raw_bytes()


def _lacks_objects(page: Any) -> bool:
    """Whether the content of a page draws pictures or forms that are not there."""
    from pikepdf import parse_content_stream

    known = page.resources.get("/XObject", {})
    drawn = [str(each.operands[0]) for each in parse_content_stream(page, "Do") if str(each.operator) == "Do"]
    return any(known.get(name) is None for name in drawn)
