"""Documents that stay open between their pages, so that a file is not read completely for each of its pages."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from raypipe.errors import PageError
from raypipe.files.paths import check_size, stop_without_key, version
from raypipe.files.ranged import RangedFile
from raypipe.images.base import Document
from raypipe.images.kinds import START, is_one_page, kind_of

MOST_IDLE = 4
"""Documents that this process keeps open, besides those in use."""
TRUSTED_SECONDS = 10.0
"""How long an object in a bucket is taken to be unchanged without checking."""


@dataclass
class _Open:
    """An open document, in use by one thread at a time.

    Attributes:
        version: Its size and time when it was opened.
        checked: When these were last checked, see `time.monotonic`.
        size: Bytes of the file.
    """

    origin: str
    version: tuple[int, int]
    checked: float
    document: Document
    size: int


_idle: list[_Open] = []
_lock = threading.Lock()


@contextmanager
def opened(origin: str, max_bytes: int | None = None) -> Iterator[Document | None]:
    """A document that may have many pages, kept open for the next page; None: the whole file is to be read.

    Several threads may read one document: each gets an opened file of its own.

    Raises:
        PageError: `image_too_large`, it has more than `max_bytes`, or why the document cannot be opened.
    """
    taken = None if is_one_page(origin) else _take(origin)
    if taken is None:
        yield None
        return
    try:
        check_size(origin, taken.size, max_bytes)
        yield taken.document
    except BaseException:  # What it has cached of a file that could not be read for a moment may be wrong.
        taken.document.close()
        raise
    _give_back(taken)


def _take(origin: str) -> _Open | None:
    with _lock:
        found = next((each for each in reversed(_idle) if each.origin == origin), None)
        if found:
            _idle.remove(found)
    if found and _is_current(found):
        return found
    if found:
        found.document.close()
    try:
        return _opened(origin)
    except (OSError, ValueError) as error:  # Reading the whole file reports the reason.
        stop_without_key(origin, error)
        return None


def _opened(origin: str) -> _Open | None:
    found, now = version(origin), time.monotonic()
    file = RangedFile(origin)
    try:
        open_document = kind_of(file.read_at(0, START)).open
        if open_document is not None and file.size:
            return _Open(origin, found, now, open_document(file, origin), file.size)
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def _give_back(used: _Open) -> None:
    _close_at_exit()
    with _lock:
        _idle.append(used)
        late = [_idle.pop(0) for _ in range(len(_idle) - MOST_IDLE)]
    for each in late:
        each.document.close()


@cache
def _close_at_exit() -> None:
    """Closes documents before their libraries end, which would complain otherwise."""
    atexit.register(close_idle)


def close_idle() -> None:
    """Closes the documents that are not in use."""
    with _lock:
        idle = [_idle.pop() for _ in range(len(_idle))]
    for each in idle:
        each.document.close()


def _is_current(found: _Open) -> bool:
    if "://" in found.origin and time.monotonic() - found.checked < TRUSTED_SECONDS:
        return True
    found.checked = time.monotonic()
    try:
        return version(found.origin) == found.version
    except (OSError, ValueError, PageError):
        return False
