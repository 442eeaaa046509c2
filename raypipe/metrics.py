"""Counters and timings, as plain sums that an adapter can add up and export."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

SECONDS, TOTAL = "_seconds", "_total"
"""The ends of the names of sums: of seconds, of counts."""

READ, FAILED, FOUND = "raypipe_pages", "raypipe_page_failures", "raypipe_found"
STEPS = "raypipe_stage_seconds"
"""What servers and the actors of batch jobs both export to Prometheus."""

SESSION = "session_"
"""The beginning of the name of the seconds that a model ran; its file follows."""
AS_HALF = " in fp16"
"""What follows the name of a float32 file that computes in float16."""


@dataclass(frozen=True)
class Visit:
    """What a page cost at one operator of a server.

    Attributes:
        queue_seconds: How long the page waited for it.
        batch_pages: Pages that were read together.
        seconds: The page's share of each step's seconds.
        counts: The page's share of each count.
    """

    operator: str
    queue_seconds: float
    batch_pages: int
    seconds: dict[str, float]
    counts: dict[str, float]

    @classmethod
    def of(cls, operator: str, queue_seconds: float, batch_pages: int, sums: dict[str, float]) -> Visit:
        """A visit from the sums that `Metrics` drained for the whole batch."""
        shares = {name: value / batch_pages for name, value in sums.items()}
        seconds, counts = (
            {name.removesuffix(end): value for name, value in shares.items() if name.endswith(end)}
            for end in (SECONDS, TOTAL)
        )
        return cls(operator, queue_seconds, batch_pages, seconds, counts)


def files_run(sums: Mapping[str, float]) -> dict[str, float]:
    """The model files that ran, without suffix but with `AS_HALF` where it applies, and their seconds."""
    names = {name: name.removeprefix(SESSION).removesuffix(SECONDS) for name in sums}
    return {file: sums[name] for name, file in names.items() if name == f"{SESSION}{file}{SECONDS}"}


class Metrics(threading.local):
    """Named sums of each thread. Names end in their unit, `SECONDS` or `TOTAL`.

    A server works on several pages at once, each in a thread: what a thread drains belongs only to its page.
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
        """The sums of this thread since its last call of this method."""
        sums, self._sums = dict(self._sums), defaultdict(float)
        return sums
