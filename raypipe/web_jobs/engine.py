"""Reads the documents of a server's job with the server's reader, in the room that requests leave."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import Future, wait
from contextlib import asynccontextmanager
from pathlib import Path

import pyarrow as pa

from raypipe.errors import Failure
from raypipe.images.kinds import may_have_pages
from raypipe.job.local import LocalEngine
from raypipe.job.progress import Progress
from raypipe.job.writer import Writer
from raypipe.metrics import Metrics
from raypipe.pipeline import Pipeline
from raypipe.run.runner import timed_out
from raypipe.types import Row
from raypipe.web.service import Service

CHECK_SECONDS = 0.2
"""How soon a job notices that it was removed, or that the server stops."""


class Slots:
    """Lets pages of jobs be read where requests leave room for them, but always at least one, so that jobs end."""

    def __init__(self, service: Service) -> None:
        self.service, self._running = service, 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits for room, and takes it."""
        while self._running >= max(1, self.service.reader.at_once - self.service.admission.taken):
            await asyncio.sleep(0.02)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


class ServedEngine(LocalEngine):
    """Reads the documents of a job with a server's reader.

    Args:
        events: The event loop of the reader.
        check: Called repeatedly; raises an exception when the job must stop.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        writer: Writer,
        slots: Slots,
        events: asyncio.AbstractEventLoop,
        check: Callable[[], None],
    ) -> None:
        super().__init__(pipeline.graph, writer, batch_size=1, threads=1)
        self._service, self._slots, self._events, self._check = slots.service, slots, events, check

    def finished(self, documents: pa.Table, progress: Progress, metrics: Metrics) -> Generator[list[Row], None, None]:
        """See `LocalEngine.finished`."""
        waiting: deque[Future[Row]] = deque()
        try:
            for row in self._rows(documents, progress):
                waiting.append(asyncio.run_coroutine_threadsafe(self._read(row), self._events))
                if len(waiting) >= self._service.reader.at_once:
                    yield [self._result(waiting.popleft())]
            while waiting:
                yield [self._result(waiting.popleft())]
        finally:
            for each in waiting:
                each.cancel()

    def _result(self, page: Future[Row]) -> Row:
        self._check()
        while not wait((page,), CHECK_SECONDS).done:
            self._check()
        return page.result()

    def _rows(self, documents: pa.Table, progress: Progress) -> Iterator[Row]:
        for document in documents.to_pylist():
            content, done, total = Path(document["path"]).read_bytes(), set(document["done"] or ()), 1
            if may_have_pages(content):
                total = asyncio.run_coroutine_threadsafe(self._service.reader.count(content), self._events).result()
            row = {"path": document["path"], "name": document["name"], "content": content, "exception": None}
            due = [number for number in range(total) if number not in done]
            progress.opened += 1
            progress.found += len(due)
            yield from ({**row, "pagenum": number, "total_pages": total} for number in due)

    async def _read(self, row: Row) -> Row:
        seconds = self._service.settings.request_seconds
        async with self._slots.slot():
            try:
                read = await asyncio.wait_for(self._service.reader.read(row, "none"), seconds)
            except TimeoutError:
                what = f"{row['path']}, page {row['pagenum'] + 1},"
                return {**row, "exception": timed_out("Reading", what, seconds)}
        exception = read.page.exception
        self._service.telemetry.page(read.visits, Failure.parse(exception).code if exception else None)
        return dict(read.page)
