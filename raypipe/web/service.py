"""What the routes do: admit, read, answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from raypipe.errors import ConfigError, Failure
from raypipe.images.kinds import may_have_pages
from raypipe.outputs.base import UnfitError
from raypipe.types import PageRecord, Row
from raypipe.web import answers, given
from raypipe.web.bodies import Bodies
from raypipe.web.fairness import FairQueue
from raypipe.web.forms import forms, json_line
from raypipe.web.leaving import while_connected
from raypipe.web.limits import Admission, Deadline, Quota
from raypipe.web.options import Options, negotiate, with_form
from raypipe.web.problems import ProblemError, of_page, try_again
from raypipe.web.reading import Reader, ReadPage, in_order, page_rows
from raypipe.web.settings import ServerSettings
from raypipe.web.telemetry import Telemetry
from raypipe.web.uploads import FORM, Upload, media_type, uploads_of

READY_SECONDS = 2
"""How long a readiness check waits for every deployment to answer."""


@dataclass(frozen=True)
class Service:
    """A reader with its limits and its counters. A `ProblemError` says why a request gets no result."""

    reader: Reader
    settings: ServerSettings
    admission: Admission
    quota: Quota
    bodies: Bodies
    queue: FairQueue
    telemetry: Telemetry

    async def ocr(self, request: Request, options: Options) -> Response:
        """Answers `POST /v1/ocr`."""
        begun = time.perf_counter()
        if media_type(request) not in (FORM, "application/json"):  # These may ask for another format.
            negotiate(request.headers.get("accept"), options)
        uploads, fields = await self.received(request)
        options = with_form(options, fields)
        form = negotiate(request.headers.get("accept"), options)
        if options.overlay not in ("none", *self.reader.overlays):
            raise ProblemError(422, "no_overlay", "The pipeline of this server keeps no picture to draw on.")
        if options.overlay != "none" and not form.pictures:
            able = ", ".join(name for name, each in forms().items() if each.pictures)
            raise ProblemError(422, "option_invalid", f"{form.name} shows no overlay. Leave it out, or choose {able}.")
        received = time.perf_counter()
        confidences, pictures = options.include_confidence, options.overlay != "none"
        context = answers.Context(request.state.request_id, self.reader.models, form, confidences, pictures)
        if form.streams:
            return PageStream(self, uploads, options, context)
        _, reads = await self._read_all(request, uploads, options)
        now = time.perf_counter()
        timings = {"total": now - begun, "upload": received - begun, "reading": now - received, **_steps(reads)}
        return await self.answer([read.page for read in reads], timings, context)

    async def answer(self, pages: list[PageRecord], timings: dict[str, float], context: answers.Context) -> Response:
        """Finished pages in the form that was asked for, unless it cannot hold them."""
        form = context.form
        if form.one_page and len(pages) > 1:
            raise ProblemError(
                406,
                "one_page",
                f"{form.name} holds one page, and there are {len(pages)}. Choose one, or another format.",
            )
        failures = [page.exception for page in pages if page.exception]
        if not form.tells_exceptions and len(failures) == len(pages):
            raise of_page(failures[0])
        try:
            with self.telemetry.traces.step("output"):
                return await asyncio.to_thread(answers.response, pages, timings, context)
        except UnfitError as error:
            raise ProblemError(422, "document_unfit", str(error)) from error
        except ConfigError as error:
            raise ProblemError(422, "no_picture", str(error)) from error
        except OSError as error:
            detail = (
                f"This server cannot write files that {form.name} needs: its operator should set TMPDIR to a folder "
                "with room, such as /dev/shm."
            )
            raise ProblemError(507, "no_temporary_folder", detail) from error

    async def check_ready(self) -> None:
        """Makes sure that pages can be read (503: the models are not loaded)."""
        try:
            self.telemetry.loaded(await asyncio.wait_for(self.reader.ready(), READY_SECONDS))
        except TimeoutError as error:
            what, seconds = "The models are not loaded yet.", self.settings.retry_after_seconds
            raise try_again(503, "not_ready", what, seconds) from error

    async def metrics(self) -> bytes:
        """All metrics. Asks the models how long they took to load until that is known."""
        if not self.telemetry.knows_loads:
            with suppress(ProblemError):
                await self.check_ready()
        return self.telemetry.render(self.admission.taken)

    async def invocations(self, request: Request) -> dict[str, object]:
        """Answers `POST /invocations`."""
        uploads, _ = await self.received(request)
        rows, reads = await self._read_all(request, uploads, Options())
        multipage = [may_have_pages(row["content"]) for row in rows]
        return answers.invocations([read.page for read in reads], multipage)

    async def textract(self, request: Request, document_of: Callable[[bytes], bytes]) -> bytes:
        """Answers Textract's DetectDocumentText; `document_of` extracts the document from the body."""
        self._check(request)
        content = document_of(await self.bodies.read(request))
        uploads = [Upload("document", content, given.take_columns({}, self.reader.needs))]
        _, reads = await self._read_all(request, uploads, Options())
        pages = [read.page for read in reads]
        if all(page.exception for page in pages):
            raise of_page(pages[0].exception or "")
        context = answers.Context(request.state.request_id, self.reader.models, forms()["textract"])
        return answers.body(pages, context, {})

    async def read(
        self, rows: list[Row], options: Options, deadline: Deadline, client: str, log: dict[str, int]
    ) -> AsyncIterator[ReadPage]:
        """Reads pages, a few at a time and each in its client's turn, and yields them in order.

        It counts them for the metrics and the request's log line.

        Raises:
            ProblemError: 504, a page was not ready in time.
        """
        makers = (partial(self._in_turn, row, options.overlay, client) for row in rows)
        async for read in in_order(makers, self.settings.pages_at_once, deadline):
            exception = read.page.exception
            log["pages"] += 1
            log["failed_pages"] += exception is not None
            self.telemetry.page(read.visits, Failure.parse(exception).code if exception else None)
            self.telemetry.traces.page(read.page.pagenum + 1, read.visits)
            yield read

    async def _in_turn(self, row: Row, overlay: str, client: str) -> ReadPage:
        begun = time.perf_counter()
        async with self.queue.turn(client):
            waited = time.perf_counter() - begun
            read = await self.reader.read(row, overlay)
        first = [replace(visit, queue_seconds=visit.queue_seconds + waited) for visit in read.visits[:1]]
        return ReadPage(read.page, [*first, *read.visits[1:]])

    def _check(self, request: Request) -> None:
        self.admission.check(request.state.client)
        self.quota.check(request.state.client)

    async def received(self, request: Request) -> tuple[list[Upload], dict[str, str]]:
        """The documents of a request, and the form fields that are options.

        Raises:
            ProblemError: As `Bodies.read` and `uploads_of`; 429, all places are taken; 422, a column that comes with
                each request is missing or wrong.
        """
        self._check(request)
        body = await self.bodies.read(request)
        uploads, fields = await uploads_of(request, body, self.settings)
        columns = given.take_columns(fields, self.reader.needs)
        if columns and len(uploads) > 1:
            raise ProblemError(
                422, "too_many_files", f"{', '.join(columns)} belongs to one file. Send the files one by one."
            )
        return [replace(upload, columns=columns) for upload in uploads], fields

    async def _read_all(
        self, request: Request, uploads: list[Upload], options: Options
    ) -> tuple[list[Row], list[ReadPage]]:
        """The rows of the pages, and the finished pages."""
        request.state.log = log = _log(uploads)
        client, deadline = request.state.client, Deadline(self.settings.request_seconds)

        async def read_all() -> tuple[list[Row], list[ReadPage]]:
            rows = await page_rows(uploads, options, self.reader, self.settings, deadline)
            self.quota.take(client, len(rows))
            return rows, [each async for each in self.read(rows, options, deadline, client, log)]

        with self.admission.place(client):
            rows, reads = await while_connected(request.receive, read_all())
        if len(reads) == 1 and reads[0].page.exception:
            raise of_page(reads[0].page.exception)
        return rows, reads


class PageStream(Response):
    """One page per line, as pages are finished. It releases its place after the last line, or if the client goes."""

    def __init__(self, service: Service, uploads: list[Upload], options: Options, context: answers.Context) -> None:
        super().__init__()
        self._service, self._uploads, self._options, self._context = service, uploads, options, context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the answer; see ASGI."""
        service = self._service
        scope["state"]["log"] = log = _log(self._uploads)
        client = scope["state"]["client"]
        with service.admission.place(client):
            seconds = service.settings.request_seconds
            counting, reading = Deadline(seconds), Deadline(seconds, each=True)

            async def begin() -> tuple[list[Row], AsyncIterator[ReadPage], ReadPage]:
                rows = await page_rows(self._uploads, self._options, service.reader, service.settings, counting)
                service.quota.take(client, len(rows))
                reads = service.read(rows, self._options, reading, client, log)
                return rows, reads, await anext(reads)

            rows, reads, first = await while_connected(receive, begin())
            # Up to here a problem can still be the whole answer.
            if len(rows) == 1 and first.page.exception:
                raise of_page(first.page.exception)
            lines = self._lines(first, reads, scope["state"])
            stream = StreamingResponse(lines, headers=answers.STREAMED, media_type=self._context.form.media_type)
            await stream(scope, receive, send)

    async def _lines(
        self, first: ReadPage, others: AsyncIterator[ReadPage], state: dict[str, Any]
    ) -> AsyncIterator[bytes]:
        yield self._line(first)
        try:
            async for read in others:
                yield self._line(read)
        except ProblemError as problem:  # The head has been sent, so the last line says what went wrong.
            state["problem"] = problem.code
            yield json_line(problem.document(self._context.request_id))

    def _line(self, read: ReadPage) -> bytes:
        return answers.body([read.page], self._context, {})


def _log(uploads: list[Upload]) -> dict[str, int]:
    """What the request's log line says about its documents and pages; the pages are counted as they are read."""
    size = sum(len(upload.content) for upload in uploads)
    return {"bytes": size, "documents": len(uploads), "pages": 0, "failed_pages": 0}


def _steps(reads: list[ReadPage]) -> dict[str, float]:
    """Seconds of each step, and of waiting, summed over all pages."""
    sums: Counter[str] = Counter()
    for read in reads:
        for visit in read.visits:
            sums.update({"queue": visit.queue_seconds, **visit.seconds})
    return dict(sums)
