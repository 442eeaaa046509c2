"""Where the pages of a job are read: in this process, or on Ray."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from raypipe.errors import ConfigError
from raypipe.graph import Graph
from raypipe.images.kinds import paged_suffixes
from raypipe.job.progress import Progress
from raypipe.job.writer import Task
from raypipe.machine import usable_cpus
from raypipe.plurals import counted

PAGE_SECONDS = 0.65
"""CPU seconds that a page takes with the default models; see `benchmarks/throughput.py`."""
ALONE_SECONDS = 0.06
"""The part of `PAGE_SECONDS` in which Python's lock keeps other threads of the process from computing."""
RAY_SECONDS = 8.0
"""How much later Ray begins the first page than one process does; see `benchmarks/startup.py`."""
RAY_START_SECONDS = 4.0
"""The part of `RAY_SECONDS` in which Ray itself starts: a cluster on which it runs already does not take it."""
RAY_GAIN = 1.05
"""Throughput of Ray relative to one process on the same CPUs, where the lock does not matter."""
PAGE_BYTES = 200_000
"""Bytes per page of a document with several pages."""
BROKE_OFF = "the latest run here ended at once, in the middle"
"""As a page that breaks the process does."""


class EngineResult(NamedTuple):
    """What an engine did with the documents of a shard.

    Attributes:
        pages: Rows that it wrote.
        unwritten: Files of documents that it could not write, and why.
        seconds: From the start of the first page to the end of the last.
    """

    pages: int
    unwritten: list[str]
    seconds: float
    sums: dict[str, float]


class Engine(Protocol):
    """Reads documents."""

    name: str

    def read(self, number: int, documents: pa.Table, progress: Progress) -> EngineResult:
        """Reads documents (`path`, `name` and `done`, the pages that have a row) and writes their rows and files."""

    def write(self, tasks: Sequence[Task], on_ended: Callable[[int], None] = lambda count: None) -> list[str]:
        """Calls functions that write files, and `on_ended` with how many ended; returns what all could not write."""


class Choice(NamedTuple):
    """`local` or `ray`, and why."""

    name: str
    reason: str


def choose(
    graph: Graph,
    documents: pa.Table,
    more: bool = False,
    address: str | None = None,
    threads: int | None = None,
    cpus: int | None = None,
    broke_off: bool = False,
) -> Choice:
    """Ray if a cluster or pools are asked for, else whichever finishes the job sooner on this machine.

    Ray, too, if the latest run `broke_off`: a page that ends its process would do so again and again.

    Args:
        documents: The first documents, with `path` and `size`.
        more: Whether more documents follow.
        cpus: CPUs of this machine; None: as detected.

    Raises:
        ConfigError: Threads are given, which Ray does not use, although a cluster or pools are asked for.
    """
    has_pools = any(operator.pool for operator in graph.operators)
    if address or has_pools:
        reason = f"on the cluster at {address}" if address else "because stages have pools"
        if threads:
            remedy = "Leave --threads out, or choose --engine local."
            raise ConfigError(f"--threads has no effect: the pages are read on Ray, {reason}.", remedy)
        return Choice("ray", reason)
    if threads:
        return Choice("local", f"with {counted(threads, 'thread')}")
    if broke_off:
        return Choice("ray", f"{BROKE_OFF}; on Ray, a page that breaks its process becomes a row")
    pages, cpus = likely_pages(documents), cpus or usable_cpus()
    local = pages * max(PAGE_SECONDS / cpus * RAY_GAIN, ALONE_SECONDS)
    ray = pages * PAGE_SECONDS / cpus + RAY_SECONDS
    what = f"{len(documents):,} and more documents" if more else counted(len(documents), "document")
    # Without the seconds: a page takes two to three times as long on one CPU as on another.
    if local <= ray and not more:
        return Choice("local", f"with {what} it finishes sooner than Ray, which has to start first")
    return Choice("ray", f"with {what} it finishes sooner than one process, even though it has to start first")


def likely_pages(documents: pa.Table) -> int:
    """About how many pages documents have, judged by `path` and `size`, before any is opened."""
    suffixes = "|".join(suffix.removeprefix(".") for suffix in paged_suffixes())
    paged = documents.filter(pc.match_substring_regex(documents["path"], rf"\.({suffixes})(\?.*)?$", ignore_case=True))
    known = pc.sum(pc.divide(pc.max_element_wise(paged["size"], 0), PAGE_BYTES)).as_py()
    return len(documents) + (known or 0)
