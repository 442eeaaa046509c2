"""What a job needs of Ray besides the adapter: a cluster, documents opened and rows written there, and errors."""

from __future__ import annotations

import _thread
import ctypes
import gc
import logging
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import ray
from ray.data import DataContext, Dataset, TaskPoolStrategy

from raypipe.errors import RaypipeError
from raypipe.images.passwords import carried
from raypipe.machine import usable_cpus
from raypipe.run.batch import transform
from raypipe.run.causes import cause
from raypipe.run.cluster import check_credentials, join, start
from raypipe.run.opening import AT_ONCE, TOGETHER, page_rows
from raypipe.run.pools import READ_AND_WRITE_CPUS, writers
from raypipe.run.presence import Presence
from raypipe.run.tally import start_tally

if TYPE_CHECKING:
    from raypipe.graph import Graph

OPENINGS = TOGETHER // AT_ONCE
"""How many times the time of one document those may take that are opened together."""
DOCUMENTS_PER_TASK = 1000
"""Documents whose pages are counted in one task."""
TASK_CPUS = 0.25
"""Logical CPUs of tasks that hardly compute."""
BLOCKS_PER_ACTOR = 32
SMALLEST_BLOCK, LARGEST_BLOCK, ACTORS_PER_ROW = 8, 64, 4
"""What an actor has read of a block is lost with it, so that blocks have few rows. Yet the driver handles only several
hundred blocks a second, whatever is in them: the more actors read, the more rows a block may have."""
WATCH_SECONDS = 0.5
AGAIN = "Start Ray again unless the command does; the same command then reads the rest."
END_SECONDS = 5
"""How long a job may take to end without Ray until the reason is said at once: Ray itself soon ends its process."""
WRITTEN = pa.schema([("rows", pa.int64()), ("unwritten", pa.list_(pa.string()))])
LOG_LEVEL, THRESHOLD, FATAL = "RAY_BACKEND_LOG_LEVEL", "_ZN3ray6RayLog19severity_threshold_E", 3
"""The variable with the level of the logs of Ray's core, and in its library the symbol and the highest level."""
WRITE_TRIES = 4
BROKE = f"the process that wrote it died {WRITE_TRIES} times, by a fault or for lack of memory"
NO_PROGRESS_SECONDS = 900
"""A job that finishes nothing for this long is stuck, and stops with an error, unless a page may take longer."""


def connect(address: str | None) -> None:
    """Joins a cluster, or starts one on this machine if there is no address and this process is on none.

    Our own cluster gets one logical CPU more than the machine has, for reading and writing, which hardly compute.

    Raises:
        ConfigError: There is no such cluster, or this process is on another one.
        RaypipeError: Ray does not start.
    """
    if address:
        join(address, log_to_driver=False)
    elif ray.is_initialized():
        check_credentials()
    else:
        start(usable_cpus() + int(READ_AND_WRITE_CPUS), log_to_driver=False)
    _quiet_core()


def read(
    graph: Graph,
    documents: pa.Table,
    write: Callable[[pa.Table], list[str]],
    batch_size: int,
    rows_per_file: int,
    watch: Callable[[dict[str, float]], None],
    page_seconds: float | None = None,
) -> tuple[int, list[str], dict[str, float]]:
    """Reads documents and writes their rows, all on the cluster.

    Args:
        documents: Their `path`, `name` and `done`, the numbers of pages that are not to be read.
        write: Writes finished rows, and returns the files that it could not write.
        rows_per_file: Rows that are written together.
        watch: Called twice a second with the tally's sums.
        page_seconds: Seconds after which a page, or opening a document, fails; None: never.

    Returns:
        How many rows were written, the files that could not be, and the tally's sums.

    Raises:
        RaypipeError: An actor cannot go on, or Ray ended the job.
    """
    _quiet(page_seconds and page_seconds * (batch_size + OPENINGS))
    gc.collect()  # A failed dataset may still hold CPUs, since its errors form reference cycles.
    tally = start_tally()
    opened = _opened(documents, carried(partial(page_rows, tally=tally, page_seconds=page_seconds)), batch_size)
    finished = transform(graph, opened, batch_size, tally, page_seconds=page_seconds)
    resources = ray.cluster_resources()
    at_once = writers(graph, resources.get("CPU", 0), resources.get("GPU", 0))
    summed = _written(finished, carried(partial(_write, write=write)), rows_per_file, at_once)
    rows, unwritten, report = 0, list[str](), None
    try:
        with _watched(lambda: watch(ray.get(tally.sums.remote()))), closing(iter(summed.iter_rows())) as found:
            for written in found:
                rows += written["rows"]
                unwritten += written["unwritten"]
    except ray.exceptions.RayError as error:
        report = str(error)
    if report is not None:  # Raised out here, it does not keep Ray's error, whose frames hold the blocks.
        raise _stopped(report)
    sums: dict[str, float] = ray.get(tally.sums.remote())
    watch(sums)
    return rows, unwritten, sums


def _opened(documents: pa.Table, rows_of: Callable[[pa.Table], pa.Table], batch_size: int) -> Dataset:
    """The pages of documents, in blocks that are as large as the job allows."""
    slices = [documents.slice(n, DOCUMENTS_PER_TASK) for n in range(0, len(documents), DOCUMENTS_PER_TASK)]
    pages = ray.data.from_arrow(slices).map_batches(
        rows_of, batch_size=None, batch_format="pyarrow", num_cpus=TASK_CPUS
    )
    return pages.repartition(target_num_rows_per_block=_rows_per_block(len(documents), batch_size))


def _written(finished: Dataset, write: Callable[[pa.Table], pa.Table], rows_per_file: int, at_once: int) -> Dataset:
    """The number of rows written to each file, `at_once` files at a time, and the files that could not be written."""
    return finished.map_batches(
        write,
        batch_size=rows_per_file,
        batch_format="pyarrow",
        num_cpus=writing_cpus(ray.nodes()),
        compute=TaskPoolStrategy(at_once),
    )


class Divisible(Protocol):
    """A function whose work can be divided, if what it works on breaks its process."""

    @property
    def what(self) -> str:
        """What it works on."""

    @property
    def parts(self) -> Callable[[], Sequence[Any]]:
        """Gives functions that do the same piece by piece; none if there is one piece."""

    def __call__(self) -> list[str]:
        """Returns what it could not do."""


def convert(tasks: Iterable[Divisible], on_ended: Callable[[int], None]) -> list[str]:
    """Calls functions on the cluster, reports how many have ended, and returns all that they could not do.

    One whose process dies again and again is divided, until it is known which part breaks it.

    Raises:
        RaypipeError: One of them raised an error, or Ray ended it.
    """
    call, found = ray.remote(lambda task: task()).options(num_cpus=1, max_retries=WRITE_TRIES - 1), list[str]()

    def begun(some: Iterable[Divisible]) -> dict[Any, Divisible]:
        return {call.remote(carried(task)): task for task in some}

    running = begun(tasks)
    count = len(running)
    try:
        with _watched():
            while running:
                (ended,), _ = ray.wait([*running])
                task = running.pop(ended)
                try:
                    found += ray.get(ended)
                except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError):
                    running |= (parts := begun(task.parts()))
                    found += [] if parts else [f"{task.what}: {BROKE}"]
                on_ended(max(0, count - len(running)))
        return found
    except ray.exceptions.RayError as error:
        raise _stopped(str(error)) from error


def _write(table: pa.Table, write: Callable[[pa.Table], list[str]]) -> pa.Table:
    return pa.table({"rows": [len(table)], "unwritten": [write(table)]}, schema=WRITTEN)


def writing_cpus(nodes: Iterable[dict[str, Any]]) -> float:
    """Logical CPUs of a task that writes, given what `ray.nodes` says.

    None where all nodes have CPUs: the tasks that cut blocks hold the CPU that actors leave, and rows that are finished
    would wait for them. Otherwise a node without CPUs, on which nothing is to run, could get the task.
    """
    return 0 if all(node["Resources"].get("CPU") for node in nodes if node["Alive"]) else TASK_CPUS


def _rows_per_block(documents: int, batch_size: int) -> int:
    """Few rows if there are few documents, so that no actor is left with many at the end; otherwise more."""
    actors = max(1, int(ray.cluster_resources().get("CPU", 1)))
    most = min(max(actors // ACTORS_PER_ROW, SMALLEST_BLOCK), LARGEST_BLOCK)
    rows = min(documents // (actors * BLOCKS_PER_ACTOR), most)
    return max(rows // batch_size, 1) * batch_size


@contextmanager
def _watched(watch: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Calls `watch`, and looks whether Ray is there, twice a second during a block.

    An error that `watch` raises ends the block, as SIGTERM would, and is raised; so does the loss of Ray, which is a
    SystemExit if it has been said.

    The main thread must have a handler of SIGTERM that raises a KeyboardInterrupt.
    """
    finished, errors = threading.Event(), list[BaseException]()

    def look() -> None:
        while not finished.wait(WATCH_SECONDS):
            try:
                if lost := presence.lost():
                    raise RaypipeError(lost, AGAIN)
                watch()
            except ray.exceptions.RayError:
                continue
            except BaseException as error:  # Raised below, in the main thread.
                errors.append(error)
                _thread.interrupt_main(signal.SIGTERM)  # A shell has its background jobs ignore SIGINT.
                if lost and not finished.wait(END_SECONDS):  # The main thread may wait for Ray forever.
                    logging.getLogger(__name__).error("%s", error)
                    said.set()
                return

    presence, said, watcher = Presence(), threading.Event(), threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    except KeyboardInterrupt:
        if said.is_set():
            raise SystemExit(RaypipeError.exit_status) from None
        if errors:
            raise errors[0] from None
        raise
    finally:
        finished.set()
        watcher.join()
        presence.close()


def _stopped(report: str) -> RaypipeError:
    """What stopped a job, from Ray's report."""
    remedy = "Ray's logs have its traceback. Once that is fixed, the same command resumes where it stopped."
    return cause(report, "The Ray job stopped", remedy)


def _quiet_core() -> None:
    """Lets Ray's core in this process print fatal errors only, unless the environment says otherwise.

    It prints as an error that arguments of actors are in the object store, where they belong. The variable would also
    silence the logs of all of Ray's processes, and print a line that it is set.
    """
    if LOG_LEVEL in os.environ:
        return
    with suppress(OSError, ValueError):  # Not every system shows the symbol.
        ctypes.c_int.in_dll(ctypes.CDLL(ray._raylet.__file__), THRESHOLD).value = FATAL


def _quiet(longest: float | None) -> None:
    """Leaves the terminal to our own progress; pages that hang are given up after `longest` seconds at most."""
    log = logging.getLogger("ray.data")
    log.setLevel(logging.ERROR)
    for handler in log.handlers:
        # Its file keeps the errors, of which ours says the cause. Handlers of the program are left alone.
        if isinstance(handler, logging.StreamHandler) and type(handler).__module__.startswith("ray."):
            handler.setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=UserWarning, module="ray.data")
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = max(NO_PROGRESS_SECONDS, longest or 0)
    # Otherwise each actor would scan its memory every second for a figure that is not shown.
    context.memory_usage_poll_interval_s = None
