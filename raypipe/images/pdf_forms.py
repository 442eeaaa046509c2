"""Annotations of PDF pages, such as fields of forms, where PDFium by itself does not draw them as viewers do."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

OFF, ON = "Off", "Yes"
"""The state of a button that is not marked, and what PDFium calls the other state if the file does not draw it."""


def kinds_of_notes(page: PdfPage) -> set[int]:
    """The kinds of a page's annotations: PDFium's FPDF_ANNOT_WIDGET, which are fields of a form, and others."""
    from pypdfium2 import raw

    return {raw.FPDFAnnot_GetSubtype(note) for note in _notes(page)}


def flatten(page: PdfPage) -> None:
    """Draws annotations into the content of a page, without those that are not shown on a screen."""
    from pypdfium2 import raw

    unseen = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
    hidden = [number for number, note in enumerate(_notes(page)) if raw.FPDFAnnot_GetFlags(note) & unseen]
    for number in reversed(hidden):
        raw.FPDFPage_RemoveAnnot(page, number)
    raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)


def mark_buttons(document: PdfDocument, number: int) -> None:
    """Sets the state of check boxes and radio buttons whose file does not say how they look, or which state is drawn.

    This must happen before the page is opened with its form, as PDFium then draws what is missing.
    """
    from pypdfium2 import raw

    page = raw.FPDF_LoadPage(document, number)
    for note in _notes(page):
        kind = raw.FPDFAnnot_GetFormFieldType(document.formenv, note)
        if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
            state, is_drawn = _text(note, b"AS"), raw.FPDFAnnot_HasKey(note, b"AP")
            marked = state or _text(note, b"V")
            if marked not in ("", OFF) and not (is_drawn and state):
                _set(note, b"AS", marked if is_drawn else ON)
    raw.FPDF_ClosePage(page)


def _notes(page: Any) -> Iterator[Any]:
    """The annotations of a page, each open until the next."""
    from pypdfium2 import raw

    for number in range(raw.FPDFPage_GetAnnotCount(page)):
        note = raw.FPDFPage_GetAnnot(page, number)
        yield note
        raw.FPDFPage_CloseAnnot(note)


def _text(note: Any, key: bytes) -> str:
    from pypdfium2 import raw

    found = (ctypes.c_ushort * (raw.FPDFAnnot_GetStringValue(note, key, None, 0) // 2))()
    raw.FPDFAnnot_GetStringValue(note, key, found, ctypes.sizeof(found))
    return bytes(found).decode("utf-16-le").rstrip("\0")


def _set(note: Any, key: bytes, value: str) -> None:
    from pypdfium2 import raw

    raw.FPDFAnnot_SetStringValue(note, key, (ctypes.c_ushort * (len(value) + 1))(*map(ord, value)))
