"""A page's way through the operators of a served pipeline, and what happens when one of them dies."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raypipe.columns import Column, roles_of
from raypipe.errors import Code, Failure
from raypipe.run.replicas import Work, decoded
from raypipe.types import PageRecord, Row
from raypipe.web.reading import ReadPage


@dataclass(frozen=True)
class PagePath:
    """The operators in order: what the web application reads with.

    Attributes:
        operators: For each, the handle of its deployment or, in the ingress's own process, the replica itself.
        columns: The columns of a finished page.
        needs: The columns that come with a request.
        at_once: How many pages all replicas together read at once.
        room: How many pages must be under way so that no replica waits for one.
        retrying: Held while retrying a page whose replica died.
    """

    operators: Sequence[Any]
    names: Sequence[str]
    models: list[dict[str, str]]
    overlays: tuple[str, ...]
    columns: Mapping[str, Column]
    needs: Mapping[str, Column]
    at_once: int
    room: int
    retrying: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def count(self, content: bytes) -> int:
        """See `web.reading.Reader`."""
        return int(await _call(self.operators[0], "count", content))

    async def unlocked(self, content: bytes, password: str) -> bytes:
        """See `web.reading.Reader`."""
        return bytes(await _call(self.operators[0], "unlocked", content, password))

    async def read(self, row: Row, overlay: str) -> ReadPage:
        """See `web.reading.Reader`."""
        done = await self.carry(row, overlay)
        page = PageRecord(decoded(done.row, self.columns), roles_of(self.columns))
        if page.image is not None and page.image.origin == row["path"]:
            page.image.data = row["content"]  # The last process did not send it back.
        return ReadPage(page, done.visits)

    async def carry(self, row: Row, overlay: str) -> Work:
        """Carries a page through all operators. One whose replica died is tried once more.

        Pages are retried one by one, so that one that kills replicas takes no others with it.
        """
        try:
            return await self._through(row, overlay)
        except deaths():
            logging.getLogger("ray.serve").warning("A replica died; its pages are read again.")
        async with self.retrying:
            try:
                return await self._through(row, overlay)
            except deaths():
                message = "The process that read it died twice. Look at the picture, and at the node's memory."
                failure = Failure("+".join(self.names), Code.WORKER_DIED, message)
                return Work({**row, "exception": str(failure)}, (), overlay, time.time())

    async def ready(self) -> dict[str, float]:
        """See `web.reading.Reader`."""
        seconds = [await _call(operator, "load_seconds") for operator in self.operators]
        return dict(zip(self.names, seconds, strict=True))

    async def _through(self, row: Row, overlay: str) -> Work:
        work: Any = Work(row, (), overlay, time.time())
        for operator in self.operators:
            # Serve's response is passed on without waiting for it: the work goes from replica to replica.
            work = operator.remote(work) if is_remote(operator) else await operator(work)
        done: Work = work if isinstance(work, Work) else await work
        return done


async def _call(operator: Any, method: str, *arguments: Any) -> Any:
    bound = getattr(operator, method)
    return await (bound.remote(*arguments) if is_remote(operator) else bound(*arguments))


def is_remote(operator: Any) -> bool:
    """Whether an operator is the handle of a deployment rather than a replica in this process."""
    return hasattr(operator, "remote")


def deaths() -> tuple[type[Exception], ...]:
    """The exceptions that a dead replica raises; none without Ray."""
    if "ray" not in sys.modules:
        return ()
    from ray.exceptions import RayActorError

    return (RayActorError,)
