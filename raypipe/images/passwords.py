"""Passwords of documents: given to a process, used when a document is locked, and never stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from raypipe.files.archives import split

T = TypeVar("T")


@dataclass(frozen=True)
class Passwords:
    """Passwords, none of which appears in the `repr`.

    Attributes:
        by_path: The passwords of documents, or of all documents in an archive, by their paths or URIs.
        of_any: Passwords that are tried on each locked document.
    """

    by_path: Mapping[str, str] = field(default_factory=dict, repr=False)
    of_any: tuple[str, ...] = field(default=(), repr=False)


_known = Passwords()
_lock = threading.Lock()


def add_passwords(more: Passwords) -> None:
    """Lets this process use further passwords."""
    global _known
    with _lock:
        if more.by_path or more.of_any:
            both = (*_known.of_any, *more.of_any)
            _known = Passwords({**_known.by_path, **more.by_path}, tuple(dict.fromkeys(both)))


def of(origin: str) -> Iterator[str]:
    """The passwords that may open a document, its own first."""
    by_path, inside = _known.by_path, split(origin)
    own = by_path.get(origin) or (by_path.get(inside[0]) if inside else None)
    return iter(dict.fromkeys((*([own] if own else []), *_known.of_any)))


def known_passwords() -> Passwords:
    """The passwords that this process knows, for other processes that open its documents."""
    return _known


def carried(work: Callable[..., T]) -> Callable[..., T]:
    """A function that brings this process's passwords to the process in which it is called."""
    return partial(_with_passwords, _known, work) if _known.by_path or _known.of_any else work


def _with_passwords(passwords: Passwords, work: Callable[..., T], *arguments: Any, **named: Any) -> T:
    add_passwords(passwords)
    return work(*arguments, **named)
