"""Work on rows in a Ray process that one of them may kill or hang: the tally and the watchdog know which it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import ray

from raypipe.errors import Code, Failure
from raypipe.run.runner import timed_out
from raypipe.run.tally import DOCUMENT, Key
from raypipe.run.watchdog import Watchdog
from raypipe.types import Row

T = TypeVar("T")

MOST_TRIES = 3
"""A row that was being processed when its process died this many times gets an exception instead of another try."""


class Guard:
    """Works on rows together, or one by one if they were being processed when a process died.

    Args:
        who: The name of this process and of those that Ray starts in its place.
        stage: The stage that messages name for a failed row.
        seconds: Seconds after which a row fails and this process is ended; None: never.
    """

    def __init__(self, tally: Any, who: str, stage: str, seconds: float | None) -> None:
        self._tally, self._who, self._stage, self._seconds = tally, who, stage, seconds
        self._node = ray.get_runtime_context().get_node_id()
        self._watchdog = Watchdog(seconds, who)

    def each(self, rows: Sequence[Row], work: Callable[[Sequence[Row], list[Key], str | None], list[T]]) -> list[T]:
        """The results of work that takes rows, their keys, and the failure of a row that hangs or kills processes."""
        # Ray gives the work of a dead process to another with the same name. The same page in a process of another name
        # is not a retry: datasets may hold a page twice.
        keys = [(self._who, row["path"], DOCUMENT if row.get("pagenum") is None else row["pagenum"]) for row in rows]
        if not rows:
            return []
        if not any(self._begin(keys)):
            return work(rows, keys, None)
        return [done for row, key in zip(rows, keys, strict=True) for done in work([row], [key], self._failure(key))]

    def watch(self, keys: Sequence[Key], at_once: int = 1) -> AbstractContextManager[None]:
        """Ends the process if the block takes longer than its rows may, of which `at_once` are processed at a time."""
        return self._watchdog.watch(keys, at_once)

    def _begin(self, keys: list[Key]) -> list[int]:
        tries: list[int] = ray.get(self._tally.begin.remote(keys, self._node))
        return tries

    def _failure(self, key: Key) -> str | None:
        """Begins one row alone; returns its failure if it has hung, or killed its process too often."""
        (tries,) = self._begin([key])
        _, path, page = key
        what = path if page == DOCUMENT else f"{path}, page {page + 1},"
        if self._watchdog.is_hung(key):
            return timed_out(self._stage, what, self._seconds or 0)
        if tries < MOST_TRIES:
            return None
        message = (
            f"{what} was being processed when its actor died, {tries} times. "
            "Look at the picture, and at the node's memory in Ray's logs."
        )
        return str(Failure(self._stage, Code.WORKER_DIED, message))
