"""A pipeline in one process: no Ray, no cluster, a few pages in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from raypipe.compat import batched
from raypipe.graph import Graph
from raypipe.inputs.pages import Source, documents, page_rows
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.run.runner import Runner
from raypipe.types import Page, Row


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
    graph.check_input(first, first["path"])
    process = processor(graph, threads or usable_cpus(), metrics or Metrics())
    return _processed(chain([first], rows), graph, process, batch_size)


def _processed(
    rows: Iterator[Row], graph: Graph, process: Callable[[list[Row]], list[Row]], batch_size: int
) -> Iterator[Page]:
    for batch in batched(rows, batch_size):
        for row in batch:
            graph.check_input(row, row["path"])
        yield from map(Page, process(list(batch)))


def processor(graph: Graph, threads: int, metrics: Metrics) -> Callable[[list[Row]], list[Row]]:
    """The whole pipeline, set up in this process: page rows in, finished rows out."""
    runners = [Runner(operator, threads, metrics) for operator in graph.operators]

    def process(rows: list[Row]) -> list[Row]:
        for runner in runners:
            rows = runner(rows)
        return rows

    return process
