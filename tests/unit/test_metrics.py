from __future__ import annotations

import time

import pytest

from raypipe.metrics import Metrics, files_run


def test_sums_add_up_and_drain_once() -> None:
    metrics = Metrics()
    metrics.add("pages_total")
    metrics.add("pages_total", 2)
    metrics.add("lines_total", 0)
    assert metrics.drain() == {"pages_total": 3, "lines_total": 0}
    assert metrics.drain() == {}


def test_timed_blocks_add_up_even_if_they_fail() -> None:
    metrics = Metrics()
    with metrics.timed("run_seconds"):
        time.sleep(0.02)
    with pytest.raises(ValueError, match="oops"), metrics.timed("run_seconds"):
        time.sleep(0.02)
        raise ValueError("oops")
    assert 0.04 <= metrics.drain()["run_seconds"] < 2


def test_the_files_that_ran_are_known_by_their_seconds() -> None:
    sums = {"session_seconds": 5.0, "session_a_reader_seconds": 3.0, "session_finder_seconds": 2.0, "lines_total": 7}
    assert files_run(sums) == {"a_reader": 3.0, "finder": 2.0}
