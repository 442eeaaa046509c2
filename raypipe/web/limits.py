"""How many requests are under way: the server's only queue has an end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from raypipe.web.problems import ProblemError


class Admission:
    """Places for requests, running or waiting.

    Args:
        places: How many there are.
        retry_after_seconds: What a client without a place is told to wait.
    """

    def __init__(self, places: int, retry_after_seconds: int) -> None:
        self._places, self._retry_after = places, retry_after_seconds
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Takes a place, and gives it back however the block ends: also when the client has gone.

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
