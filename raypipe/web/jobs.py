"""Long work: documents that are read after the request that brought them, `/v1/jobs`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from raypipe.images.kinds import may_have_pages
from raypipe.types import Page
from raypipe.web import answers
from raypipe.web.limits import Deadline
from raypipe.web.options import Options, negotiate
from raypipe.web.problems import ProblemError
from raypipe.web.routes import ANSWERS
from raypipe.web.schema import PROBLEM, PROBLEMS, UPLOAD
from raypipe.web.service import Service
from raypipe.web.uploads import Upload

router = APIRouter(responses=PROBLEM)
PLACE = "/v1/jobs"


class JobFailure(BaseModel):
    """Pages of a job that failed in the same way."""

    kind: str = Field(description="stage and code")
    pages: int
    message: str = Field(description="that of the first of them")


class JobAnswer(BaseModel):
    """How far a job is."""

    id: str
    state: Literal["queued", "reading", "done", "failed"]
    names: list[str] = Field(description="the documents, as the client calls them")
    pages: int = Field(description="pages of all documents")
    done: int = Field(description="pages that are read, failed ones included")
    failures: list[JobFailure]
    problem: str = Field("", description="why a job failed as a whole")
    created: str
    expires: str | None = Field(description="when it is removed; null until it has ended")


class Jobs(Protocol):
    """Keeps jobs and has them read: `job.online.Desk`. Its methods block.

    A job belongs to who began it, and nobody else knows of it.
    """

    max_pages: int

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to read, with a reader that belongs to an event loop."""

    def stop(self) -> None:
        """Leaves what is not read yet to others, or to the next start."""

    def add(self, uploads: list[Upload], pages: int, owner: str) -> JobAnswer:
        """Keeps a job, to be read.

        Raises:
            ProblemError: 429, there are too many, or they take too many bytes.
        """

    def status(self, job: str, owner: str) -> JobAnswer:
        """How far a job is.

        Raises:
            ProblemError: 404, there is none.
        """

    def pages(self, job: str, owner: str) -> tuple[list[Page], str]:
        """The pages of a finished job, and the folder in which it is.

        Raises:
            ProblemError: 404, there is none; 409, it is not finished.
        """

    def remove(self, job: str, owner: str) -> None:
        """Ends a job, and removes all of it.

        Raises:
            ProblemError: 404, there is none.
        """


JobsFor = Callable[[Service], Jobs]
"""Makes the jobs of an ingress."""


def _of(request: Request) -> tuple[Service, Jobs, str]:
    """The service, its jobs, and who asks."""
    jobs: Jobs | None = request.app.state.jobs
    if jobs is None:
        raise ProblemError(404, "no_jobs", "This server takes no jobs: it was started without --jobs FOLDER.")
    return request.app.state.service, jobs, request.state.key


@router.post(PLACE, status_code=202, response_model=JobAnswer, responses=PROBLEMS, openapi_extra=UPLOAD)
async def begin(request: Request) -> Response:
    """Takes documents to be read later: raw bytes, or one or more files of a multipart form. All pages are read."""
    service, jobs, owner = _of(request)
    uploads, fields = await service.received(request)
    if extra := {**request.query_params, **fields}:
        raise ProblemError(422, "option_invalid", f"A job has no {', '.join(extra)}: give options to its result.")
    with service.admission.place(request.state.client):
        pages = await _count(service, uploads, jobs.max_pages)
        service.quota.take(request.state.client, pages)
    answer = await asyncio.to_thread(jobs.add, uploads, pages, owner)
    return JSONResponse(answer.model_dump(), 202, {"Location": f"{PLACE}/{answer.id}"})


async def _count(service: Service, uploads: list[Upload], most: int) -> int:
    deadline, pages = Deadline(service.settings.request_seconds), 0
    for upload in uploads:
        several = may_have_pages(upload.content)
        pages += await deadline.wait_for(service.reader.count(upload.content)) if several else 1
    if pages > most:
        raise ProblemError(413, "too_many_pages", f"The job has {pages} pages, and the limit of this server is {most}.")
    return pages


@router.get(f"{PLACE}/{{job}}", response_model=JobAnswer)
async def status(request: Request, job: str) -> Response:
    """How far a job is."""
    _, jobs, owner = _of(request)
    return JSONResponse((await asyncio.to_thread(jobs.status, job, owner)).model_dump(), headers=answers.HEADERS)


@router.get(f"{PLACE}/{{job}}/result", responses=ANSWERS, response_class=Response)
async def result(request: Request, job: str, options: Annotated[Options, Query()]) -> Response:
    """The pages of a finished job, in any format and as often as asked for, until it is removed."""
    service, jobs, owner = _of(request)
    form = negotiate(request.headers.get("accept"), options)
    if options.overlay != "none":
        raise ProblemError(422, "no_overlay", "Jobs keep no pictures to draw on.")
    pages, folder = await asyncio.to_thread(jobs.pages, job, owner)
    chosen = {total: set(options.chosen(total)) for total in {page.total_pages for page in pages}}
    wanted = [page for page in pages if page.pagenum in chosen[page.total_pages]]
    if not wanted:
        raise ProblemError(422, "page_missing", f"There is no page {options.pages} in the job.")
    context = answers.Context(request.state.request_id, service.reader.models, options, form, folder)
    return await service.answer(wanted, {}, context)


@router.delete(f"{PLACE}/{{job}}", status_code=204)
async def remove(request: Request, job: str) -> Response:
    """Ends a job, and removes its documents and its result."""
    _, jobs, owner = _of(request)
    await asyncio.to_thread(jobs.remove, job, owner)
    return Response(status_code=204)
