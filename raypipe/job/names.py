"""The names of documents, from which the names of their files in the output folder follow."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from raypipe.files.archives import MARK as IN_ARCHIVE
from raypipe.files.paths import split_options, with_home
from raypipe.inputs.listing import Found, fixed_part
from raypipe.keys import public

MAX_BYTES = 220
"""Longest part of a name. File systems take 255 bytes, of which a page's number and suffixes take some."""
PAGE = re.compile(r"\.(\d+)$")
"""What ends the names of files of one page."""


class Naming:
    """Names for the documents of sources: each is its path below the folder that all the sources share.

    It is known before anything is listed, so that a document keeps its name when others come or go.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        folders = [_parts(folder) for folder in map(_folder_of, sources)]
        self._shared = os.path.commonprefix(folders)

    def __call__(self, path: str) -> str:
        """The name of a document."""
        parts = _parts(path)
        start = len(self._shared) if parts[: len(self._shared)] == self._shared else 0
        return _name(parts[start:]) or "document"

    def of(self, found: Found) -> str:
        """The name of a file that was found: the one that a list gave it, as a path."""
        return _name(_parts(found.name)) or self(found.path)


def _folder_of(source: str) -> str:
    """The folder that holds everything a source names."""
    place, is_glob = fixed_part(source)
    if "://" in place:  # Asking a bucket what it is takes time; a file that looks like a folder only has a longer name.
        return place if is_glob or not PurePosixPath(place).suffix else place.rpartition("/")[0]
    place = os.path.abspath(with_home(place or "."))  # noqa: PTH100 - removes ..
    return place if os.path.isdir(place) else str(Path(place).parent)  # noqa: PTH112 - false if a name is too long


def _parts(path: str) -> list[str]:
    """The parts of a path or URI; none of them leads up."""
    parts = split_options(public(path))[0].replace(IN_ARCHIVE, "/").split("/")
    return ["_" if part in (".", "..") else part for part in parts if part]


def _name(parts: Sequence[str]) -> str:
    """The name of these parts of a path: `book.1` would be that of files of the second page of `book`."""
    return PAGE.sub(r"-\1", "/".join(map(_fitting, parts)))


def _fitting(part: str) -> str:
    """A part of a path, shortened if a file system could not take it with our suffixes."""
    if len(part.encode()) <= MAX_BYTES:
        return part
    path = PurePosixPath(part)
    end = f"-{hashlib.sha256(part.encode()).hexdigest()[:8]}{path.suffix[:20]}"
    return part.encode()[: MAX_BYTES - len(end.encode())].decode(errors="ignore") + end
