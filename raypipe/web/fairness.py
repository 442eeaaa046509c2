"""Turns in front of the reader, so that clients that send much do not get in the way of others."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairQueue:
    """A queue of pages that wait for room in the reader. The client with the fewest pages in the reader is next.

    Clients with equally many take turns. `Admission` bounds how many pages wait.
    """

    def __init__(self, room: int) -> None:
        self._free, self._inside = room, Counter[str]()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Waits for a turn of a client, and gives the room back however the block ends."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        self._admit()
        try:
            await turn
            yield
        finally:
            if not turn.cancelled():  # A turn that came after its waiter was cancelled is given back, too.
                self._inside -= Counter((client,))
                self._free += 1
                self._admit()

    def _admit(self) -> None:
        while self._free and self._waiting:
            client = min(self._waiting, key=lambda each: self._inside[each])  # The first of equals.
            turns = self._waiting.pop(client)
            turn = turns.popleft()
            if turns:
                self._waiting[client] = turns  # Behind all others.
            if not turn.cancelled():
                turn.set_result(None)
                self._free -= 1
                self._inside[client] += 1
