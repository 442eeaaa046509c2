"""From documents to finished pages, through whatever runs the pipeline."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from raypipe.columns import Column
from raypipe.images.kinds import may_have_pages
from raypipe.metrics import Visit
from raypipe.plurals import counted
from raypipe.types import PageRecord, Row
from raypipe.web.limits import Deadline
from raypipe.web.options import Options
from raypipe.web.problems import ProblemError
from raypipe.web.settings import ServerSettings
from raypipe.web.uploads import Upload

T = TypeVar("T")


@dataclass(frozen=True)
class ReadPage:
    """A finished page, and what it cost at each operator."""

    page: PageRecord
    visits: Sequence[Visit]


class Reader(Protocol):
    """Runs the pipeline: `run.path.PagePath` on Ray Serve."""

    async def count(self, content: bytes) -> int:
        """Pages of a document."""

    async def unlocked(self, content: bytes, password: str) -> bytes:
        """A document without its lock; unchanged if it has none, or the password does not open it."""

    async def read(self, row: Row, overlay: str) -> ReadPage:
        """Reads a page; `overlay` is the name of the drawing to make of it, or `none`."""

    async def ready(self) -> dict[str, float]:
        """Waits until all models are loaded; returns the seconds that took, by operator."""

    @property
    def at_once(self) -> int:
        """How many pages are read at once."""

    @property
    def room(self) -> int:
        """How many pages it must have at once so that it never waits for one."""

    @property
    def overlays(self) -> tuple[str, ...]:
        """Names of the drawings that it can make."""

    @property
    def needs(self) -> Mapping[str, Column]:
        """The columns that come with a request."""

    @property
    def models(self) -> list[dict[str, str]]:
        """The pipeline's models."""


async def page_rows(
    uploads: list[Upload], options: Options, reader: Reader, settings: ServerSettings, deadline: Deadline
) -> list[Row]:
    """The rows of the pages to read.

    Raises:
        ProblemError: 413 too many pages, 422 no such page, 504 the pages were not counted in time.
    """
    rows: list[Row] = []
    most_pages = 0
    for upload in uploads:
        content = upload.content
        if upload.password:
            content = await deadline.wait_for(reader.unlocked(content, upload.password))
        total = await deadline.wait_for(reader.count(content)) if may_have_pages(content) else 1
        chosen, most_pages = options.chosen(total), max(most_pages, total)
        if len(rows) + len(chosen) > settings.max_pages:
            most = settings.max_pages
            limit = f"{counted(most, 'page')}, the limit of this server"
            detail = f"The request has more than {limit}. Choose some: pages=1-{most}."
            raise ProblemError(413, "too_many_pages", detail)
        row = {"path": upload.name, "name": upload.name, "content": content, "total_pages": total, "exception": None}
        rows += [{**row, "pagenum": page, **upload.columns} for page in chosen]
    if not rows:
        those = f"some of 1-{most_pages}" if most_pages > 1 else "page 1"
        detail = f"There is no page {options.pages} in the request. Choose {those}, or leave pages out."
        raise ProblemError(422, "page_missing", detail)
    return rows


async def in_order(makers: Iterable[Callable[[], Awaitable[T]]], at_once: int, deadline: Deadline) -> AsyncIterator[T]:
    """Awaits up to `at_once` results and yields them in the order of their makers. Cancels what is left over."""
    waiting: deque[asyncio.Future[T]] = deque()
    try:
        for make in makers:
            waiting.append(asyncio.ensure_future(make()))
            if len(waiting) >= at_once:
                yield await deadline.wait_for(waiting.popleft())
        while waiting:
            yield await deadline.wait_for(waiting.popleft())
    finally:
        for task in waiting:
            task.cancel()
