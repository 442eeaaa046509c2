"""An operator in an actor of Ray Data: batches of page rows, and pages that kill or hang their process."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import compress
from typing import Any

import pyarrow as pa
import ray

from raypipe.graph import Operator
from raypipe.images.passwords import Passwords, add_passwords
from raypipe.inputs.pages import named, pages
from raypipe.metrics import Metrics
from raypipe.rows import from_table, others, to_table
from raypipe.run.datasets import documents
from raypipe.run.exported import Exported
from raypipe.run.guard import Guard
from raypipe.run.runner import Runner, failed
from raypipe.run.tally import Key
from raypipe.run.threads import in_order
from raypipe.run.watchdog import Growth
from raypipe.types import Row

MOST_GROWTH = 2 * 1024**3
"""Bytes by which an actor's memory may grow after its first pages before it is replaced."""


class OperatorActor:
    """Runs one operator on batches of page rows, inside an actor of Ray Data.

    Args:
        number: Its place in the pipeline.
        threads: CPU threads of a session; with a GPU, pages that are decoded and searched at once.
        page_seconds: Seconds after which a page fails and its process is ended; None: never.
        most_growth: Bytes by which the process may grow before it is ended between two tasks of Ray.
    """

    def __init__(
        self,
        operator: Operator,
        number: int,
        threads: int,
        tally: Any,
        page_seconds: float | None = None,
        most_growth: int = MOST_GROWTH,
        known: Passwords | None = None,
    ) -> None:
        add_passwords(known or Passwords())
        self._number, self._before, self._after, self._tally = number, operator.before, operator.after, tally
        self._where = operator.where
        self._metrics = Metrics()
        self._exported = Exported(operator.name, is_first=number == 0)
        context = ray.get_runtime_context()
        # Ray restarts a dead actor under its old id and gives it the same batch again.
        self._guard = Guard(tally, context.get_actor_id(), operator.name, page_seconds)
        self._growth = Growth(most_growth)
        self._at_once = threads if context.get_accelerator_ids().get("GPU") else 1
        self._process = Runner(operator, 1 if self._at_once > 1 else threads, self._metrics)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Processes a batch: a table of page rows, or of document rows, which become page rows.

        Columns that the pipeline does not know pass through; those that it writes replace existing ones.
        """
        self._growth.check(ray.get_runtime_context().get_task_id())
        if table.num_rows and self._number == 0:
            table = documents(table, self._where.content)
        opened = self._opened([named(row) for row in from_table(table, self._before)])
        origins = pa.array([n for n, page_rows in enumerate(opened) for _ in page_rows], pa.int64())
        further = others(table, self._before).take(origins)
        rows = self._guard.each([row for page_rows in opened for row in page_rows], self._finished)
        result = to_table(rows, self._after)
        for name in further.column_names:
            if name not in self._after:
                result = result.append_column(name, further[name])
        return result

    def _opened(self, rows: list[Row]) -> list[list[Row]]:
        """The pages of each row, which is a page or a document."""
        is_document = [row.get(self._where.number) is None for row in rows]
        counted = iter(self._guard.each([*compress(rows, is_document)], self._counted))
        opened = zip(rows, is_document, strict=True)
        return [next(counted) if whole else pages(row, where=self._where) for row, whole in opened]

    def _counted(self, documents: Sequence[Row], keys: list[Key], failure: str | None) -> list[list[Row]]:
        """The pages of documents; a document that has a failure is one page."""
        with self._guard.watch(keys):
            found = [[failed(row, failure)] if failure else pages(row, where=self._where) for row in documents]
        self._tally.finish.remote(keys, {})
        return found

    def _run(self, rows: list[Row]) -> dict[str, float]:
        """Processes pages, several at once on a GPU, and returns the sums of their metrics."""

        def work(some: list[Row]) -> dict[str, float]:
            self._process(some)
            return self._metrics.drain()

        if self._at_once == 1:
            return work(rows)
        sums = defaultdict[str, float](float)
        for found in in_order(work, [[row] for row in rows], self._at_once):
            for name, value in found.items():
                sums[name] += value
        return dict(sums)

    def _finished(self, batch: Sequence[Row], keys: list[Key], failure: str | None) -> list[Row]:
        """Processes pages, except those with a failure, which pass through; updates the tally and the metrics."""
        start, cpu = time.perf_counter(), time.process_time()
        rows = list(batch)
        well = [row for row in rows if row.get("exception") is None]
        for row in well if failure else ():
            row["exception"] = failure
        with self._guard.watch(keys, self._at_once):
            sums = self._run(rows)
        lost = [row for row in well if row["exception"] is not None]
        self._exported.add(lost, len(rows), time.perf_counter() - start, sums)
        if self._number == 0:
            sums["pages_total"] = len(rows)
        sums["cpu_seconds"] = time.process_time() - cpu
        sums[f"finished_{self._number}"] = len(rows)
        sums[f"failed_{self._number}"] = sum(row["exception"] is not None for row in rows)
        self._tally.finish.remote(keys, sums)
        return rows
