"""Counters and timings, as plain sums that an adapter can add up and export."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]
"""Is told how many pages are finished and how many of them failed."""


class Metrics(threading.local):
    """Named sums of each thread. Names end in their unit: `_total` for counts, `_seconds` for time.

    A server works on several pages at once, each in a thread: what a thread drains belongs to its page alone.
    """

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, value: float = 1) -> None:
        """Adds to a sum."""
        self._sums[name] += value

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds the wall seconds of a block to the sum `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def drain(self) -> dict[str, float]:
        """The sums of this thread since its last call."""
        sums, self._sums = dict(self._sums), defaultdict(float)
        return sums
