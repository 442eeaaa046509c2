"""Finished pages as JSON, text or hOCR."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from starlette.responses import Response

from raypipe.outputs.documents import PAGE_BREAK, as_text
from raypipe.outputs.hocr import hocr
from raypipe.outputs.text import formatted
from raypipe.types import LINES, Row
from raypipe.web.options import Format, Options

TYPES: dict[Format, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "text": "text/plain; charset=utf-8",
    "formatted_text": "text/plain; charset=utf-8",
    "hocr": "text/vnd.hocr+html; charset=utf-8",
}
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}
FAILED_PAGES = "X-Failed-Pages"
"""Header with the places, from 1, of the pages in the answer that failed: text and hOCR cannot tell them from empty
ones."""


@dataclass(frozen=True)
class Context:
    """What an answer says beside its pages."""

    request_id: str
    models: list[dict[str, str]]
    options: Options


def response(pages: Sequence[Row], form: Format, timings: dict[str, float], context: Context) -> Response:
    """The answer to a request, its pages complete."""
    if form == "json":
        body = _dumps(
            {
                "request_id": context.request_id,
                "models": context.models,
                "pages": [page_document(page, context.options) for page in pages],
                "timings": {name: round(seconds, 4) for name, seconds in timings.items()},
            }
        )
    elif form == "hocr":
        body = hocr_document(pages, context.options.include_confidence).encode()
    else:
        body = text(pages, form).encode()
    failed = ",".join(str(number) for number, page in enumerate(pages, 1) if page["exception"])
    headers = {**HEADERS, FAILED_PAGES: failed} if failed else HEADERS
    return Response(body, headers=headers, media_type=TYPES[form])


def json_line(document: dict[str, Any]) -> bytes:
    """A line of NDJSON."""
    return _dumps(document) + b"\n"


def _dumps(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def page_document(page: Row, options: Options) -> dict[str, Any]:
    """A page as plain JSON values: the fields of `--format json`, coordinates in hundredths of a pixel."""
    image = page.get("image") or {}
    document = {
        "name": page["name"],
        "pagenum": page["pagenum"],
        "total_pages": page["total_pages"],
        "width": image.get("width"),
        "height": image.get("height"),
        "text": page.get("text") or "",
        "lines": [_line(line, options.include_confidence) for line in page.get("lines") or []],
        "exception": page["exception"],
    }
    if options.include_confidence:
        values = page.get("confidence") or []
        document["confidence"] = round(values[0], 4) if values else None
    picture = page.get("image_with_regions")
    if options.overlay != "none" and picture:
        document["overlay"] = f"data:image/{options.overlay};base64,{base64.b64encode(picture).decode()}"
    return document


def _line(line: dict[str, Any], confidences: bool) -> dict[str, Any]:
    words = [_item(word, confidences) for word in line["words"]]
    return {**_item(line, confidences), "row": line["row"], "words": words}


def _item(item: dict[str, Any], confidences: bool) -> dict[str, Any]:
    document = {"text": item["text"]}
    if confidences:
        document["confidence"] = round(item["confidence"], 4)
    for name in ("x", "y", "width", "height", "angle"):
        document[name] = round(item[name], 2)
    return document


def text(pages: Sequence[Row], form: Format) -> str:
    """The text of pages, separated by form feeds."""
    if form == "formatted_text":
        return PAGE_BREAK.join(f"{formatted(LINES.decode(page.get('lines') or []))}\n" for page in pages)
    return as_text(list(pages))


def hocr_document(pages: Sequence[Row], confidences: bool) -> str:
    """The pages as one hOCR document."""
    numbers = [page["pagenum"] for page in pages]
    if len(set(numbers)) < len(numbers):  # Pages of several documents: their places in the answer tell them apart.
        numbers = list(range(len(pages)))
    several = len(pages) > 1
    found = zip(numbers, pages, strict=True)
    body = "\n".join(_hocr_page(number, page, confidences, several) for number, page in found)
    title = escape(str(pages[0]["name"]))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml">'
        f'<head><meta charset="utf-8"/><title>{title}</title><meta name="ocr-system" content="raypipe"/>'
        '<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_line ocrx_word"/></head>'
        f"\n<body>\n{body}\n</body></html>\n"
    )


def _hocr_page(number: int, page: Row, confidences: bool, several: bool) -> str:
    image = page.get("image") or {"width": 0, "height": 0}
    lines = LINES.decode(page.get("lines") or [])
    return hocr(lines, number, image["width"], image["height"], confidences, several)


def invocations(pages: Sequence[Row], paged: Sequence[bool]) -> dict[str, Any]:
    """The answer of Visual NLP's SageMaker product: `pagenum`, from 1, for pages of documents that can have several."""
    items = []
    for page, of_several in zip(pages, paged, strict=True):
        item: dict[str, Any] = {"text": page.get("text") or ""}
        if of_several:
            item["pagenum"] = page["pagenum"] + 1
        if page["exception"]:
            item["exception"] = page["exception"]
        items.append(item)
    return {"items": items}
