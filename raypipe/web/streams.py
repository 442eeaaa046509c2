"""Answers that go on while a job is read: its progress as Server-Sent Events, and its pages as NDJSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.datastructures import State
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from raypipe.types import PageRecord
from raypipe.web.answers import STREAMED
from raypipe.web.forms import dumps, json_line
from raypipe.web.jobs import ENDED, JobAnswer
from raypipe.web.limits import Admission
from raypipe.web.problems import ProblemError

LOOK_SECONDS = 0.5
"""How often the state of a job is read for each listener."""
COMMENT_SECONDS = 15.0
"""How long a stream of events may be silent: proxies cut silent ones, and writing shows if a client has gone."""
EVENTS = "text/event-stream"

Look = Callable[[], Awaitable[JobAnswer]]
"""Returns the progress of a job, or raises a `ProblemError`."""


class Listening:
    """What the streams of a request share; they end when the server is stopping."""

    def __init__(self, look: Look, state: State) -> None:
        self._look, self._state = look, state

    async def events(self, last: str, retry_seconds: int) -> AsyncIterator[bytes]:
        """The progress of the job, now and whenever it advances, until it has ended.

        Args:
            last: The id of the last event that the client has; empty: it has none.
            retry_seconds: How long a client should wait before it reconnects.
        """
        yield f"retry: {1000 * retry_seconds}\n\n".encode()
        sent = time.monotonic()
        try:
            async for answer in self._looks():
                if number(answer) != last:
                    last, sent = number(answer), time.monotonic()
                    name = b"end" if answer.state in ENDED else b"progress"
                    yield b"id: %b\nevent: %b\ndata: %b\n\n" % (last.encode(), name, dumps(answer.model_dump()))
                elif time.monotonic() > sent + COMMENT_SECONDS:
                    sent = time.monotonic()
                    yield b": still here\n\n"
        except ProblemError as problem:
            yield b"event: problem\ndata: %b\n\n" % dumps(self._noted(problem))

    async def pages(
        self, next_pages: Callable[[], list[PageRecord]], line: Callable[[PageRecord], bytes]
    ) -> AsyncIterator[bytes]:
        """The pages of the job as they are written, one per line; a last line says what went wrong, if anything.

        Args:
            next_pages: Returns further pages; see `Jobs.follow`.
            line: Renders a page; empty: it is not wanted.
        """
        has_sent = False
        try:
            async for answer in self._looks():
                while pages := await asyncio.to_thread(next_pages):
                    if lines := b"".join(map(line, pages)):
                        has_sent = True
                        yield lines
                if answer.state == "failed":
                    raise ProblemError(409, "job_failed", answer.problem)
            if not has_sent:
                raise ProblemError(422, "page_missing", "The job has none of the pages that were asked for.")
        except ProblemError as problem:
            yield json_line(self._noted(problem))

    def _noted(self, problem: ProblemError) -> dict[str, Any]:
        """A problem as the end of a stream, and for the log, which has only the status of its head."""
        self._state.problem = problem.code
        return problem.document(self._state.request_id)

    async def _looks(self) -> AsyncIterator[JobAnswer]:
        """The states of the job until it has ended; a `ProblemError` once it is removed or the server stops."""
        while True:
            answer = await self._look()
            yield answer
            if answer.state in ENDED:
                return
            if self._state.is_stopping():
                raise ProblemError(503, "stopping", "The server is stopping. Ask again later: the job goes on.")
            await asyncio.sleep(LOOK_SECONDS)


def number(answer: JobAnswer) -> str:
    """The id of the event for this state of a job: the same from every server."""
    return f"{answer.state}-{answer.done}"


class Stream(Response):
    """A stream that holds a place as long as it lasts."""

    def __init__(self, parts: AsyncIterator[bytes], media_type: str, places: Admission, client: str) -> None:
        super().__init__()
        self._places, self._client = places, client
        self._stream = StreamingResponse(parts, headers=STREAMED, media_type=media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the answer; see ASGI."""
        with self._places.place(self._client):
            await self._stream(scope, receive, send)
