"""Limits on requests: how many at once, and how long each may take.

Where a limit is reached, a `ProblemError` has the status that is named.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from raypipe.plurals import counted
from raypipe.web.problems import ProblemError, try_again

T = TypeVar("T")


class Admission:
    """Places for requests, running or waiting: they bound the server's only queue.

    By default (0) a client gets no more places than are left for others: half of them if it is alone, a third if two
    want all they can get. So there are always some for a new client: the dynamic thresholds of Choudhury and Hahne,
    IEEE/ACM Transactions on Networking 6(2), 1998.
    """

    def __init__(self, places: int, places_per_client: int, retry_after_seconds: int) -> None:
        self._places, self._of_one, self._retry_after = places, places_per_client, retry_after_seconds
        self._taken = Counter[str]()

    @property
    def taken(self) -> int:
        """Places that are taken."""
        return self._taken.total()

    def check(self, client: str) -> None:
        """Makes sure that there is a place now (429: none, or none for this client), before a body is read in vain."""
        if self.taken >= self._places:
            what = f"The server has {counted(self._places, 'place')}, and none is free."
            raise try_again(429, "overloaded", what, self._retry_after)
        mine = self._taken[client]
        if mine >= (self._of_one or self._places - self.taken):
            what = f"You have {counted(mine, 'request')} under way."
            raise try_again(429, "too_many_requests", what, self._retry_after)

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Takes a place (429: see `check`), and gives it back however the block ends, even if the client has gone."""
        self.check(client)
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken -= Counter((client,))


class Quota:
    """Pages that each client has left: they come back little by little, up to those of one minute; 0: any number.

    A client with one left may send any number, and then waits until they would have been allowed.
    """

    def __init__(self, pages_per_minute: int) -> None:
        self._most = pages_per_minute
        self._full_at: dict[str, float] = {}
        """When each client will have all of its pages again, for those that do not have them now."""

    def check(self, client: str) -> None:
        """Makes sure that a client has a page left (429: it has none)."""
        missing = self._full_at.get(client, 0) - time.monotonic()
        if missing >= 60:
            seconds = math.ceil(missing - 60) or 1
            raise try_again(429, "quota_used", f"You may send {counted(self._most, 'page')} a minute.", seconds)

    def take(self, client: str, pages: int) -> None:
        """Takes pages (429: none is left)."""
        if not self._most:
            return
        self.check(client)
        now = time.monotonic()
        self._full_at = {each: when for each, when in self._full_at.items() if when > now}
        self._full_at[client] = self._full_at.get(client, now) + pages * 60 / self._most


class Deadline:
    """The time limit of a request, for all its work from now on or, with `each`, for each piece of it."""

    def __init__(self, seconds: float, each: bool = False) -> None:
        self._seconds, self._each = seconds, each
        self._end = time.monotonic() + seconds

    async def wait_for(self, work: Awaitable[T]) -> T:
        """Awaits a piece of the work, and cancels it when its time is up (504)."""
        try:
            return await asyncio.wait_for(work, self._seconds if self._each else self._end - time.monotonic())
        except TimeoutError as error:
            detail = (
                f"The pages were not read within {counted(self._seconds, 'second')}. Send fewer, or try again later."
            )
            raise ProblemError(504, "too_slow", detail) from error
