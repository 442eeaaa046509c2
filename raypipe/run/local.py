"""A pipeline in one process: no Ray, no cluster, a few pages in memory at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

from raypipe.compat import batched
from raypipe.engine import gpu_available
from raypipe.graph import Graph
from raypipe.inputs.pages import Source, documents, page_rows
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.outputs.page import Page
from raypipe.run.runner import Runner
from raypipe.types import Row

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2
"""Batches in progress, or done and waiting for earlier ones, for each page that is read at once."""


def run(
    graph: Graph,
    sources: Source | Iterable[Source],
    batch_size: int,
    threads: int | None,
    metrics: Metrics | None = None,
) -> Iterator[Page]:
    """See `Pipeline.run`."""
    rows = page_rows(documents(sources))
    first = next(rows, None)
    if first is None:
        return iter(())
    taken = chain([graph.read_input(first)], map(graph.read_input, rows))
    batches = finished(graph, taken, batch_size, threads or usable_cpus(), metrics or Metrics())
    roles = graph.roles
    return (Page(row, roles) for batch in batches for row in batch)


def finished(
    graph: Graph, rows: Iterable[Row], batch_size: int, threads: int, metrics: Metrics
) -> Generator[list[Row], None, None]:
    """Runs page rows through the pipeline, a few at a time and in order, as results are asked for.

    The models are loaded before it returns.

    On CPUs, as many pages are read at once as there are threads, with one thread each: networks, decoding and word
    search of different pages overlap, and none of them has to be split. A single page gets all threads.

    Args:
        graph: The pipeline.
        rows: Page rows.
        batch_size: Pages whose lines are read together, on a GPU or with one thread.
        threads: CPU threads.
        metrics: Where counts and seconds are added.
    """
    rows = iter(rows)
    first = list(islice(rows, threads))
    at_once = 1 if _on_gpu(graph) else max(1, len(first))
    own = Metrics()
    process = processor(graph, threads // at_once, own)

    def work(batch: tuple[Row, ...]) -> tuple[list[Row], dict[str, float]]:
        return process(list(batch)), own.drain()

    def counted(done: Iterable[tuple[list[Row], dict[str, float]]]) -> Generator[list[Row], None, None]:
        for batch, sums in done:
            for name, value in sums.items():
                metrics.add(name, value)
            yield batch

    return counted(_in_order(work, batched(chain(first, rows), batch_size if at_once == 1 else 1), at_once))


def _on_gpu(graph: Graph) -> bool:
    return any(stage.use_gpu is not False for stage in graph.model_stages) and gpu_available()


def processor(graph: Graph, threads: int, metrics: Metrics) -> Callable[[list[Row]], list[Row]]:
    """The whole pipeline, set up in this process: page rows in, finished rows out."""
    runners = [Runner(operator, threads, metrics) for operator in graph.operators]

    def process(rows: list[Row]) -> list[Row]:
        for runner in runners:
            rows = runner(rows)
        return rows

    return process


def _in_order(function: Callable[[T], R], items: Iterable[T], at_once: int) -> Generator[R, None, None]:
    """A function's results for items, computed in threads and yielded in order."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > AHEAD * at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # The caller stopped early, or an error ends the job.
            for future in waiting:
                future.cancel()
