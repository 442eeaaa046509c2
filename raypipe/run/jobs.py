"""What a job needs of Ray besides the adapter: a cluster, Parquet files, progress, and errors in our words."""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import ray
from ray.data import DataContext

from raypipe import errors
from raypipe.errors import RaypipeError
from raypipe.machine import usable_cpus
from raypipe.metrics import Progress
from raypipe.run.batch import read, transform
from raypipe.run.cluster import join, start
from raypipe.run.pools import READ_AND_WRITE_CPUS
from raypipe.run.tally import start_tally
from raypipe.types import Row

if TYPE_CHECKING:
    from raypipe.graph import Graph

NO_PROGRESS_SECONDS = 900
"""A job that finishes nothing for this long is stuck, and stops with an error."""


def connect(address: str | None) -> None:
    """Joins a cluster, or starts one on this machine if there is no address.

    Our own cluster gets one logical CPU more than the machine has, for reading and writing, which hardly compute.
    """
    if ray.is_initialized():
        return
    if address:
        join(address, log_to_driver=False)
        return
    # Ray's core logs as an error that arguments of actors are in the object store, where they belong.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    start(usable_cpus() + int(READ_AND_WRITE_CPUS), log_to_driver=False)


def write(
    graph: Graph, todo: Iterable[Row], results: Path, batch_size: int, rows_per_file: int, progress: Progress
) -> dict[str, float]:
    """Processes page rows and writes them as Parquet files, reporting progress twice a second.

    Returns:
        The tally's sums.
    """
    _quiet()
    tally = start_tally()
    dataset = transform(graph, read(todo, batch_size), batch_size, tally)
    last = len(graph.operators) - 1
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(0.5):
            sums = ray.get(tally.sums.remote())
            progress(int(sums.get(f"finished_{last}", 0)), int(sums.get(f"failed_{last}", 0)))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        dataset.write_parquet(
            str(results), compression="zstd", min_rows_per_file=rows_per_file, ray_remote_args={"num_cpus": 0.25}
        )
    except ray.exceptions.RayError as error:
        raise cause(str(error)) from error
    finally:
        finished.set()
        watcher.join()
    sums: dict[str, float] = ray.get(tally.sums.remote())
    progress(int(sums.get(f"finished_{last}", 0)), int(sums.get(f"failed_{last}", 0)))
    return sums


def cause(report: str) -> RaypipeError:
    """What stopped a job: the error that an actor raised, taken from Ray's report, which ends with hints of its own."""
    # Ray's exception has the words only: its `cause` is a UserCodeException without the error that was wrapped in it,
    # and where an actor does not start there is none.
    raised = re.findall(r"^(?:\w+\.)*(?!UserCodeException)(\w+(?:Error|Exception)): (.+)$", report, re.MULTILINE)
    name, words = raised[-1] if raised else ("RayError", " ".join(report.split())[:200])
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, RaypipeError):
        return kind(words)
    remedy = "Once that is fixed, the same command resumes where it stopped."
    return RaypipeError(f"The Ray job stopped: {name}: {words}", remedy)


def _quiet() -> None:
    """Leaves the terminal to our own progress; errors still come as exceptions."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=UserWarning, module="ray.data")
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = NO_PROGRESS_SECONDS
    # Every second, every actor would walk through all its memory for a figure that nobody sees.
    context.memory_usage_poll_interval_s = None
