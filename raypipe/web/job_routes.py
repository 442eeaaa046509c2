"""Long work: documents that are read after the request that brought them, `/v1/jobs`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from raypipe.images.kinds import may_have_pages
from raypipe.plurals import counted
from raypipe.types import PageRecord
from raypipe.web import answers
from raypipe.web.jobs import ENDED, JobAnswer, Jobs
from raypipe.web.limits import Deadline
from raypipe.web.options import Selection, negotiate
from raypipe.web.problems import ProblemError
from raypipe.web.routes import ANSWERS
from raypipe.web.schema import PROBLEM, PROBLEMS, uploading
from raypipe.web.service import Service
from raypipe.web.streams import EVENTS, Listening, Stream, number
from raypipe.web.uploads import Upload

router = APIRouter(responses=PROBLEM)
PLACE = "/v1/jobs"
WEBHOOK = "address to notify when the job ends, if the server's operator allows it; in a form, a field does the same"
DOCUMENTS = uploading({"webhook": {"type": "string", "description": "address to notify when the job ends"}})


def _of(request: Request) -> tuple[Service, Jobs, str]:
    """The service, its jobs, and the owner of the request's jobs."""
    jobs: Jobs | None = request.app.state.jobs
    if jobs is None:
        raise ProblemError(404, "no_jobs", "This server takes no jobs: it was started without --jobs FOLDER.")
    return request.app.state.service, jobs, request.state.key


@router.post(PLACE, status_code=202, response_model=JobAnswer, responses=PROBLEMS, openapi_extra=DOCUMENTS)
async def begin(request: Request, webhook: Annotated[str, Query(description=WEBHOOK)] = "") -> Response:
    """Takes documents to be read later: raw bytes, or one or more files of a multipart form. All pages are read."""
    service, jobs, owner = _of(request)
    uploads, fields = await service.received(request)
    options = {**request.query_params, **fields}
    if webhook := options.pop("webhook", ""):
        jobs.check_webhook(webhook)
    if options:
        raise ProblemError(422, "option_invalid", f"A job has no {', '.join(options)}: give options to its result.")
    with service.admission.place(request.state.client):
        pages = await _count(service, uploads, jobs.max_pages)
        service.quota.take(request.state.client, pages)
    answer = await asyncio.to_thread(jobs.add, uploads, pages, owner, webhook)
    # Relative to the path that was asked for, as a proxy in front of the server calls it.
    return JSONResponse(answer.model_dump(), 202, {"Location": f"jobs/{answer.id}"})


async def _count(service: Service, uploads: list[Upload], most: int) -> int:
    deadline, pages = Deadline(service.settings.request_seconds), 0
    for upload in uploads:
        several = may_have_pages(upload.content)
        pages += await deadline.wait_for(service.reader.count(upload.content)) if several else 1
    if pages > most:
        detail = f"The job has {counted(pages, 'page')}, and the limit of this server is {most:,}."
        raise ProblemError(413, "too_many_pages", detail)
    return pages


@router.get(f"{PLACE}/{{job}}", response_model=JobAnswer)
async def status(request: Request, job: str) -> Response:
    """The progress of a job."""
    _, jobs, owner = _of(request)
    return JSONResponse((await asyncio.to_thread(jobs.status, job, owner)).model_dump(), headers=answers.HEADERS)


@router.get(f"{PLACE}/{{job}}/events", responses={200: {"content": {EVENTS: {}}}, 204: {}}, response_class=Response)
async def events(request: Request, job: str, last_event_id: Annotated[str, Header()] = "") -> Response:
    """The progress of a job as Server-Sent Events: `progress` whenever it advances, and `end`.

    The data of an event is a `JobAnswer`, and that of `problem`, if the job is removed or the server stops, a
    `ProblemAnswer`. A client that sends the id of its last event gets what came after it; after `end`, a 204.
    """
    service, jobs, owner = _of(request)
    answer = await asyncio.to_thread(jobs.status, job, owner)
    if answer.state in ENDED and number(answer) == last_event_id:
        return Response(status_code=204)
    parts = _listening(request, job).events(last_event_id, service.settings.retry_after_seconds)
    return _stream(request, parts, EVENTS)


def _listening(request: Request, job: str) -> Listening:
    _, jobs, owner = _of(request)
    look = partial(asyncio.to_thread, jobs.status, job, owner)
    return Listening(look, request.state)


@router.get(f"{PLACE}/{{job}}/result", responses=ANSWERS, response_class=Response)
async def result(request: Request, job: str, options: Annotated[Selection, Query()]) -> Response:
    """The pages of a finished job, in any format and as often as asked for, until it is removed.

    NDJSON need not wait for the end: it has the pages as they are written.
    """
    service, jobs, owner = _of(request)
    form = negotiate(request.headers.get("accept"), options)
    context = answers.Context(request.state.request_id, service.reader.models, form, options.include_confidence)
    if form.streams:
        return await _streamed(request, job, options, context)
    pages, folder = await asyncio.to_thread(jobs.pages, job, owner)
    chosen = {total: set(options.chosen(total)) for total in {page.total_pages for page in pages}}
    wanted = [page for page in pages if page.pagenum in chosen[page.total_pages]]
    if not wanted:
        raise ProblemError(422, "page_missing", f"There is no page {options.pages} in the job.")
    return await service.answer(wanted, {}, replace(context, folder=folder))


async def _streamed(request: Request, job: str, options: Selection, context: answers.Context) -> Response:
    _, jobs, owner = _of(request)
    next_pages = await asyncio.to_thread(jobs.follow, job, owner)

    def line(page: PageRecord) -> bytes:
        is_chosen = page.pagenum in options.chosen(page.total_pages)
        return answers.body([page], context, {}) if is_chosen else b""

    parts = _listening(request, job).pages(next_pages, line)
    return _stream(request, parts, context.form.media_type)


def _stream(request: Request, parts: AsyncIterator[bytes], media_type: str) -> Response:
    return Stream(parts, media_type, request.app.state.listeners, request.state.client)


@router.delete(f"{PLACE}/{{job}}", status_code=204)
async def remove(request: Request, job: str) -> Response:
    """Ends a job, and removes its documents and its result."""
    _, jobs, owner = _of(request)
    await asyncio.to_thread(jobs.remove, job, owner)
    return Response(status_code=204)
