"""Documents' names, after which their files in the output folder are called."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

from raypipe.files import split_options
from raypipe.types import Row

MAX_BYTES = 220
"""Longest part of a name. File systems take 255 bytes, of which a page's number and suffixes take some."""


def with_names(found: Iterable[Row], taken: Mapping[str, str] = MappingProxyType({})) -> list[Row]:
    """Document rows with a `name` each: the path below the folder that they all share, numbered if it is taken.

    Args:
        found: Document rows.
        taken: Paths of documents that already have a name.
    """
    rows, paths = list(found), dict(taken)
    names = {path: name for name, path in taken.items()}
    parts = [split_options(row["path"])[0].split("/") for row in rows]
    shared = len(os.path.commonprefix([each[:-1] for each in parts]))
    named = []
    for row, each in zip(rows, parts, strict=True):
        path = row["path"]
        name = names.get(path) or _free("/".join(map(_fitting, filter(None, each[shared:]))), path, paths)
        paths[name] = path
        named.append({**row, "name": name})
    return named


def _fitting(part: str) -> str:
    """A part of a path, shortened where a file system could not take it with a suffix of ours."""
    if len(part.encode()) <= MAX_BYTES:
        return part
    path = PurePosixPath(part)
    end = f"-{hashlib.sha256(part.encode()).hexdigest()[:8]}{path.suffix[:20]}"
    return part.encode()[: MAX_BYTES - len(end.encode())].decode(errors="ignore") + end


def _free(name: str, path: str, paths: Mapping[str, str]) -> str:
    """A name that no other document has: `a.jpg`, or else `a-2.jpg` and so on."""
    wanted, number = PurePosixPath(name), 1
    while paths.get(name, path) != path:
        number += 1
        name = str(wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}"))
    return name
