"""The registry of kinds of file: a new one is a module in this folder and an entry in `KINDS`."""

from __future__ import annotations

from typing import IO

from raypipe.errors import PageError
from raypipe.images import pdf, raster, tiff
from raypipe.images.base import Kind

KINDS: dict[str, Kind] = {
    each.name: each
    for each in (
        pdf.KIND,
        tiff.KIND,
        raster.KIND,
    )
}
"""The kinds by name. The first that matches a file is used; raster pictures, the last, take whatever is left."""

SUFFIXES = frozenset[str]().union(*(kind.suffixes for kind in KINDS.values()))
"""Suffixes of the files that folders and globs list."""
PAGED_SUFFIXES = frozenset[str]().union(*(kind.suffixes for kind in KINDS.values() if kind.page_count))
"""Suffixes of files that may have more than one page."""
START = 64
"""Bytes by which a kind is recognized."""


def kind_of(data: bytes) -> Kind:
    """The kind of a file, from its bytes or the first `START` of them."""
    return next(kind for kind in KINDS.values() if kind.matches(data))


def may_have_pages(data: bytes) -> bool:
    """Whether bytes begin like a document that can have more than one page."""
    return kind_of(data).page_count is not None


def page_count(file: IO[bytes]) -> int:
    """Pages in an encoded file; 1 if it cannot be read, so that its one row can say why."""
    try:
        start = file.read(START)
        file.seek(0)
        count = kind_of(start).page_count
        return max(count(file), 1) if count else 1
    except (PageError, OSError, OverflowError, ValueError):
        return 1
