"""The progress of a job: a bar in terminals and notebooks, a line per minute in logs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from raypipe.job.progress import FailureLimits, Progress
from raypipe.plurals import counted

LINE_SECONDS = 60.0
"""How often a log gets a line."""


@contextmanager
def shown(limits: FailureLimits) -> Iterator[Progress]:
    """A job's progress, shown on standard error as it changes."""
    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield Progress(_Lines(), limits)
        return
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    task = bar.add_task("listing", total=None, state="")

    def show(progress: Progress) -> None:
        total = None if progress.listing else progress.total
        bar.update(task, description=progress.doing, completed=progress.finished, total=total, state=_state(progress))

    with bar:
        yield Progress(show, limits)


class _Lines:
    """Prints a line whenever a job begins something else, and one per minute in between."""

    def __init__(self) -> None:
        self._doing, self._next = "", 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.doing == self._doing and now < self._next:
            return
        if progress.doing == self._doing:
            click.echo(_state(progress), err=True)
        self._doing, self._next = progress.doing, now + LINE_SECONDS


def _state(progress: Progress) -> str:
    seconds = time.monotonic() - progress.started
    rate = progress.finished / seconds if seconds else 0
    more = f", {counted(progress.listed, 'file')} listed so far" if progress.listing and progress.listed else ""
    left = (progress.total - progress.finished) / rate if rate and not progress.listing else None
    time_left = f", {duration(left)} left" if left is not None and not Console(stderr=True).is_terminal else ""
    pages = f"{progress.finished:,}/{counted(progress.total, 'page')}"
    return f"{pages}, {rate:.2f} pages/s, {progress.failed:,} failed{more}{time_left}"


def duration(seconds: float) -> str:
    """Seconds in words: `40 s`, `12 min`, `5 h 12 min` or `2.5 days`."""
    minutes = round(seconds / 60)
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{seconds / 86_400:.1f} days"
