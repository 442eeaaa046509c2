"""Jobs: documents that are read after the request that brought them. What is reported of them, and who keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, Protocol

from pydantic import BaseModel, Field

from raypipe.types import PageRecord
from raypipe.web.service import Service
from raypipe.web.uploads import Upload

DeliveryState = Literal["waiting", "delivered", "given_up"]
ENDED = ("done", "failed")
"""The states of jobs that have ended."""


class JobFailure(BaseModel):
    """Pages of a job that failed in the same way."""

    kind: str = Field(description="stage and code")
    pages: int
    message: str = Field(description="that of the first of them")


class DeliveryAnswer(BaseModel):
    """The delivery of the message about a job's end."""

    url: str
    state: DeliveryState = "waiting"
    tries: int = Field(0, description="how often it was sent")
    problem: str = Field("", description="why the last try failed")


class JobAnswer(BaseModel):
    """The progress of a job."""

    id: str
    state: Literal["queued", "reading", "done", "failed"]
    names: list[str] = Field(description="the documents, as the client calls them")
    pages: int = Field(description="pages of all documents")
    done: int = Field(description="pages that are read, failed ones included")
    failures: list[JobFailure]
    warned: int = Field(0, description="pages that were read with a warning")
    warning: str = Field("", description="that of the first of them")
    problem: str = Field("", description="why a job failed as a whole")
    created: str
    ended: str | None = Field(None, description="null until it has ended")
    expires: str | None = Field(description="when it is removed; null until it has ended")
    webhook: DeliveryAnswer | None = Field(None, description="the message about its end, if one was asked for")


class Jobs(Protocol):
    """Keeps jobs and has them read: `web_jobs.manager.JobManager`. Its methods block.

    A job belongs to the key that began it; no other sees it. For a job that is not there, a `ProblemError` says 404.
    """

    max_pages: int
    max_listeners: int

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to read, with a reader that belongs to an event loop."""

    def stop(self) -> None:
        """Leaves what has not been read to other servers, or to the next start."""

    def check_webhook(self, url: str) -> None:
        """Makes sure that a job may name an address to be notified of its end; if not, a `ProblemError` says 422."""

    def add(self, uploads: list[Upload], pages: int, owner: str, webhook: str) -> JobAnswer:
        """Keeps a job, to be read; an empty address of a webhook is none.

        Raises:
            ProblemError: 429, there are too many, or they take too many bytes.
        """

    def status(self, job_id: str, owner: str) -> JobAnswer:
        """The progress of a job."""

    def pages(self, job_id: str, owner: str) -> tuple[list[PageRecord], str]:
        """The pages of a finished job, and the folder in which it is; before, a `ProblemError` says 409."""

    def follow(self, job_id: str, owner: str) -> Callable[[], list[PageRecord]]:
        """A function that returns further pages of a job, in order, each time it is called; none if none are ready."""

    def remove(self, job_id: str, owner: str) -> None:
        """Ends a job, and removes all of it."""


JobsFactory = Callable[[Service], Jobs]
"""Makes the jobs of an ingress."""
