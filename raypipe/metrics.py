"""Counters and timings of one process, as plain sums that an adapter can add up and export."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Metrics:
    """Named sums. Names end in their unit: `_total` for counts, `_seconds` for time."""

    def __init__(self) -> None:
        self.sums: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, value: float = 1) -> None:
        """Adds to a sum."""
        self.sums[name] += value

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds the wall seconds of a block to the sum `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def drain(self) -> dict[str, float]:
        """The sums since the last call."""
        sums, self.sums = dict(self.sums), defaultdict(float)
        return sums
