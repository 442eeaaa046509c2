"""Finished pages as an answer to a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from raypipe.outputs.base import Document
from raypipe.types import PageRecord
from raypipe.web.forms import Form

HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}
STREAMED = {**HEADERS, "X-Accel-Buffering": "no"}
"""Headers of streams; the last one is for nginx, which would hold them back."""
FAILED_PAGES = "X-Failed-Pages"
"""Header with the positions, from 1, of the failed pages in the answer: in most forms they look like empty
ones."""


@dataclass(frozen=True)
class Context:
    """What an answer contains besides its pages, whose paths may be opened if they lie in `folder`."""

    request_id: str
    models: list[dict[str, str]]
    form: Form
    confidences: bool = True
    pictures: bool = False
    folder: str | None = None


def response(pages: Sequence[PageRecord], timings: Mapping[str, float], context: Context) -> Response:
    """The answer to a request with all its pages."""
    request = {
        "request_id": context.request_id,
        "models": context.models,
        "timings": {name: round(seconds, 4) for name, seconds in timings.items()},
    }
    failed = ",".join(str(number) for number, page in enumerate(pages, 1) if page.exception)
    headers = {**HEADERS, FAILED_PAGES: failed} if failed else HEADERS
    return Response(body(pages, context, request), headers=headers, media_type=context.form.media_type)


def body(pages: Sequence[PageRecord], context: Context, request: Mapping[str, Any]) -> bytes:
    """Pages in the form of the answer."""
    document = Document(
        path=pages[0].name,
        name=pages[0].name,
        pages=pages,
        confidences=context.confidences,
        pictures=context.pictures,
        folder=context.folder,
    )
    return context.form.render(document, request)


def invocations(pages: Sequence[PageRecord], multipage: Sequence[bool]) -> dict[str, Any]:
    """The answer of Visual NLP's SageMaker product: `pagenum`, from 1, only where documents can have several pages."""
    items = []
    for page, is_numbered in zip(pages, multipage, strict=True):
        item: dict[str, Any] = {"text": page.text}
        if is_numbered:
            item["pagenum"] = page.pagenum + 1
        if page.exception:
            item["exception"] = page.exception
        items.append(item)
    return {"items": items}
