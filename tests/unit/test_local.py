"""The local engine: several pages at once, in order, and no more of them than it needs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import raypipe as rp
from raypipe.job.engine import choose
from raypipe.job.folder import OutputFolder
from raypipe.job.plan import Job
from raypipe.run import local


def test_threads_work_at_once() -> None:
    meeting = threading.Barrier(3, timeout=20)
    assert len(list(local._in_order(lambda _: meeting.wait(), range(6), 3))) == 6


def test_no_more_is_begun_than_somebody_asks_for() -> None:
    begun = []

    def items() -> Iterator[int]:
        for n in range(100):
            begun.append(n)
            yield n

    results = local._in_order(lambda n: n, items(), 2)
    assert [next(results), next(results)] == [0, 1]
    results.close()
    assert len(begun) <= 2 + 2 * local.AHEAD


def test_an_error_reaches_who_asks() -> None:
    with pytest.raises(ZeroDivisionError):
        list(local._in_order(lambda n: 1 // n, [1, 0, 1], 2))


@pytest.mark.parametrize(
    ("pages", "address", "threads", "cpus", "engine"),
    [
        (1, None, None, 2, "local"),
        (9, None, None, 2, "local"),
        (100_000, None, None, 2, "ray"),
        (9, None, None, 64, "local"),
        (1000, None, None, 64, "ray"),
        (1, "auto", None, 2, "ray"),
        (100_000, None, 2, 2, "local"),
    ],
)
def test_a_job_runs_where_it_is_done_sooner(
    pages: int, address: str | None, threads: int | None, cpus: int, engine: str
) -> None:
    job = Job(rp.standard(), OutputFolder(Path("out")), [{}] * pages, 0)
    assert choose(job, address, threads, cpus).name == engine


def test_pools_are_rays() -> None:
    pipeline = rp.Pipeline([rp.BinaryToImage(), rp.ImageTextDetector(pool=rp.Pool(size=1))])
    assert choose(Job(pipeline, OutputFolder(Path("out")), [{}], 0), None, None, 2).name == "ray"
