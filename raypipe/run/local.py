"""A pipeline in one process: no Ray, no cluster, a few pages in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeAlias

from raypipe.compat import batched
from raypipe.graph import Graph
from raypipe.inputs.pages import Source, documents, page_rows, pages
from raypipe.keys import public
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.outputs.page import Page
from raypipe.run.runner import OPENING, Runner, failed, timed_out
from raypipe.run.threads import Limit, in_order
from raypipe.types import Row

OPENED_AT_ONCE = 4
"""Documents that are opened at the same time: a bucket answers after tens of milliseconds."""
Done: TypeAlias = tuple[list[Row], dict[str, float]]
"""Finished rows, and the sums of what was done to them."""


def run(
    graph: Graph,
    sources: Source | Iterable[Source],
    batch_size: int,
    threads: int | None,
    metrics: Metrics | None = None,
    page_seconds: float | None = None,
) -> Iterator[Page]:
    """See `Pipeline.run`."""
    rows = page_rows(documents(sources, graph.where), graph.where)
    first = next(rows, None)
    if first is None:
        return iter(())
    taken = chain([graph.read_input(first)], map(graph.read_input, rows))
    cpus, sums = threads or usable_cpus(), metrics or Metrics()
    batches = finished(graph, taken, batch_size, cpus, sums, page_seconds=page_seconds)
    roles = graph.roles
    return (Page({**row, "path": public(row["path"])}, roles) for batch in batches for row in batch)


def finished(
    graph: Graph,
    rows: Iterable[Row],
    batch_size: int,
    threads: int,
    metrics: Metrics,
    *,
    page_seconds: float | None = None,
) -> Generator[list[Row], None, None]:
    """Runs page rows through the pipeline, a few at a time and in order, as results are asked for.

    The models are loaded before it returns.

    As many pages are read at once as there are threads, with one thread each: networks, decoding and word search of
    different pages overlap, and none of them has to be split. On a GPU, the sessions form batches from the threads'
    inputs. A single page gets all threads.

    Args:
        batch_size: Pages whose lines are read together with one thread.
        page_seconds: Seconds after which a page fails and the job goes on; None: never. Its thread cannot be ended and
            goes on too; code that never releases Python's lock stops the process.
    """
    rows = iter(rows)
    first = list(islice(rows, threads))
    at_once = max(1, len(first))
    own, operators = Metrics(), "+".join(operator.name for operator in graph.operators)
    process = processor(graph, threads // at_once, own)

    def work(batch: Sequence[Row]) -> Done:  # On copies: a thread that hangs may go on some day.
        return process([dict(row) for row in batch]), own.drain()

    def instead(batch: Sequence[Row]) -> Done:
        if len(batch) > 1:
            alone = _counted(in_order(work, [[row] for row in batch], 1, limit), metrics)
            return [row for rows in alone for row in rows], {}
        (row,) = batch
        failure = timed_out(operators, f"{row['path']}, page {row['pagenum'] + 1},", page_seconds or 0)
        return work([{**row, "exception": failure}])

    limit = None if page_seconds is None else Limit[Sequence[Row], Done](page_seconds, instead)
    batches = batched(chain(first, rows), batch_size if at_once == 1 else 1)
    return _counted(in_order(work, batches, at_once, limit), metrics)


def numbered(documents: Sequence[Row], page_seconds: float | None) -> Generator[list[Row], None, None]:
    """The page rows of each document, in order; a few are opened ahead.

    Args:
        documents: Their `path`, `name` and, if any are known, the numbers of pages that are `done`.
        page_seconds: Seconds after which opening one fails, so that it becomes one failed page; None: never.
    """

    def count(some: Sequence[Row]) -> list[Row]:
        return [page for document in some for page in pages(_undone(document), bool(document.get("done")))]

    def instead(some: Sequence[Row]) -> list[Row]:
        return [failed(_undone(row), timed_out(OPENING, row["path"], page_seconds or 0)) for row in some]

    limit = None if page_seconds is None else Limit[Sequence[Row], list[Row]](page_seconds, instead)
    return in_order(count, ([document] for document in documents), OPENED_AT_ONCE, limit)


def _undone(document: Row) -> Row:
    return {name: value for name, value in document.items() if name != "done"}


def _counted(done: Iterable[Done], metrics: Metrics) -> Generator[list[Row], None, None]:
    for batch, sums in done:
        for name, value in sums.items():
            metrics.add(name, value)
        yield batch


def processor(graph: Graph, threads: int, metrics: Metrics) -> Callable[[list[Row]], list[Row]]:
    """The whole pipeline, set up in this process: page rows in, finished rows out."""
    runners = [Runner(operator, threads, metrics) for operator in graph.operators]

    def process(rows: list[Row]) -> list[Row]:
        for runner in runners:
            rows = runner(rows)
        return rows

    return process
