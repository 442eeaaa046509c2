"""Documents read on a Ray cluster. `run/jobs.py` imports Ray for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pyarrow as pa

from raypipe.graph import Graph
from raypipe.job import stop
from raypipe.job.engine import EngineResult, likely_pages
from raypipe.job.local import rows_per_file
from raypipe.job.progress import Progress
from raypipe.job.writer import Task, Writer


class RayEngine:
    """Reads documents on a Ray cluster.

    Args:
        address: The cluster to join; None: one is started on this machine.
        page_seconds: Seconds after which a page fails; None: never.
        needs_models: Whether pages are to be read.
    """

    name = "ray"

    def __init__(
        self,
        graph: Graph,
        writer: Writer,
        batch_size: int,
        address: str | None = None,
        page_seconds: float | None = None,
        needs_models: bool = True,
    ) -> None:
        from raypipe.run import jobs, nodes

        self._jobs = jobs
        self._graph, self._writer, self._batch_size = graph, writer, batch_size
        self._page_seconds = page_seconds
        jobs.connect(address)
        stop.heed_signals()  # Ray has set a handler of its own.
        if address:
            nodes.check_nodes(graph if needs_models else None, writer.folder.job)

    def read(self, number: int, documents: pa.Table, progress: Progress) -> EngineResult:
        """See `Engine.read`."""
        last = len(self._graph.operators) - 1
        opened, found, finished, failed = progress.opened, progress.found, progress.finished, progress.failed

        def watch(sums: dict[str, float]) -> None:
            progress.update(
                opened=opened + int(sums.get("opened", 0)),
                found=found + int(sums.get("found", 0)),
                finished=finished + int(sums.get(f"finished_{last}", 0)),
                failed=failed + int(sums.get(f"failed_{last}", 0)),
            )

        pages, unwritten, sums = self._jobs.read(
            self._graph,
            documents.select(["path", "name", "done"]),
            partial(self._writer.write, number),
            self._batch_size,
            rows_per_file(likely_pages(documents)),
            watch,
            self._page_seconds,
        )
        return EngineResult(pages, unwritten, sums.pop("processing_seconds", 0), sums)

    def write(self, tasks: Sequence[Task], on_ended: Callable[[int], None] = lambda count: None) -> list[str]:
        """See `Engine.write`."""
        return self._jobs.convert(tasks, on_ended)
