"""From PDF documents to pages and pixels, drawn by PDFium."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from raypipe.errors import COPY_AGAIN, Code, PageError
from raypipe.files.ranged import File, HeldFile, extended
from raypipe.images import passwords
from raypipe.images.base import Kind, Size, TextLayer, Wanted, described, rendered
from raypipe.images.pdf_content import POINTS_PER_INCH, needed_resolution
from raypipe.images.pdf_damage import damage
from raypipe.images.pdf_fonts import lost_letters
from raypipe.images.pdf_forms import flatten, kinds_of_notes, mark_buttons
from raypipe.images.pdf_lost import is_blank, is_content_lost
from raypipe.images.pdf_masks import finer_masks
from raypipe.images.pdf_objects import Objects
from raypipe.images.pdf_text import MOST_LOOKED_AT, is_seen, text_layer
from raypipe.images.pdf_tree import recounted
from raypipe.images.pdfium import TURNS
from raypipe.plurals import counted
from raypipe.types import Pixels

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

BEGINNING, WITHIN = b"%PDF-", 1024
"""Other bytes may stand before the header, if it begins within this many: ISO 32000-1, Adobe's note on 7.5.2."""
PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"II", b"MM", b"GIF8", b"RIFF")
"""A picture whose first bytes mention a PDF is not a PDF."""
LOCKED = "Give it in a list's column `password`, with --passwords, or over HTTP as the form's field `password`."
MOST_KEPT = 128 * 1024 * 1024
"""Bytes of a file that PDFium may keep in memory."""
END_OF_OBJECT = b"\nendstream\nendobj\n%"
"""What is put after a damaged document: qpdf drops an object in which it ends, even one that ends with it."""


def matches(data: bytes) -> bool:
    """Whether bytes begin like a PDF file."""
    return BEGINNING in data[:WITHIN] and not data.startswith(PICTURES)


def page_count(file: File) -> int:
    """Pages of a document.

    Raises:
        PageError: `pdf_locked` or `pdf_damaged`.
    """
    with closing(PdfPages(file, file.name)) as document:
        return len(document)


class PdfPages:
    """An open PDF; see `Opener` and `Document`.

    Raises:
        PageError: `pdf_locked` or `pdf_damaged`.
    """

    def __init__(self, source: File, origin: str) -> None:
        self._source, self._origin, self._warning = source, origin, ""
        self._read: File = source
        self._objects = Objects(source, origin)
        with TURNS.of(self._origin):
            self._document = self._open()

    def _open(self) -> PdfDocument:
        for package in ("pypdfium2", "pikepdf._core"):  # They would tell the terminal, not the page's row.
            logging.getLogger(package).setLevel(logging.CRITICAL)
        try:
            document = _unlocked(self._read, self._origin)
        except PageError as error:
            mended = rebuilt(self._source, self._origin) if error.code == Code.PDF_DAMAGED else None
            if mended is None:
                raise
            self._read = HeldFile(mended)
            document = _unlocked(self._read, self._origin)
            self._warning = "its structure is damaged: pages, or what is on them, may be missing"
        self._warning = self._warning or _unread(document)
        document.init_forms()
        self._forget_at = self._read.bytes_read + MOST_KEPT
        return document

    def _recount(self) -> str:
        """Opens the document with the number of pages that it has; returns in words what it said, if that is wrong."""
        found = recounted(self._read, passwords.of(self._origin))
        if not found:
            return ""
        self._read, said = extended(self._read, found[0]), found[1]
        self._open_anew()
        self._warning = "; ".join(filter(None, (self._warning, said)))
        return said

    def _open_anew(self) -> None:
        self._document.close()
        self._document = self._open()

    def __len__(self) -> int:
        with TURNS.of(self._origin):
            if said := self._recount():
                logging.getLogger(__name__).warning("%s: %s.", self._origin, said)
            return len(self._document)

    @contextmanager
    def _page(self, number: int) -> Iterator[PdfPage]:
        if number >= len(self._document):
            self._recount()
        if number >= (pages := len(self._document)):
            raise PageError(Code.PAGE_MISSING, f"{self._origin} has no page {number + 1}.", f"It has {pages}.")
        if self._document.formenv:
            mark_buttons(self._document, number, self._objects)
        with closing(self._document[number]) as page:
            if not all(page.get_size()):  # Its crop box lies outside its media box; viewers then ignore it.
                page.set_cropbox(*page.get_mediabox())
            yield page

    def describe(self, page: int, wanted: Wanted) -> Size:
        """The size of a page at the wanted resolution.

        Raises:
            PageError: `page_missing`; `pdf_damaged`, what the page shows cannot be decoded.
        """
        with TURNS.of(self._origin):
            if self._read.bytes_read > self._forget_at:  # PDFium keeps everything that it reads.
                self._open_anew()
            with self._page(page) as opened:
                width, height = opened.get_size()
                masks = partial(finer_masks, self._objects, page)
                resolution = wanted.resolution or needed_resolution(opened, masks)
                columns, rows = (max(round(side * resolution / POINTS_PER_INCH), 1) for side in (width, height))
                lost = lost_letters(opened)
                layer = self._layer(opened, columns, rows, bool(lost)) if wanted.layer else None
                warning = "; ".join(filter(None, (self._warning, damage(opened), lost)))
                if is_blank(opened) and is_content_lost(self._objects, page):
                    message = f"{self._origin}, page {page + 1}, is damaged: what it shows cannot be decoded."
                    raise PageError(Code.PDF_DAMAGED, message, COPY_AGAIN)
        dots = max(round(resolution), 1)
        return Size(width=columns, height=rows, resolution=dots, warning=warning, layer=layer)

    def _layer(self, page: PdfPage, width: int, height: int, lacks_fonts: bool) -> TextLayer | None:
        layer = text_layer(page, width, height)
        if layer is None or layer.doubt or lacks_fonts:  # What cannot be drawn is text, too.
            return layer
        scale = min(MOST_LOOKED_AT / max(width, height), 1)
        small = Size(width=max(round(width * scale), 1), height=max(round(height * scale), 1))
        if is_seen(layer, self._drawn(page, small, gray=True), scale):
            return layer
        return replace(layer, doubt="it cannot be seen: it is as bright as the paper, covered or turned off")

    def render(self, page: int, size: Size, gray: bool) -> Pixels:
        """Draws a page as a viewer shows it, with annotations and what is filled in forms."""
        from pypdfium2 import raw

        with TURNS.of(self._origin):
            with self._page(page) as opened:
                drawn = self._drawn(opened, size, gray)
                if self._document.formenv or raw.FPDF_ANNOT_WIDGET not in kinds_of_notes(opened):
                    return drawn
                # PDFium draws no fields if the document does not declare its form, as merged ones do not. Flattened
                # into the page they are drawn, but then other annotations may be lost.
                flatten(opened, page, self._objects)
            with self._page(page) as flat:
                drawn = np.minimum(drawn, self._drawn(flat, size, gray))
            self._open_anew()
            return drawn

    def _drawn(self, page: PdfPage, size: Size, gray: bool) -> Pixels:
        from pypdfium2 import PdfBitmap, raw

        kind = raw.FPDFBitmap_Gray if gray else raw.FPDFBitmap_BGR
        flags = raw.FPDF_ANNOT | (raw.FPDF_GRAYSCALE if gray else 0)
        place = 0, 0, size.width, size.height, 0, flags
        with closing(PdfBitmap.new_native(size.width, size.height, kind)) as bitmap:
            raw.FPDFBitmap_FillRect(bitmap, 0, 0, size.width, size.height, 0xFFFFFFFF)
            raw.FPDF_RenderPageBitmap(bitmap, page, *place)
            if self._document.formenv:
                raw.FPDF_FFLDraw(self._document.formenv, bitmap, page, *place)
            pixels = np.array(bitmap.to_numpy(), np.uint8)
        return pixels[:, :, 0] if pixels.ndim == 3 and gray else pixels

    def close(self) -> None:
        """Closes the document and its file."""
        TURNS.close(self._document)
        self._objects.close()
        self._read.close()
        self._source.close()


def _unlocked(source: File, origin: str) -> PdfDocument:
    """Opens a document, with the passwords that may be its own if it needs one."""
    from pypdfium2 import PdfDocument, PdfiumError, raw

    tried = [None, *passwords.of(origin)]
    for password in tried:
        raw.FPDF_LoadMemDocument(b"", 0, None)  # For a file without pages PDFium repeats its previous error: reset it.
        try:
            return PdfDocument(source.getvalue() if isinstance(source, HeldFile) else source, password)
        except PdfiumError as error:
            refusal = _refusal(str(error), origin, len(tried) - 1)
            if refusal.code != Code.PDF_LOCKED:
                raise refusal from error
    raise refusal


def _unread(document: PdfDocument) -> str:
    """The content of a document that is not on its pages, in words."""
    from pypdfium2 import raw

    if document.get_formtype() == raw.FORMTYPE_XFA_FULL:
        return "it is an XFA form, of which only the plain pages are read, not what XFA would draw"
    if attached := document.count_attachments():
        return f"it has {counted(attached, 'attachment')}, which must be extracted to be read"
    return ""


def rebuilt(source: File, origin: str) -> bytes | None:
    """A damaged document, rebuilt from the objects that are found; None if no page has what it shows.

    Raises:
        PageError: `pdf_locked`.
    """
    from pikepdf import PasswordError, Pdf, PdfError

    if source.size > MOST_KEPT:
        return None
    data, tried = source.read_at(0, source.size) + END_OF_OBJECT, [*passwords.of(origin)]
    for password in ("", *tried):
        try:
            with Pdf.open(io.BytesIO(data), password=password, suppress_warnings=True) as document:
                if not any("/Contents" in page for page in document.pages):
                    return None
                file = io.BytesIO()
                document.save(file)
                return file.getvalue()
        except PasswordError:
            continue
        except (PdfError, ValueError, TypeError, KeyError, AttributeError):  # It is too damaged.
            return None
    raise _refusal("password", origin, len(tried))


def _refusal(reason: str, origin: str, tried: int) -> PageError:
    if "password" in reason.lower():
        also = f", and none of the given passwords ({tried}) opens it" if tried else ""
        return PageError(Code.PDF_LOCKED, f"{origin} is locked with a password{also}.", LOCKED)
    if "security" in reason.lower():
        remedy = "Save it without encryption."
        return PageError(Code.PDF_LOCKED, f"{origin} is locked with a certificate or in a way of its own.", remedy)
    message = f"{origin} cannot be opened: {reason.rstrip('.')}."
    return PageError(Code.PDF_DAMAGED, message, COPY_AGAIN)


def unlocked(data: bytes, tried: Iterable[str]) -> bytes:
    """A document without its lock; unchanged if it has none, or if none of the passwords opens it."""
    from pikepdf import PasswordError, Pdf, PdfError

    if not matches(data) or b"/Encrypt" not in data:
        return data
    for password in tried:
        try:
            with Pdf.open(io.BytesIO(data), password=password) as document:
                file = io.BytesIO()
                document.save(file)
                return file.getvalue()
        except PasswordError:
            continue
        except PdfError:  # Opening the document reports the reason.
            return data
    return data


KIND = Kind(
    name="pdf",
    suffixes=frozenset((".pdf",)),
    matches=matches,
    describe=partial(described, PdfPages),
    render=partial(rendered, PdfPages),
    page_count=page_count,
    open=PdfPages,
)
