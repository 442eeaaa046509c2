"""Searchable PDF: a document's own pages with the recognized text as invisible text; pikepdf puts them together.

Pages of PDFs stay unchanged, with the document's outline, forms and metadata; so do the bytes of JPEGs.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from raypipe.errors import PageError
from raypipe.outputs.base import Document, Format
from raypipe.outputs.originals import Originals, is_pdf, number_of, picture_page
from raypipe.outputs.text_layer import text_layer
from raypipe.types import PageRecord

if TYPE_CHECKING:
    from pikepdf import Page as PdfPage
    from pikepdf import Pdf, Rectangle

A4, LETTER = (595, 842), (612, 792)
"""Sizes in points: of the blank page for one that could not be read, and of a page that does not say its own."""


def render(document: Document) -> bytes:
    """The document as searchable PDF.

    Raises:
        ConfigError: The pictures were not kept, and cannot be read again.
        PageError: `file_missing`.
    """
    file = io.BytesIO()
    searchable(document).save(file)
    return file.getvalue()


def searchable(document: Document, archival: bool = False) -> Pdf:
    """The document with its invisible text; see `render`. If `archival`, its pictures are stored as PDF/A allows."""
    from pikepdf import Pdf, String

    result, places = _originals(document, archival)
    with Pdf.open(io.BytesIO(text_layer(document.pages))) as layer:
        for page, place, words in zip(document.pages, places, layer.pages, strict=True):
            if page.lines and page.text_source == "ocr":  # Otherwise the page has its text already.
                target = result.pages[place]
                target.add_overlay(words, _shown(target))
    if document.language:
        result.Root.Lang = String(document.language)
    return result


def _shown(page: PdfPage) -> Rectangle:
    """The part of a page that viewers show: its crop box within its media box or, if that is empty, the media box.

    Without a media box, or with an empty one, they show a letter.
    """
    from pikepdf import Rectangle

    whole = Rectangle(page.mediabox)
    whole = whole if whole.width > 0 and whole.height > 0 else Rectangle(0, 0, *LETTER)
    part = whole & Rectangle(page.cropbox)
    return part if part.width > 0 and part.height > 0 else whole


def _originals(document: Document, archival: bool) -> tuple[Pdf, list[int]]:
    """The document's original pages, and the place of each page in them."""
    from pikepdf import Pdf

    first, files = document.pages[0], Originals(document)
    if all(page.path == first.path for page in document.pages) and not first.exception:
        data = files.of(first)
        opened = _opened(data) if is_pdf(data) else None
        if opened is not None:
            return opened, [number_of(page) for page in document.pages]
    result = Pdf.new()
    for page in document.pages:
        _append(result, page, files, archival)
    return result, list(range(len(document.pages)))


def _opened(data: bytes) -> Pdf | None:
    """A PDF; None if it is locked, or so damaged that its pages can only be drawn."""
    from pikepdf import PasswordError, Pdf, PdfError

    try:
        document = Pdf.open(io.BytesIO(data))
        return document if len(document.pages) and "/Pages" in document.Root else None
    except (PasswordError, PdfError, AttributeError):
        return None


def _append(result: Pdf, page: PageRecord, files: Originals, archival: bool) -> None:
    """Adds an original page; a blank one if it could not be read."""
    from pikepdf import Pdf

    try:
        data = files.of(page)
        source = _opened(data) if is_pdf(data) else None
        place = 0 if source is None else number_of(page)
        with source or Pdf.open(io.BytesIO(picture_page(data, page, archival))) as source:
            result.pages.append(source.pages[place])
    except PageError:
        if not page.exception:
            raise
        result.add_blank_page(page_size=A4)


FORMAT = Format(name="pdf", suffix=".pdf", media_type="application/pdf", render=render, originals=True)
