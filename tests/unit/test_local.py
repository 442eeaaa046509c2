"""The local engine: several pages at once, in order, and no more of them than it needs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest

import raypipe as rp
from raypipe.errors import ConfigError
from raypipe.job.engine import choose
from raypipe.run.threads import AHEAD, GIVEN_UP, Limit, in_order


def test_threads_work_at_once() -> None:
    meeting = threading.Barrier(3, timeout=20)
    assert len(list(in_order(lambda _: meeting.wait(), range(6), 3))) == 6


def test_no_more_is_begun_than_somebody_asks_for() -> None:
    begun = []

    def items() -> Iterator[int]:
        for n in range(100):
            begun.append(n)
            yield n

    results = in_order(lambda n: n, items(), 2)
    assert [next(results), next(results)] == [0, 1]
    results.close()
    assert len(begun) <= 2 + 2 * AHEAD


def test_an_error_reaches_who_asks() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda n: 1 // n, [1, 0, 1], 2))


def test_calls_that_hang_are_given_up_and_their_threads_replaced() -> None:
    hang, others = threading.Event(), threading.enumerate()  # Other tests leave calls that hang, too.

    def work(item: str) -> str:
        if item == "hang":
            hang.wait(20)
        return item

    limit = Limit[str, str](0.1, lambda item: f"no {item}")
    items = ["hang", "a", "hang", "hang", "hang", "b", "c", "d"]
    found = list(in_order(work, items, 2, limit))
    assert found == ["no hang" if item == "hang" else item for item in items]
    given_up = [each for each in threading.enumerate() if each.name == GIVEN_UP and each not in others]
    assert len(given_up) == 4
    hang.set()
    for thread in given_up:
        thread.join(20)
    assert not any(thread.is_alive() for thread in given_up)


def test_a_timeout_of_a_call_is_its_own() -> None:
    def work(item: str) -> str:
        raise TimeoutError("of the server")

    with pytest.raises(TimeoutError, match="of the server"):
        list(in_order(work, ["a"], 1, Limit[str, str](20, lambda item: "given up")))


@pytest.fixture
def heeds_interrupts() -> Iterator[None]:
    """Not all processes do: what a shell runs in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_waits_for_calls_in_progress(heeds_interrupts: None) -> None:
    ended = threading.Event()

    def work(item: str) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        ended.set()
        return item

    with pytest.raises(KeyboardInterrupt):
        list(in_order(work, ["a"], 1))
    assert ended.is_set()


def test_one_who_stops_early_does_not_wait_for_a_call_that_hangs() -> None:
    hang, ended = threading.Event(), list[str]()

    def call(item: str) -> bool:
        if item != "a":
            hang.wait(60)
            ended.append(item)
        return True

    results = in_order(call, "abcdef", 2, Limit[str, bool](0.2, lambda item: False))
    assert next(results)
    results.close()
    assert not ended
    hang.set()


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
    assert choose(rp.standard().graph, listing(pages), False, address, threads, cpus).name == engine


def test_after_a_run_that_ended_at_once_a_job_goes_on_on_ray() -> None:
    """A page that breaks its process ended one run after the other."""
    assert choose(rp.standard().graph, listing(1), cpus=2, broke_off=True).name == "ray"
    assert choose(rp.standard().graph, listing(1), threads=1, cpus=2, broke_off=True).name == "local"


def listing(count: int, name: str = "a.png", size: int = 1) -> pa.Table:
    return pa.table({"path": [name] * count, "size": [size] * count})


def test_long_documents_count_by_their_size() -> None:
    assert choose(rp.standard().graph, listing(1, "a.pdf", 100_000), cpus=64).name == "local"
    assert choose(rp.standard().graph, listing(1, "a.pdf", 1_000_000_000), cpus=64).name == "ray"


def test_pools_are_rays() -> None:
    pipeline = rp.Pipeline([rp.BinaryToImage(), rp.ImageTextDetector(pool=rp.Pool(size=1))])
    assert choose(pipeline.graph, listing(1), cpus=2).name == "ray"


@pytest.mark.parametrize(("pool", "address", "why"), [(None, "auto", "cluster at auto"), (rp.Pool(), None, "pools")])
def test_threads_that_ray_would_not_use_are_refused(pool: rp.Pool | None, address: str | None, why: str) -> None:
    graph = rp.Pipeline([rp.BinaryToImage(pool=pool)]).graph
    with pytest.raises(ConfigError, match=f"--threads has no effect: the pages are read on Ray, .*{why}"):
        choose(graph, listing(1), address=address, threads=2)


def test_no_thread_outlives_the_results() -> None:
    class Slow(list[int]):  # Python aborts if it ends while such native code runs in a thread.
        def __del__(self) -> None:
            time.sleep(0.3)

    before = set(threading.enumerate())
    for _ in in_order(Slow, [[1], [2]], 1):
        pass
    assert set(threading.enumerate()) <= before
