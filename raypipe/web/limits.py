"""Limits on requests: how many at once, and how long each may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from raypipe.web.problems import ProblemError

T = TypeVar("T")


class Admission:
    """Places for requests, running or waiting: they bound the server's only queue.

    Args:
        places: How many there are.
        retry_after_seconds: What a client without a place is told to wait.
    """

    def __init__(self, places: int, retry_after_seconds: int) -> None:
        self._places, self._retry_after = places, retry_after_seconds
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Takes a place, and gives it back however the block ends, even if the client has gone.

        Raises:
            ProblemError: 429, all places are taken.
        """
        if self.taken >= self._places:
            raise ProblemError(
                429,
                "overloaded",
                f"All {self._places} places are taken. Try again in {self._retry_after} seconds.",
                {"Retry-After": str(self._retry_after)},
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class Deadline:
    """The time limit of a request: from now on for all its work, or separately for each piece of it.

    Args:
        seconds: How long that is.
        each: Whether each awaited piece has that long.
    """

    def __init__(self, seconds: float, each: bool = False) -> None:
        self._seconds, self._each = seconds, each
        self._end = self._now() + seconds

    async def wait_for(self, work: Awaitable[T]) -> T:
        """Awaits a piece of the work, and cancels it when its time is up.

        Raises:
            ProblemError: 504, it was not ready in time.
        """
        try:
            return await asyncio.wait_for(work, self._seconds if self._each else self._end - self._now())
        except TimeoutError as error:
            detail = f"The pages were not read within {self._seconds:g} seconds. Send fewer, or try again later."
            raise ProblemError(504, "too_slow", detail) from error

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
