"""The turns of threads at PDFium, which is not thread-safe, not even with one document per thread.

A hostile page may keep it busy without end, and nothing ends a thread: others then fail rather than wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raypipe.errors import Code, PageError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

MOST_SECONDS = 300.0
"""How long a turn may last before those who wait give up. A page with much on it takes some seconds."""
LEAVE_SECONDS = 5.0
"""How long a document that is no longer needed waits for its turn to be closed, also at the end of the process."""


class Turns:
    """Lets one thread at a time use PDFium."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._user, self._begun = "", 0.0
        self._left_open: list[object] = []

    @contextmanager
    def of(self, origin: str) -> Iterator[None]:
        """The turn of whoever reads a document.

        Raises:
            PageError: `page_timeout`, the turn of another document does not end.
        """
        while not self._lock.acquire(timeout=max(self._begun + MOST_SECONDS - time.monotonic(), 0.1)):
            if time.monotonic() - self._begun > MOST_SECONDS:
                message = f"{origin} waits for PDFium, which does not finish {self._user}."
                raise PageError(Code.PAGE_TIMEOUT, message, "Remove that file, and read this one again.")
        self._user, self._begun = origin, time.monotonic()
        try:
            yield
        finally:
            self._lock.release()

    def close(self, document: PdfDocument) -> None:
        """Closes a document; if the turn of another one does not end, it stays open, since that would crash."""
        if not self._lock.acquire(timeout=LEAVE_SECONDS):
            self._left_open.append(document)
            return
        try:
            document.close()
        finally:
            self._lock.release()


TURNS = Turns()
