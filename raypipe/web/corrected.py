"""Pages that a client sends back as JSON, such as those that a person has corrected, in any output format."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from raypipe.types import Page
from raypipe.web import answers, given
from raypipe.web.options import Options, negotiate
from raypipe.web.problems import ProblemError
from raypipe.web.routes import ANSWERS
from raypipe.web.schema import CORRECTED, PROBLEM, PROBLEMS, CorrectedPage, CorrectedPages
from raypipe.web.service import Service
from raypipe.web.uploads import clean_name

router = APIRouter(responses=PROBLEM)


@router.post("/v1/convert", responses={**ANSWERS, **PROBLEMS}, openapi_extra=CORRECTED, response_class=Response)
async def convert(request: Request, options: Annotated[Options, Query()]) -> Response:
    """Takes pages as JSON, such as corrected ones, and answers in any format that needs no picture. Nothing is read."""
    service: Service = request.app.state.service
    form = negotiate(request.headers.get("accept"), options)
    if options.overlay != "none" or options.pages:
        raise ProblemError(422, "option_invalid", "overlay and pages are for documents. Send the pages you want.")
    client = request.state.client
    service.admission.check(client)
    body = await service.bodies.read(request)
    with service.admission.place(client):
        pages = await asyncio.to_thread(pages_of, body, service.settings.max_pages)
        context = answers.Context(request.state.request_id, service.reader.models, options, form)
        return await service.answer(pages, {}, context)


def pages_of(body: bytes, most: int) -> list[Page]:
    """The pages in a request's body.

    Raises:
        ProblemError: 413, there are too many; 422, it is not what a server answers.
    """
    try:
        found = CorrectedPages.model_validate(given.bounded(body))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise _refused(f"{place}: {first['msg']}.") from error
    except (ValueError, RecursionError) as error:
        raise _refused(str(error) or type(error).__name__) from error
    if len(found.pages) > most:
        raise ProblemError(413, "too_many_pages", f"There are more than {most} pages, the limit of this server.")
    return [_page(page) for page in found.pages]


def _refused(why: str) -> ProblemError:
    return ProblemError(422, "pages_invalid", f'Send {{"pages": [...]}} as `json` answers have them. {why}')


def _page(given_page: CorrectedPage) -> Page:
    row = {field.name: getattr(given_page, field.name) for field in fields(given_page)}
    name, confidence = clean_name(given_page.name), given_page.confidence
    return Page({**row, "path": name, "name": name, "confidence": [] if confidence is None else [confidence]})
