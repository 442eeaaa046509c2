"""Pages that a client sends back as JSON, such as those that a person has corrected, in any output format."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from raypipe.errors import Failure, PageError, reason_of
from raypipe.images.image import Image, Limits, open_image
from raypipe.plurals import counted
from raypipe.stages.decode import BinaryToImage
from raypipe.types import PageRecord
from raypipe.web import answers, given
from raypipe.web.options import Rendering, negotiate
from raypipe.web.problems import ProblemError, of_page
from raypipe.web.routes import ANSWERS
from raypipe.web.schema import CORRECTED, PROBLEM, PROBLEMS, CorrectedPage, CorrectedPages
from raypipe.web.service import Service
from raypipe.web.uploads import FORM, Upload, clean_name, media_type, uploads_of

router = APIRouter(responses=PROBLEM)
PAGES = "pages"
"""The form field that holds the pages."""


@router.post("/v1/convert", responses={**ANSWERS, **PROBLEMS}, openapi_extra=CORRECTED, response_class=Response)
async def convert(request: Request, options: Annotated[Rendering, Query()]) -> Response:
    """Takes pages as JSON, such as corrected ones, and answers in any format. Nothing is read.

    PDF needs the document, too: a multipart form with the file, and a field `pages` that holds the JSON.
    """
    service: Service = request.app.state.service
    form = negotiate(request.headers.get("accept"), options)
    client = request.state.client
    service.admission.check(client)
    body, upload = await _received(request, service)
    if form.originals and not upload:
        detail = f"{form.name} needs the document: send a form with its file, and the JSON in the field {PAGES}."
        raise ProblemError(422, "no_picture", detail)
    with service.admission.place(client):
        pages = await asyncio.to_thread(pages_of, body, service.settings.max_pages, upload)
        context = answers.Context(request.state.request_id, service.reader.models, form, options.include_confidence)
        return await service.answer(pages, {}, context)


async def _received(request: Request, service: Service) -> tuple[bytes, Upload | None]:
    """The JSON and, if it was sent, the unlocked document."""
    body = await service.bodies.read(request)
    if media_type(request) != FORM:
        return body, None
    uploads, fields = await uploads_of(request, body, service.settings)
    if len(uploads) > 1 or fields.keys() != {PAGES}:
        raise ProblemError(
            422, "form_invalid", f"Send one file and a field {PAGES} with its pages; options go into the URL."
        )
    (upload,) = uploads
    if upload.password:
        upload = replace(upload, content=await service.reader.unlocked(upload.content, upload.password))
    return fields[PAGES].encode(), upload


def pages_of(body: bytes, most: int, upload: Upload | None = None) -> list[PageRecord]:
    """The pages in a request's body.

    Args:
        upload: Their document; None: it was not sent.

    Raises:
        ProblemError: 413, there are too many; 422, it is not what a server answers; or the document cannot be opened.
    """
    try:
        found = CorrectedPages.model_validate(given.bounded(body))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise _refused(f"{place}: {first['msg']}.") from error
    except (ValueError, RecursionError) as error:
        raise _refused(f"{reason_of(error)}.") from error
    if len(found.pages) > most:
        detail = f"There are more than {counted(most, 'page')}, the limit of this server."
        raise ProblemError(413, "too_many_pages", detail)
    try:
        return [_page(page, upload) for page in found.pages]
    except PageError as error:
        raise of_page(str(Failure("convert", error.code, str(error)))) from error


def _refused(why: str) -> ProblemError:
    return ProblemError(422, "pages_invalid", f'Send {{"pages": [...]}} as `json` answers have them. {why}')


def _page(page: CorrectedPage, upload: Upload | None) -> PageRecord:
    row = {field.name: getattr(page, field.name) for field in fields(page)}
    name, confidence = clean_name(page.name), page.confidence
    if upload and not page.exception:
        row["image"] = _image(upload, page)
    row |= {"path": name, "name": name, "language": page.lang, "confidence": [] if confidence is None else [confidence]}
    return PageRecord(row)


def _image(upload: Upload, page: CorrectedPage) -> Image:
    """The page's picture, with the size to whose pixels the page's boxes refer, whatever its size here."""
    usual = BinaryToImage()
    limits = Limits(usual.max_bytes, usual.max_megapixels, usual.max_pages)
    image = open_image(upload.content, upload.name, page.pagenum, False, limits)
    return replace(image, width=page.width or image.width, height=page.height or image.height)
