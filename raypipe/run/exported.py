"""What actors do, as Ray's metrics: each node exports them to Prometheus, with the prefix `ray_`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ray.util.metrics import Counter

from raypipe.errors import Failure
from raypipe.metrics import FAILED, FOUND, READ, SECONDS, STEPS, TOTAL
from raypipe.types import Row


class Exported:
    """The metrics of one operator in one process, with names and tags as a server's; the first counts pages."""

    def __init__(self, operator: str, is_first: bool) -> None:
        self._operator, self._is_first = {"operator": operator}, is_first
        self._pages = _counter(READ, "Pages begun.")
        self._failures = _counter(FAILED, "Pages that failed.", "code")
        self._found = _counter(FOUND, "Regions and lines found.", "what")
        self._steps = _counter(STEPS, "Seconds in a step.", "step")
        self._busy = _counter("raypipe_busy_seconds", "Seconds in which the actor processed pages.")

    def add(self, failed: Sequence[Row], pages: int, seconds: float, sums: Mapping[str, float]) -> None:
        """Adds a batch, with its pages that failed here and the sums of its `Metrics`."""
        if self._is_first:
            self._pages.inc(pages, self._operator)
        if seconds > 0:
            self._busy.inc(seconds, self._operator)
        for row in failed:
            self._failures.inc(1, {**self._operator, "code": Failure.parse(row["exception"]).code})
        for name, value in sums.items():
            if name.endswith(SECONDS) and value > 0:
                self._steps.inc(value, {**self._operator, "step": name.removesuffix(SECONDS)})
            elif name.endswith(TOTAL) and value > 0:
                self._found.inc(value, {**self._operator, "what": name.removesuffix(TOTAL)})


def _counter(name: str, description: str, *tags: str) -> Counter:
    return Counter(name, description, ("operator", *tags))
