"""Ending this process so that Ray starts it again: when a page hangs, and when its memory has grown."""

from __future__ import annotations

import faulthandler
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from raypipe.machine import private_bytes


class Watchdog:
    """Ends this process if pages take too long, and tells its successor: native code cannot be interrupted otherwise.

    A thread of faulthandler waits: C code, which works even while native code holds Python's lock. Before it ends the
    process, it writes the stack of every thread to a file on this machine's disk, which the successor reads.

    Args:
        seconds: How long a page may take; None: forever.
        name: The name of this process and its successors, a part of a file's name.

    Attributes:
        hung: The page that the process before this one was processing alone when it ran out of time; None: no page.
    """

    def __init__(self, seconds: float | None, name: str) -> None:
        self._seconds = seconds
        self._file = Path(tempfile.gettempdir()) / f"raypipe-{name}.running"
        self.hung = None if seconds is None else self._last_words()

    @contextmanager
    def watch(self, pages: Sequence[object], at_once: int = 1) -> Iterator[None]:
        """Ends the process if the block takes longer than its pages may, of which `at_once` are processed at a time."""
        if self._seconds is None:
            yield
            return
        with self._file.open("wb") as file:
            file.write(f"{_described(pages)}\n".encode())
            file.flush()
            faulthandler.dump_traceback_later(self._seconds * -(-len(pages) // at_once), exit=True, file=file)
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
                self._file.unlink()

    def is_hung(self, page: object) -> bool:
        """Whether the process before this one ran out of time with this page alone; True only once for each time."""
        if self.hung is None or self.hung != _described([page]):
            return False
        self.hung = None
        return True

    def _last_words(self) -> str | None:
        try:
            pages, _, stacks = self._file.read_text(errors="replace").partition("\n")
            self._file.unlink()
        except FileNotFoundError:
            return None
        if not stacks:  # The process ended for another reason.
            return None
        logging.getLogger(__name__).warning("A page took too long, and its process ended here:\n%s", stacks)
        return pages or None


def _described(pages: Sequence[object]) -> str:
    """One page in a line; empty if there are several, since which of them hangs is unknown."""
    return ascii(pages[0]) if len(pages) == 1 else ""


class Growth:
    """Ends this process before a task if its memory grew by over `most` bytes since the first; Ray repeats the task."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._task: str | None = None
        self._at_first: int | None = None

    def check(self, task: str) -> None:
        """Called before anything is done for a task; a task may call it often."""
        if task == self._task:
            return
        now = private_bytes()
        if self._at_first is None and self._task is not None:  # The first task loads and allocates what all tasks need.
            self._at_first = now
        self._task = task
        if now is not None and self._at_first is not None and now - self._at_first > self._most:
            grown = now - self._at_first
            logging.getLogger(__name__).warning("Memory grew by %.1f GB: this process is replaced.", grown / 1e9)
            os._exit(1)
