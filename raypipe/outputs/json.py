"""Pages as JSON: the same in files, over HTTP and for the client."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from raypipe.columns import UNLESS_ASKED_FOR
from raypipe.errors import Failure
from raypipe.outputs.base import Document, Format
from raypipe.types import Line, PageRecord

DIGITS = 2
"""Coordinates are given in hundredths of a pixel, and angles in hundredths of a degree."""
CONFIDENCE_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPage:
    """A page of a document, numbered from 0.

    `width`, `height` and all boxes are in pixels of the page as it is in the file, after EXIF orientation; `turned`
    says by how many degrees, clockwise, it was turned to be read: 0, 90, 180 or 270. `lang` is the code of the language
    in which it was read, such as `en`, or null if unknown. `confidence` is the mean character probability, 0 to 1, or
    null if there is no text. `exception` says why the page failed, and `failure` gives the same in parts.
    """

    name: str
    pagenum: int
    total_pages: int
    width: int | None
    height: int | None
    turned: int
    lang: str | None
    text: str
    confidence: float | None
    lines: list[Line]
    exception: str | None
    failure: Failure | None


def page_values(page: PageRecord, confidences: bool = True) -> dict[str, Any]:
    """A page as plain JSON values, rounded; confidences are its own and those of its lines and words."""
    failure = Failure.parse(page.exception) if page.exception else None
    shared = {each.name: getattr(page, each.name) for each in fields(JsonPage) if each.name not in ("lang", "failure")}
    shape = JsonPage(lang=page.language, failure=failure, **shared)
    further = {name: _value(value) for name, value in page.further.items()}
    return {**further, **_rounded(shape, confidences)}


def _value(value: Any) -> Any:
    """A value of a further column, with its numbers unchanged."""
    if isinstance(value, list):
        return [_value(item) for item in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _rounded(record: Any, confidences: bool) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    absent = {name for name in UNLESS_ASKED_FOR if not values.get(name)} | (set() if confidences else {"confidence"})
    return {name: _field(name, value, confidences) for name, value in values.items() if name not in absent}


def _field(name: str, value: Any, confidences: bool) -> Any:
    if isinstance(value, float):
        return round(value, CONFIDENCE_DIGITS if name == "confidence" else DIGITS)
    if isinstance(value, list):
        return [_rounded(item, confidences) for item in value]
    return _rounded(value, confidences) if is_dataclass(value) else value


def render(document: Document) -> str:
    """A document: its path and pages, each with size, text, lines, words and confidences."""
    pages = [page_values(page, document.confidences) for page in document.pages]
    return json.dumps({"path": document.path, "pages": pages}, ensure_ascii=False, indent=1)


FORMAT = Format(name="json", suffix=".json", media_type="application/json", render=render)
