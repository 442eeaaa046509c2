"""A pipeline in one process: no Ray, no cluster, a few pages in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import cv2

from raypipe.compat import batched
from raypipe.inputs.pages import Source, documents, named, pages
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.types import Page, Row

if TYPE_CHECKING:
    from raypipe.pipeline import Operator, Pipeline


class Runner:
    """The workers of an operator, set up in this process.

    Args:
        operator: The steps to carry out.
        threads: CPU threads that they may use.
        metrics: Where counts and seconds are added.
    """

    def __init__(self, operator: Operator, threads: int, metrics: Metrics) -> None:
        # OpenCV would start a thread a core whatever the actor's share is.
        cv2.setNumThreads(threads)
        self._workers = [step.worker(step.stage, threads, metrics) for step in operator.steps]
        for worker in self._workers:
            worker.setup()

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Carries out the steps on page rows, keeping their number and order."""
        for worker in self._workers:
            rows = worker(rows)
        return rows


def run(
    pipeline: Pipeline,
    sources: Source | Iterable[Source],
    batch_size: int,
    threads: int | None,
    metrics: Metrics | None = None,
) -> Iterator[Page]:
    """See `Pipeline.run`."""
    process = processor(pipeline, threads or usable_cpus(), metrics or Metrics())
    rows = (page for document in documents(sources) for page in pages(named(document)))
    for batch in batched(rows, batch_size):
        yield from map(Page, process(list(batch)))


def processor(pipeline: Pipeline, threads: int, metrics: Metrics) -> Callable[[list[Row]], list[Row]]:
    """The whole pipeline, set up in this process: page rows in, finished rows out."""
    runners = [Runner(operator, threads, metrics) for operator in pipeline.operators()]

    def process(rows: list[Row]) -> list[Row]:
        for runner in runners:
            rows = runner(rows)
        return rows

    return process
