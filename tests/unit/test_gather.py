"""Calls of many threads are taken together while the device works, and each gets its own results."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from accelerator import Device, accelerator

from raypipe.engine import session as engine
from raypipe.engine.gather import Gatherer
from raypipe.engine.session import Session
from raypipe.metrics import Metrics


class Slow:
    """A function that doubles; its first batch lasts until `go`, so that others gather."""

    def __init__(self) -> None:
        self.go, self.begun, self.shapes = threading.Event(), threading.Event(), list[Any]()

    def __call__(self, batch: Any, asked: Any) -> list[Any]:
        self.shapes.append(batch.shape)
        self.begun.set()
        assert self.go.wait(20)
        if (batch < 0).any():
            raise ValueError(f"negative: {batch.min()}")
        return [batch * 2, batch.sum(1)]


def waiting(gatherer: Gatherer, count: int) -> None:
    """Returns when so many calls wait for the device."""
    with gatherer._changed:
        assert gatherer._changed.wait_for(lambda: len(gatherer._waiting) == count or _nudge(gatherer), 20)


def _nudge(gatherer: Gatherer) -> bool:
    threading.Timer(0.01, lambda: _notify(gatherer)).start()
    return False


def _notify(gatherer: Gatherer) -> None:
    with gatherer._changed:
        gatherer._changed.notify_all()


def together(slow: Slow, batches: list[Any], most: int = 1000) -> list[Any]:
    """The results of all batches, of which the first is at the device when the others come, in order."""
    gatherer = Gatherer(slow, most, at_once=1)

    def call(batch: Any) -> Any:
        try:
            return gatherer.call(batch)
        except ValueError as error:
            return error

    with ThreadPoolExecutor(len(batches)) as threads:
        calls = [threads.submit(call, batches[0])]
        assert slow.begun.wait(20)
        for number, batch in enumerate(batches[1:], 1):
            calls.append(threads.submit(call, batch))
            waiting(gatherer, number)
        slow.go.set()
        return [each.result(20) for each in calls]


def test_calls_that_wait_are_one_batch_and_each_gets_its_part() -> None:
    slow, batches = Slow(), [np.full((rows, 3), float(rows)) for rows in (1, 2, 3, 1)]
    for batch, (doubled, sums) in zip(batches, together(slow, batches), strict=True):
        assert (doubled == 2 * batch).all() and doubled.shape == batch.shape
        assert (sums == batch.sum(1)).all()
    assert slow.shapes == [(1, 3), (6, 3)]


def test_shapes_are_not_mixed_and_batches_not_too_large() -> None:
    slow = Slow()
    together(slow, [np.zeros((1, width)) for width in (4, 4, 5, 4, 5, 4)], most=8)
    assert slow.shapes == [(1, 4), (2, 4), (1, 5), (1, 5), (1, 4)]


def test_the_fault_of_one_is_not_that_of_the_others() -> None:
    one, other, bad, last = together(Slow(), [np.full((1, 2), value) for value in (1.0, 2.0, -1.0, 3.0)])
    assert [found[0][0, 0] for found in (one, other, last)] == [2, 4, 6]
    assert isinstance(bad, ValueError) and "negative" in str(bad)


def test_many_threads_get_what_they_asked_for() -> None:
    gatherer = Gatherer(lambda batch, asked: [batch + asked], 60)

    def call(n: int) -> bool:
        (found,) = gatherer.call(np.full((n % 3 + 1, n % 4 + 1), float(n)), n % 2)
        return found.shape == (n % 3 + 1, n % 4 + 1) and bool((found == n + n % 2).all())

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(call, range(2000)))


@pytest.mark.parametrize(("first", "gathers"), [("n", True), (1, False)])
def test_a_session_on_a_gpu_gathers_where_its_network_takes_batches(
    first: Any, gathers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = SimpleNamespace(name="x", type="tensor(float)", shape=[first, 3])
    network = SimpleNamespace(
        get_inputs=lambda: [axes], get_outputs=lambda: [axes], run=lambda outputs, feed: [feed["x"] + 1]
    )
    monkeypatch.setattr(engine, "_opened", lambda *_: (network, False))
    device = Device(lambda source, shape: 0.0)
    with accelerator(device):
        session = Session(Path("net.onnx"), None, 1, Metrics())
        assert session.on_gpu and bool(session._gatherer) == gathers
        assert (session.run(np.zeros((1, 3), np.float32))[0] == 1).all()
    assert device.batches == [("net", 1)]
