"""Limits on request bodies while they arrive: their size, number and speed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request

from raypipe.plurals import counted
from raypipe.web.problems import ProblemError, try_again
from raypipe.web.settings import ServerSettings

QUICK_SECONDS = 1.0
"""A body that arrives within this time is not counted, so that slow clients do not get in the way of others. A server
that receives hundreds at once needs most of it to look at each."""
FIRST_SECONDS = 5
"""After this time a body must have arrived at the least rate: connections take a while to speed up."""
CLOSE = {"Connection": "close"}
"""For answers to requests whose body does not come, or comes slowly."""


class Bodies:
    """Reads the bodies of all requests, of which few may be slow. Its methods raise a `ProblemError` with a status."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._waiting: Counter[str] = Counter()
        self._bytes = 0

    async def read(self, request: Request) -> bytes:
        """The body of a request.

        Raises:
            ProblemError: 400 disconnected, 408 too slow, 413 too large, 415 compressed, 422 empty, 429 too many.
        """
        # What other clients go on sending is discarded: cut off, they would not come to read the answer.
        closing = CLOSE if "expect" in request.headers else {}
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            detail = "Bodies with a Content-Encoding are not read. Send the file as it is."
            raise ProblemError(415, "body_compressed", detail, closing)
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._settings.max_body_bytes:
            raise too_large(self._settings, closing)
        try:
            body = await self._collect(request)
        except ClientDisconnect as error:
            raise ProblemError(400, "disconnected", "The client disconnected before its body was complete.") from error
        if not body:
            raise ProblemError(
                422, "body_empty", "The body is empty. Send the document or, to convert them, its pages."
            )
        return body

    async def _collect(self, request: Request) -> bytes:
        arrival = _Arrival(self, self._settings, request.state.client)
        stream, coming = request.stream(), None
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(stream))
                await asyncio.wait((coming,), timeout=arrival.seconds_left)
                if not coming.done():  # A client that has sent something is not slow, even if the server was.
                    arrival.check()
                    continue
                chunk, coming = coming.result(), None
                if not chunk:  # The last one.
                    return bytes(arrival.body)
                arrival.add(chunk)
        finally:
            if coming:
                coming.cancel()
            arrival.end()

    def take(self, client: str) -> None:
        """Counts a body that is awaited, unless there are too many, of this client or of all (429)."""
        most, most_of_one = self._settings.max_uploads, self._settings.max_uploads_per_client
        if self._waiting[client] >= most_of_one:
            raise self._too_many(f"You have {counted(most_of_one, 'upload')} under way.", CLOSE)
        if self._waiting.total() >= most:
            raise self._too_many(f"The server has {counted(most, 'upload')} under way.", CLOSE)
        self._waiting[client] += 1

    def leave(self, client: str) -> None:
        """Stops counting a body."""
        self._waiting[client] -= 1
        if not self._waiting[client]:
            del self._waiting[client]

    def hold(self, size: int) -> None:
        """Counts bytes that have arrived, unless all take too much memory (429); a negative number releases them."""
        if self._bytes + size > self._settings.max_uploads_bytes:
            raise self._too_many(f"The uploads under way take {counted(self._settings.max_uploads_bytes, 'byte')}.")
        self._bytes += size

    def _too_many(self, what: str, headers: Mapping[str, str] | None = None) -> ProblemError:
        return try_again(429, "too_many_uploads", what, self._settings.retry_after_seconds, headers)


class _Arrival:
    """One body on its way; `body` holds the bytes that have arrived."""

    def __init__(self, bodies: Bodies, settings: ServerSettings, client: str) -> None:
        self._bodies, self._settings, self._client = bodies, settings, client
        self._begun, self._is_counted, self.body = time.monotonic(), False, bytearray()

    @property
    def seconds_left(self) -> float:
        """Seconds until `check` is to be called."""
        quick = self._longest if self._is_counted else min(QUICK_SECONDS, self._longest)
        return max(0.0, self._begun + quick - time.monotonic())

    @property
    def _longest(self) -> float:
        """Seconds that the body may take, judged by the bytes that have arrived."""
        at_rate = FIRST_SECONDS + len(self.body) / self._settings.min_upload_rate
        return min(self._settings.body_seconds, at_rate)

    def check(self) -> None:
        """Counts the body once it is slow, unless it is too slow (408) or there are too many (429)."""
        if self.seconds_left > 0:
            return
        if time.monotonic() - self._begun >= self._longest:
            detail = (
                f"The body did not arrive within {counted(self._settings.body_seconds, 'second')}, or arrived at less "
                f"than {counted(self._settings.min_upload_rate, 'byte')} a second."
            )
            raise ProblemError(408, "body_too_slow", detail, CLOSE)
        self._bodies.take(self._client)
        self._is_counted = True

    def add(self, chunk: bytes) -> None:
        """Adds bytes that have arrived, unless they are too many (413), or are so together with all others (429)."""
        if len(self.body) + len(chunk) > self._settings.max_body_bytes:
            raise too_large(self._settings)
        self._bodies.hold(len(chunk))
        self.body += chunk

    def end(self) -> None:
        """Releases what the body took."""
        self._bodies.hold(-len(self.body))
        if self._is_counted:
            self._bodies.leave(self._client)


def too_large(settings: ServerSettings, headers: Mapping[str, str] | None = None) -> ProblemError:
    """The problem of a body over the limit, with further headers of its answer."""
    detail = f"The body is larger than {counted(settings.max_body_bytes, 'byte')}, the limit of this server."
    return ProblemError(413, "body_too_large", detail, headers)
