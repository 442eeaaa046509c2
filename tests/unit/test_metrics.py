from __future__ import annotations

import time

import pytest

from raypipe.metrics import Metrics


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
