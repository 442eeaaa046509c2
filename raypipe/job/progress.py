"""The progress of a job."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from raypipe.errors import TooManyErrorsError
from raypipe.plurals import counted

GUARD_SECONDS = 20.0
MIN_PAGES = 100
"""Pages after which a share of failed ones means something."""


@dataclass(frozen=True)
class FailureLimits:
    """How many pages may fail before a job is stopped; None: all."""

    max_errors: int | None = None
    max_error_rate: float | None = None

    def check(self, finished: int, failed: int) -> None:
        """Makes sure that few enough pages failed; too many are a `TooManyErrorsError`."""
        many = self.max_errors is not None and failed > self.max_errors
        rate = self.max_error_rate
        if many or (rate is not None and finished >= MIN_PAGES and failed > rate * finished):
            raise TooManyErrorsError(
                f"{failed:,} of {counted(finished, 'page')} failed, so the job was stopped.",
                "See their reasons with `raypipe status`; once these are fixed, --retry-failed reads them again.",
            )


@dataclass
class Progress:
    """The progress of a job in this run.

    Attributes:
        changed: Called with it when something changes.
        listed: Files that the sources name, so far.
        listing: Whether more may follow.
        due: Documents to be read, of those listed.
        opened: Documents whose pages have been counted.
        found: Their pages.
        finished, failed: Pages that are read, and those of them that failed.
        started: When the job began, see `time.monotonic`.
        guard: Called, too, at most every `GUARD_SECONDS`; it raises what stops the job.
    """

    changed: Callable[[Progress], None] = lambda progress: None
    limits: FailureLimits = FailureLimits()
    doing: str = "listing"
    listed: int = 0
    listing: bool = True
    due: int = 0
    opened: int = 0
    found: int = 0
    finished: int = 0
    failed: int = 0
    started: float = field(default_factory=time.monotonic)
    guard: Callable[[], None] = lambda: None
    guarded: float = field(default_factory=time.monotonic)

    @property
    def total(self) -> int:
        """Pages to be read: those counted, and one for each document that has not been opened yet."""
        return self.found + max(0, self.due - self.opened)

    def update(self, **values: int | bool | str) -> None:
        """Sets attributes and calls `changed` and `guard`; too many failed pages are a `TooManyErrorsError`."""
        for name, value in values.items():
            setattr(self, name, value)
        self.changed(self)
        self.limits.check(self.finished, self.failed)
        if time.monotonic() - self.guarded > GUARD_SECONDS:
            self.guarded = time.monotonic()
            self.guard()
