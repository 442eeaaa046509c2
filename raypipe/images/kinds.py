"""The registry of kinds of file: a new one is a module in this folder and an entry in `KINDS`.

Other packages add theirs as entry points of the group `raypipe.kinds`.
"""

from __future__ import annotations

from functools import cache
from pathlib import PurePosixPath

from raypipe.errors import PageError
from raypipe.files.paths import split_options
from raypipe.files.ranged import HeldFile, RangedFile
from raypipe.images import jxl, pam, pdf, raster, tiff
from raypipe.images.base import Kind
from raypipe.plugins import Registry

OWN = (
    pdf.KIND,
    tiff.KIND,
    pam.KIND,
    jxl.KIND,
    raster.KIND,
)
KINDS = Registry("raypipe.kinds", {each.name: each for each in OWN}, lambda found: isinstance(found, Kind))
"""The kinds by name. The first that matches a file is used; a file that none matches is a raster picture."""
START = 1024
"""Bytes by which a kind is recognized."""


@cache
def suffixes() -> tuple[str, ...]:
    """Suffixes of the files that folders and globs list."""
    return tuple(sorted({suffix for kind in KINDS.values() for suffix in kind.suffixes}))


@cache
def paged_suffixes() -> tuple[str, ...]:
    """Suffixes of files that may have more than one page."""
    return tuple(sorted({suffix for kind in KINDS.values() if kind.page_count for suffix in kind.suffixes}))


def is_one_page(path: str) -> bool:
    """Whether a file has only one page, judged by its name."""
    suffix = PurePosixPath(split_options(path)[0]).suffix.lower()
    return suffix in suffixes() and suffix not in paged_suffixes()


def kind_of(data: bytes) -> Kind:
    """The kind of a file, from its bytes or the first `START` of them."""
    return next((kind for kind in KINDS.values() if kind.matches(data)), raster.KIND)


def may_have_pages(data: bytes) -> bool:
    """Whether bytes begin like a document that can have more than one page."""
    return kind_of(data).page_count is not None


def page_count(source: bytes | RangedFile) -> int:
    """Pages in an encoded file, in memory or open; 1 if it cannot be read, so that its one row can say why."""
    file = HeldFile(source) if isinstance(source, bytes) else source
    try:
        count = kind_of(file.read_at(0, START)).page_count
        file.seek(0)
        return max(count(file), 1) if count else 1
    except (PageError, OSError, OverflowError, ValueError):
        return 1
