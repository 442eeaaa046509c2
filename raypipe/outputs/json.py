"""Pages as JSON: the same in files, over HTTP and for the client."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from raypipe.errors import Failure
from raypipe.outputs.base import Document, Format
from raypipe.types import Line, Page, Word


def page_values(page: Page, confidences: bool = True) -> dict[str, Any]:
    """A page as plain JSON values: coordinates in hundredths of a pixel, confidences with four digits.

    Args:
        page: The page.
        confidences: Whether its confidences, and those of its lines and words, are told.
    """
    values: dict[str, Any] = {
        "name": page.name,
        "pagenum": page.pagenum,
        "total_pages": page.total_pages,
        "width": page.width,
        "height": page.height,
        "text": page.text,
        "lines": [_line(line, confidences) for line in page.lines],
        "exception": page.exception,
        "failure": asdict(Failure.parse(page.exception)) if page.exception else None,
    }
    if confidences:
        values["confidence"] = None if page.confidence is None else round(page.confidence, 4)
    return values


def _line(line: Line, confidences: bool) -> dict[str, Any]:
    words = [_item(word, confidences) for word in line.words]
    return {**_item(line, confidences), "row": line.row, "words": words}


def _item(item: Line | Word, confidences: bool) -> dict[str, Any]:
    values: dict[str, Any] = {"text": item.text}
    if confidences:
        values["confidence"] = round(item.confidence, 4)
    for name in ("x", "y", "width", "height", "angle"):
        values[name] = round(getattr(item, name), 2)
    return values


def render(document: Document) -> str:
    """A document: its path and pages, each with size, text, lines, words and confidences."""
    pages = [page_values(page, document.confidences) for page in document.pages]
    return json.dumps({"path": document.path, "pages": pages}, ensure_ascii=False, indent=1)


FORMAT = Format(name="json", suffix=".json", media_type="application/json", render=render)
