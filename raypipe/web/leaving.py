"""Clients that leave before they have their answer, or do not take it: nothing further is done for them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from raypipe.web.problems import ProblemError

T = TypeVar("T")


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Awaits work for a request whose body has been received, and cancels it if the client leaves.

    Raises:
        ProblemError: 400, the client has left.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ProblemError(400, "disconnected", "The client disconnected before its answer was ready.")
    finally:
        working.cancel()
        leaving.cancel()


async def _left(receive: Receive) -> None:
    """Waits until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_while_taken(response: Response, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
    """Sends an answer of many parts, and stops if a client does not take one in time: it would hold a place."""

    async def send_part(message: Message) -> None:
        async with asyncio.timeout(seconds):
            await send(message)

    with suppress(TimeoutError):
        await response(scope, receive, send_part)
