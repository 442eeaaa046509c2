"""From sources (files, folders, globs, URIs, and sources in memory) to page rows."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from numbers import Integral
from pathlib import Path, PurePosixPath
from reprlib import repr as shortened
from typing import NamedTuple, TypeAlias

from raypipe.errors import InputError
from raypipe.files.paths import split_options, stop_without_key
from raypipe.files.ranged import RangedFile
from raypipe.images.kinds import START, is_one_page, may_have_pages, page_count
from raypipe.inputs import memory
from raypipe.inputs.listing import listed
from raypipe.inputs.lists import add_listed_passwords
from raypipe.inputs.memory import InMemory
from raypipe.types import Row

Source: TypeAlias = str | Path | InMemory


class Where(NamedTuple):
    """The columns of a row with the bytes of its document, where there are none with its file, and with its page."""

    content: str = "content"
    origin: str = "path"
    number: str = "pagenum"


STANDARD = Where()
REMEDY = "Give paths, URIs, encoded bytes, arrays, Pillow pictures or rows, or a list of them."


def documents(sources: Source | Iterable[Source], where: Where = STANDARD) -> Iterator[Row]:
    """Document rows: `path`, and a column of encoded bytes, null for files that are not in memory yet.

    Folders are listed recursively, and so are those that a glob matches; in a glob, `**` stands for any number of
    folders. A file that is named itself is listed whatever its suffix; folders and globs yield pictures only.

    Raises:
        InputError: A source names nothing, cannot be listed, or is not a source.
    """
    for number, source in enumerate(_each(sources)):
        if isinstance(source, memory.KINDS):
            yield memory.document(source, number, where.content)
        elif isinstance(source, (str, os.PathLike)):
            add_listed_passwords(os.fspath(source))
            for found in listed(os.fspath(source), None):
                yield {"path": found.path, where.content: None} | ({"name": found.name} if found.name else {})
        else:
            raise InputError(f"{shortened(source)} is not a source.", REMEDY)


def page_rows(found: Iterable[Row], where: Where = STANDARD) -> Iterator[Row]:
    """The page rows of document rows, with their names; see `pages`."""
    return (page for document in found for page in pages(named(document), where=where))


def pages(document: Row, doubtful: bool = False, where: Where = STANDARD) -> list[Row]:
    """The page rows of a document row: `pagenum` from 0 and `total_pages` are added, unless it already is a page's row.

    Only a TIFF or PDF can have more than one. A file that cannot be opened is one page, whose row later says why. Even
    a file in a bucket whose name is that of a picture is opened if names are `doubtful`; all others are opened anyway.
    """
    if (number := document.get(where.number)) is not None:
        if not isinstance(number, Integral):
            what = f"The {where.number} of {document['path']} is {number!r}, which is not a whole number."
            raise InputError(what, "Pages are counted from 0; without a number, each page is read.")
        return [{"total_pages": None, **document, "pagenum": number}]
    total = _count(document, doubtful, where)
    return [{**document, "pagenum": page, where.number: page, "total_pages": total} for page in range(total)]


def named(document: Row) -> Row:
    """A document row with a `name` if it has none: the last part of its path."""
    return {"name": PurePosixPath(split_options(document["path"])[0]).name, **document}


def _count(document: Row, doubtful: bool, where: Where) -> int:
    content, path = document.get(where.content), document.get(where.origin) or document["path"]
    if content is not None:
        return page_count(content)
    if not is_opened(path, doubtful):
        return 1
    try:
        with RangedFile(path) as file:
            if is_one_page(path) and not may_have_pages(file.read_alone(0, START)):
                return 1
            return page_count(file)
    except (OSError, ValueError) as error:
        stop_without_key(path, error)
        return 1


def is_opened(path: str, doubtful: bool) -> bool:
    """Whether a file is opened to count its pages; see `pages`."""
    return doubtful or "://" not in path or not is_one_page(path)


def _each(sources: Source | Iterable[Source]) -> Iterable[Source]:
    if isinstance(sources, (str, os.PathLike, *memory.KINDS)):
        return [sources]
    # A file would give its lines, and a frame of pandas the names of its columns.
    if not isinstance(sources, Iterable) or isinstance(sources, io.IOBase) or hasattr(sources, "columns"):
        remedy = 'Give the rows: frame.to_dict("records").' if hasattr(sources, "columns") else REMEDY
        raise InputError(f"{shortened(sources)} is not a source.", remedy)
    return sources
