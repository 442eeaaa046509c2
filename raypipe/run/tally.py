"""What all actors of a job have done."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import Any, TypeAlias

import ray

Key: TypeAlias = tuple[str, str, int]
"""An actor's id, and the path and number of a page."""


class Tally:
    """Counts a job's pages, in one small actor: for progress, and to find the page that kills actors."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._tries: Counter[Key] = Counter()
        self._begun: float | None = None

    def begin(self, keys: list[Key]) -> list[int]:
        """Notes that a batch of pages is begun, unless one of them was begun before and never finished.

        Returns:
            How often each was begun before. If any was, they must be begun again one by one.
        """
        self._begun = self._begun or time.monotonic()
        tries = [self._tries[key] for key in keys]
        if len(keys) == 1 or not any(tries):
            self._tries.update(keys)
        return tries

    def finish(self, keys: list[Key], sums: dict[str, float]) -> None:
        """Notes that pages are finished, and adds to the job's sums."""
        for key in keys:
            self._tries.pop(key, None)
        for name, value in sums.items():
            self._sums[name] += value
        self._sums["processing_seconds"] = time.monotonic() - (self._begun or 0)

    def sums(self) -> dict[str, float]:
        """The job's sums so far, and `processing_seconds` from the first page's start to the latest end."""
        return dict(self._sums)


def start_tally() -> Any:
    """A new tally's actor. It lives as long as its handle, on a node that Ray chooses."""
    return ray.remote(Tally).options(num_cpus=0, max_restarts=0).remote()
