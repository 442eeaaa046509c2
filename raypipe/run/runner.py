"""The steps of an operator, set up in one process: what every adapter runs on rows."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2

from raypipe.errors import Code, Failure
from raypipe.graph import Operator
from raypipe.metrics import Metrics
from raypipe.plurals import counted
from raypipe.stages.base import Step, Worker
from raypipe.types import Row

OPENING = "Opening"
"""The stage that fails if a document hangs or kills its process before its pages are known."""


class Runner:
    """The workers of an operator, set up in this process."""

    def __init__(self, operator: Operator, threads: int, metrics: Metrics) -> None:
        # OpenCV would start one thread per core, whatever the actor's share.
        cv2.setNumThreads(threads)
        self._workers = [(step, step.worker(step.stage, threads, metrics)) for step in operator.steps]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda each: each[1].setup(), self._workers))

    def warm_up(self) -> None:
        """Makes the next page take no longer than later ones.

        Raises:
            Exception: A model does not run here.
        """
        for _, worker in self._workers:
            worker.warm_up()
            worker.metrics.drain()

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Runs the steps on page rows, in place, keeping their number and order.

        Rows with an exception pass through; the columns that a step would have written are empty. The seconds are
        divided equally among the others.
        """
        begun, start = [row for row in rows if row.get("exception") is None], time.perf_counter()
        for step, worker in self._workers:
            carry_out(step, worker, rows)
        seconds = time.perf_counter() - start
        for row in begun:
            row["reading_seconds"] = (row.get("reading_seconds") or 0) + seconds / len(begun)
        return rows


def carry_out(step: Step, worker: Worker[Any], rows: list[Row]) -> None:
    """Runs one step on page rows; see `Runner`."""
    for row in rows:
        row.setdefault("exception", None)
        row.update({name: column.empty() for name, column in step.writes.items()})
    with worker.metrics.timed(f"{type(worker).__name__}_seconds"):
        worker.process([row for row in rows if row["exception"] is None])
    for row in rows:
        for name in step.drops:
            row.pop(name, None)


def timed_out(stage: str, what: str, seconds: float) -> str:
    """The exception of a page that took too long, or of a document that took too long to open."""
    message = (
        f"{what} was not finished within {counted(seconds, 'second')} and was given up. "
        "Look at the picture; give pages more time if it looks sound."
    )
    return str(Failure(stage, Code.PAGE_TIMEOUT, message))


def failed(document: Row, failure: str) -> Row:
    """The one page of a document whose pages cannot be counted."""
    return {**document, "pagenum": 0, "total_pages": 1, "exception": failure}
