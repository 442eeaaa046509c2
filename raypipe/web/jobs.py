"""Long work, documents that are read after the request that brought them: what is said of it, and who does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, Protocol

from pydantic import BaseModel, Field

from raypipe.types import Page
from raypipe.web.service import Service
from raypipe.web.uploads import Upload

ENDED = ("done", "failed")
"""The states of jobs in which nothing happens any more."""


class JobFailure(BaseModel):
    """Pages of a job that failed in the same way."""

    kind: str = Field(description="stage and code")
    pages: int
    message: str = Field(description="that of the first of them")


class JobAnswer(BaseModel):
    """How far a job is."""

    id: str
    state: Literal["queued", "reading", "done", "failed"]
    names: list[str] = Field(description="the documents, as the client calls them")
    pages: int = Field(description="pages of all documents")
    done: int = Field(description="pages that are read, failed ones included")
    failures: list[JobFailure]
    problem: str = Field("", description="why a job failed as a whole")
    created: str
    expires: str | None = Field(description="when it is removed; null until it has ended")


class Jobs(Protocol):
    """Keeps jobs and has them read: `job.online.Desk`. Its methods block.

    A job belongs to who began it, and nobody else knows of it.
    """

    max_pages: int
    max_listeners: int

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to read, with a reader that belongs to an event loop."""

    def stop(self) -> None:
        """Leaves what is not read yet to others, or to the next start."""

    def add(self, uploads: list[Upload], pages: int, owner: str) -> JobAnswer:
        """Keeps a job, to be read.

        Raises:
            ProblemError: 429, there are too many, or they take too many bytes.
        """

    def status(self, job: str, owner: str) -> JobAnswer:
        """How far a job is.

        Raises:
            ProblemError: 404, there is none.
        """

    def pages(self, job: str, owner: str) -> tuple[list[Page], str]:
        """The pages of a finished job, and the folder in which it is.

        Raises:
            ProblemError: 404, there is none; 409, it is not finished.
        """

    def follow(self, job: str, owner: str) -> Callable[[], list[Page]]:
        """What gives, each time it is called, further pages of a job in their order; none if none is written yet.

        Raises:
            ProblemError: 404, there is none; so does what is returned, once the job is removed.
        """

    def remove(self, job: str, owner: str) -> None:
        """Ends a job, and removes all of it.

        Raises:
            ProblemError: 404, there is none.
        """


JobsFor = Callable[[Service], Jobs]
"""Makes the jobs of an ingress."""
