"""Documents read in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

import pyarrow as pa

from raypipe.graph import Graph
from raypipe.job.engine import EngineResult, likely_pages
from raypipe.job.progress import Progress
from raypipe.job.writer import Task, Writer
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.rows import to_table
from raypipe.run.local import finished, numbered
from raypipe.types import Row

MAX_ROWS, MIN_ROWS, FILES = 1000, 4, 100
"""A shard has about `FILES` files of results, with rows within these limits, so that little is lost at a stop."""
KEPT_SECONDS = 60.0
"""A finished page is written after this many seconds at the latest."""


def rows_per_file(pages: int) -> int:
    """Rows per file of results when this many pages are to be read."""
    return min(max(pages // FILES, MIN_ROWS), MAX_ROWS)


class LocalEngine:
    """Reads documents in this process.

    Args:
        threads: CPU threads; None: one for each CPU.
        page_seconds: Seconds after which a page fails; None: never.
    """

    name = "local"

    def __init__(
        self,
        graph: Graph,
        writer: Writer,
        batch_size: int,
        threads: int | None = None,
        page_seconds: float | None = None,
    ) -> None:
        self._graph, self._writer, self._batch_size = graph, writer, batch_size
        self._threads, self._page_seconds = threads or usable_cpus(), page_seconds

    def read(self, number: int, documents: pa.Table, progress: Progress) -> EngineResult:
        """See `Engine.read`."""
        metrics, kept, unwritten = Metrics(), list[Row](), list[str]()
        most, count = rows_per_file(likely_pages(documents)), 0
        found = self.finished(documents, progress, metrics)
        start = written = time.monotonic()
        cpu = time.process_time()

        def write() -> None:
            nonlocal written
            unwritten.extend(self._writer.write(number, to_table(kept, self._graph.columns)))
            kept.clear()
            written = time.monotonic()

        with self._writer.folder.being_read(), closing(found):
            try:
                for batch in found:
                    kept += batch
                    count += len(batch)
                    failed = sum(row["exception"] is not None for row in batch)
                    progress.update(finished=progress.finished + len(batch), failed=progress.failed + failed)
                    if len(kept) >= most or time.monotonic() - written > KEPT_SECONDS:
                        write()
            finally:  # When a job is stopped, finished pages stay finished.
                if kept:
                    write()
        sums = {**metrics.drain(), "cpu_seconds": time.process_time() - cpu}
        return EngineResult(count, unwritten, time.monotonic() - start, sums)

    def finished(self, documents: pa.Table, progress: Progress, metrics: Metrics) -> Generator[list[Row], None, None]:
        """The finished pages of documents, a few at a time."""
        rows = _page_rows(documents, progress, self._page_seconds)
        return finished(self._graph, rows, self._batch_size, self._threads, metrics, page_seconds=self._page_seconds)

    def write(self, tasks: Sequence[Task], on_ended: Callable[[int], None] = lambda count: None) -> list[str]:
        """See `Engine.write`."""
        unwritten = list[str]()
        with self._writer.folder.being_read():
            for ended, task in enumerate(tasks, 1):
                unwritten += task()
                on_ended(ended)
        return unwritten


def _page_rows(documents: pa.Table, progress: Progress, seconds: float | None) -> Iterator[Row]:
    """The rows of the pages to be read; each document is opened shortly before its turn."""
    done = [set(some or ()) for some in documents["done"].to_pylist()]
    found = numbered(documents.select(["path", "name", "done"]).to_pylist(), seconds)
    for number, rows in enumerate(found):
        due = [row for row in rows if row["pagenum"] not in done[number]]
        progress.opened += 1
        progress.found += len(due)
        yield from due
