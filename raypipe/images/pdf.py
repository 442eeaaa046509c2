"""PDF documents to pages and pixels, drawn by PDFium (the extra `pdf`)."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import numpy as np

from raypipe.errors import Code, PageError
from raypipe.images.base import Kind, Size, Wanted
from raypipe.types import Pixels

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

POINTS_PER_INCH = 72
_ONE_AT_A_TIME = threading.Lock()
"""PDFium is not thread-safe, not even with one document per thread."""


def matches(data: bytes) -> bool:
    """Whether bytes begin like a PDF file."""
    return data[:5] == b"%PDF-"


def page_count(file: IO[bytes]) -> int:
    """Pages of a document.

    Raises:
        PageError: `pdf_unsupported` or `pdf_damaged`.
    """
    with _document(file.read(), "the PDF") as document:
        return len(document)


def describe(data: bytes, origin: str, page: int, wanted: Wanted) -> Size:
    """The size of a page at the wanted resolution; see `Kind.describe`.

    Raises:
        PageError: `pdf_unsupported`, `pdf_damaged` or `page_missing`.
    """
    with _document(data, origin) as document:
        if page >= len(document):
            raise PageError(Code.PAGE_MISSING, f"{origin} has no page {page}.", f"It has {len(document)}.")
        width, height = document[page].get_size()
        scale = wanted.resolution / POINTS_PER_INCH
        return Size(width=math.ceil(width * scale), height=math.ceil(height * scale), resolution=wanted.resolution)


def render(data: bytes, origin: str, page: int, size: Size, gray: bool) -> Pixels:
    """Draws a page; see `Kind.render`.

    Raises:
        PageError: `pdf_unsupported` or `pdf_damaged`.
    """
    with _document(data, origin) as document:
        bitmap = document[page].render(scale=size.resolution / POINTS_PER_INCH, grayscale=gray)
        pixels = np.array(bitmap.to_numpy(), np.uint8)
        return pixels[:, :, 0] if pixels.ndim == 3 and gray else pixels


@contextmanager
def _document(data: bytes, origin: str) -> Iterator[PdfDocument]:
    try:
        import pypdfium2
    except ImportError as error:
        raise PageError(Code.PDF_UNSUPPORTED, f"{origin} is a PDF.", "Install raypipe[pdf].") from error
    with _ONE_AT_A_TIME:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            remedy = "Copy it again from its source, or remove its password."
            raise PageError(Code.PDF_DAMAGED, f"{origin} cannot be opened: {error}.", remedy) from error
        try:
            yield document
        finally:
            document.close()


KIND = Kind(
    name="pdf",
    suffixes=frozenset((".pdf",)),
    matches=matches,
    describe=describe,
    render=render,
    page_count=page_count,
)
