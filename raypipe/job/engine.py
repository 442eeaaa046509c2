"""Where a job runs if its user does not say: in one process, or on Ray."""

from __future__ import annotations

from typing import NamedTuple

from raypipe.job.plan import Job
from raypipe.machine import usable_cpus

PAGE_SECONDS = 0.65
"""CPU seconds that a page takes with the default models; see `benchmarks/throughput.py`."""
ALONE_SECONDS = 0.06
"""The part of `PAGE_SECONDS` in which Python's lock keeps other threads of the process from computing."""
RAY_SECONDS = 8.0
"""How much later than one process Ray begins the first page; see `benchmarks/startup.py`."""
RAY_GAIN = 1.05
"""Throughput of Ray relative to one process on the same CPUs, where the lock does not matter."""


class Engine(NamedTuple):
    """`local` or `ray`, and why."""

    name: str
    reason: str


def choose(job: Job, address: str | None, threads: int | None, cpus: int | None = None) -> Engine:
    """Ray if a cluster or pools are asked for, else whichever finishes the job sooner on this machine.

    Args:
        job: The job.
        address: The cluster to join.
        threads: CPU threads that one process is to use.
        cpus: CPUs of this machine; None: as detected.
    """
    if address:
        return Engine("ray", f"on the cluster at {address}")
    if any(operator.pool for operator in job.pipeline.graph.operators):
        return Engine("ray", "because stages have pools")
    if threads:
        return Engine("local", f"with {threads} threads")
    pages, cpus = len(job.todo), cpus or usable_cpus()
    local = pages * max(PAGE_SECONDS / cpus * RAY_GAIN, ALONE_SECONDS)
    ray = pages * PAGE_SECONDS / cpus + RAY_SECONDS
    # Without the seconds: a page takes two to three times as long on one CPU as on another.
    if local <= ray:
        return Engine("local", f"sooner done with {pages} pages than Ray, which has to start first")
    return Engine("ray", f"sooner done with {pages} pages than one process, its start included")
