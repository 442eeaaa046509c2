"""Clients that leave before they have their answer, do not take it, or are still sending when it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from starlette.datastructures import Headers
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


def closes(scope: Scope) -> bool:
    """Whether the server closes a request's connection after its answer, as nginx asks it to unless told otherwise."""
    headers = Headers(scope=scope)
    # Who expects to be told to go on sends nothing after an answer.
    return "expect" not in headers and (
        scope["http_version"] == "1.0" or "close" in headers.get("connection", "").lower()
    )


def while_sending(receive: Receive, send: Send, seconds: float) -> tuple[Receive, Send]:
    """The ways of a request whose connection is closed after its answer: not before its body has come.

    Cut off while it sends, a client does not come to read its answer. After some seconds it is cut off anyway, and at
    once if the answer says so.
    """
    is_coming, is_cut = True, False

    async def receive_and_look() -> Message:
        nonlocal is_coming
        message = await receive()
        is_coming = message.get("more_body", False)
        return message

    async def send_and_wait(message: Message) -> None:
        nonlocal is_cut
        is_cut = is_cut or "close" in Headers(raw=message.get("headers", [])).get("connection", "")
        if is_coming and not is_cut and message["type"] == "http.response.body" and not message.get("more_body"):
            await send({**message, "more_body": True})
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while is_coming:
                        await receive_and_look()
            message = {"type": message["type"]}
        await send(message)

    return receive_and_look, send_and_wait


PART_BYTES = 262_144
"""The most that is handed on before a client must have taken what came before it."""


def while_taken(receive: Receive, send: Send, seconds: float) -> tuple[Receive, Send]:
    """The ways of a request on which a client that does not take a part of its answer in time counts as having left."""
    gone = asyncio.get_running_loop().create_future()

    async def receive_or_leave() -> Message:
        coming = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((coming, gone), return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else {"type": "http.disconnect"}
        finally:
            coming.cancel()

    async def send_in_time(message: Message) -> None:
        for part in _parts(message):
            if gone.done():
                return
            try:
                async with asyncio.timeout(seconds):
                    await send(part)
            except TimeoutError:
                gone.set_result(None)

    return receive_or_leave, send_in_time


def _parts(message: Message) -> Iterator[Message]:
    """A message in parts: uvicorn takes one of any size at once, and waits for the client before the next."""
    body = message.get("body", b"")
    for begin in range(0, len(body) - PART_BYTES, PART_BYTES):
        yield {**message, "body": body[begin : begin + PART_BYTES], "more_body": True}
    yield {**message, "body": body[(len(body) - 1) // PART_BYTES * PART_BYTES :]} if body else message
