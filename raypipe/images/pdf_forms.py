"""Annotations of PDF pages, such as fields of forms, where PDFium by itself does not draw them as viewers do."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from raypipe.images.pdf_objects import ODD, Objects

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

OFF, ON = "Off", "Yes"
"""The state of a button that is not marked, and what PDFium calls the other state if the file does not draw it."""
MOST_ABOVE = 32
"""The fields above a button that are looked at."""


def kinds_of_notes(page: PdfPage) -> set[int]:
    """The kinds of a page's annotations: PDFium's FPDF_ANNOT_WIDGET, which are fields of a form, and others."""
    from pypdfium2 import raw

    return {raw.FPDFAnnot_GetSubtype(note) for note in _notes(page)}


def flatten(page: PdfPage, number: int, objects: Objects) -> None:
    """Draws annotations into the content of the page of a number, without those that are not shown on a screen."""
    from pypdfium2 import raw

    unseen = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
    hidden, of_fields = list[int](), _states_of_fields(objects, number)
    for place, note in enumerate(_notes(page)):
        if raw.FPDFAnnot_GetFlags(note) & unseen:
            hidden.append(place)
        elif not _text(note, b"AS"):  # PDFium would draw the first state of a button.
            _set(note, b"AS", _text(note, b"V") or of_fields.get(place, OFF))
    for place in reversed(hidden):
        raw.FPDFPage_RemoveAnnot(page, place)
    raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)


def mark_buttons(document: PdfDocument, number: int, objects: Objects) -> None:
    """Sets the state of check boxes and radio buttons whose file does not say how they look, or which state is drawn.

    This must happen before the page is opened with its form, as PDFium then draws what is missing.
    """
    from pypdfium2 import raw

    page = raw.FPDF_LoadPage(document, number)
    of_fields: dict[int, str] | None = None
    for place, note in enumerate(_notes(page)):
        kind = raw.FPDFAnnot_GetFormFieldType(document.formenv, note)
        if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
            state, is_drawn = _text(note, b"AS"), raw.FPDFAnnot_HasKey(note, b"AP")
            marked = state or _text(note, b"V")
            if not marked:
                of_fields = _states_of_fields(objects, number) if of_fields is None else of_fields
                marked = of_fields.get(place, "")
            if marked not in ("", OFF) and not (is_drawn and state):
                _set(note, b"AS", marked if is_drawn else ON)
    raw.FPDF_ClosePage(page)


def _states_of_fields(objects: Objects, number: int) -> dict[int, str]:
    """The states of a page's buttons that their fields mark, by their numbers among the annotations."""
    from pikepdf import PdfError

    try:
        notes: Any = objects.document().pages[number].obj.get("/Annots", [])
        return {place: state for place, note in enumerate(notes) if (state := _state_of_field(note))}
    except (PdfError, *ODD):
        return {}  # It is locked or damaged.


def _state_of_field(note: Any) -> str:
    """The state of a button that its field, above it, marks; empty if it marks none: ISO 32000-1, 12.7.4.2.

    The field's value is a state of the button or, if options are given, the one at the button's place.
    """
    field = next((each for each in _above(note) if "/V" in each), None)
    if field is None:
        return ""
    value, look = str(field.V).removeprefix("/"), note.get("/AP", {}).get("/N", {})
    states = [str(key).removeprefix("/") for key in look.keys() if key != f"/{OFF}"]  # noqa: SIM118 - of pikepdf
    buttons, options = field.get("/Kids", []), field.get("/Opt", [])
    place = next((n for n, each in enumerate(buttons) if each.objgen == note.objgen), len(options))
    is_option = place < len(options) and str(options[place]) == value
    if value in states or (not states and len(buttons) == 1):
        return value
    return (states[0] if states else ON) if is_option else ""


def _above(note: Any) -> Iterator[Any]:
    """The fields above a button, the nearest first; those of a damaged file may be in a circle."""
    for _ in range(MOST_ABOVE):
        note = note.get("/Parent")
        if note is None:
            return
        yield note


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
