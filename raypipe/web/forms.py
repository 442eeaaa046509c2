"""The forms of an answer: the output formats, and two that only HTTP has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from raypipe.outputs.base import Document, Format
from raypipe.outputs.formats import FORMATS
from raypipe.outputs.html import picture_url
from raypipe.outputs.json import page_values
from raypipe.types import PageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that an answer can take.

    Attributes:
        name: What `output_format` calls it.
        media_type: What `Accept` and `Content-Type` call it.
        render: Makes the body from the pages and the other facts about the request.
        schema: How the OpenAPI document describes it.
        streams: Whether pages are sent as they are finished, each rendered on its own.
        one_page: Whether it holds one page.
        originals: Whether it is made of the documents' own pages, not only of what was read on them.
        tells_exceptions: Whether it says what went wrong with each page; the others cannot answer if all pages failed.
        pictures: Whether it shows the pages' overlays.
    """

    name: str
    media_type: str
    render: Callable[[Document, Mapping[str, Any]], bytes]
    schema: dict[str, Any]
    streams: bool = False
    one_page: bool = False
    originals: bool = False
    tells_exceptions: bool = False
    pictures: bool = False


def dumps(values: Mapping[str, Any]) -> bytes:
    """Values as JSON without spaces."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def json_line(values: Mapping[str, Any]) -> bytes:
    """A line of NDJSON."""
    return dumps(values) + b"\n"


def _page(page: PageRecord, document: Document) -> dict[str, Any]:
    picture = picture_url(page, document)
    return {**page_values(page, document.confidences), **({"overlay": picture} if picture else {})}


def _json(document: Document, request: Mapping[str, Any]) -> bytes:
    return dumps({**request, "pages": [_page(page, document) for page in document.pages]})


def _ndjson(document: Document, _: Mapping[str, Any]) -> bytes:
    return b"".join(json_line(_page(page, document)) for page in document.pages)


OWN = (
    Form(
        name="json",
        media_type="application/json",
        render=_json,
        schema={"$ref": "#/components/schemas/OcrAnswer"},
        tells_exceptions=True,
        pictures=True,
    ),
    Form(
        name="ndjson",
        media_type="application/x-ndjson",
        render=_ndjson,
        schema={"type": "string", "description": "one page per line, as pages are ready"},
        streams=True,
        tells_exceptions=True,
        pictures=True,
    ),
)


def _rendered(each: Format) -> Form:
    kind = "object" if each.media_type.endswith("json") else "string"
    return Form(
        name=each.name,
        media_type=each.media_type,
        render=lambda document, _: each.encode(document),
        schema={"type": kind, "description": f"the {'page' if each.one_page else 'pages'} as {each.name}"},
        one_page=each.one_page,
        originals=each.originals,
        pictures=each.pictures,
    )


def forms() -> dict[str, Form]:
    """All forms by name. If a client accepts several equally, the first of them is used."""
    own = {form.name: form for form in OWN}
    return {**own, **{each.name: _rendered(each) for each in FORMATS.values() if each.name not in own}}
