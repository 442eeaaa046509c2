"""Lists of documents: text with one path or URI per line, CSV and JSON lines with further columns, and METS files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from xml.etree import ElementTree

from raypipe.errors import InputError
from raypipe.files.addresses import is_address
from raypipe.files.paths import join, open_file, resolve, split_options
from raypipe.images.passwords import Passwords, add_passwords

PATHS = ("path", "uri", "url", "file", "filename", "image")
"""Columns that may hold a document's path, the first that exists."""
NAMES = ("id", "name")
"""Columns that may hold a document's name in the output folder, the first that exists."""
SECRET = "password"
"""Column with the password of a locked document."""
METS, XLINK = "{http://www.loc.gov/METS/}", "{http://www.w3.org/1999/xlink}"
GROUPS = ("OCR-D-IMG", "MAX", "MASTER", "ORIGINAL", "ORIG", "DEFAULT")
"""Groups of files of a METS document that hold its page pictures, the best first: those of OCR-D and of DFG viewers."""


class Listed(NamedTuple):
    """A document of a list: its path or URI, its name (empty: taken from the path), and its password (empty: none)."""

    path: str
    name: str = ""
    password: str = ""


def reader_of(path: str) -> Callable[[str], Iterator[Listed]] | None:
    """The reader of a list, by its suffix; None: the file is itself a document."""
    return READERS.get(PurePosixPath(split_options(path)[0]).suffix.lower())


def documents(path: str) -> Iterator[Listed]:
    """The documents of a list. Relative paths are relative to the folder of the list.

    Args:
        path: The list's path or URI.

    Raises:
        InputError: It is not such a list, or names nothing.
        OSError: It cannot be read.
    """
    reader, found = reader_of(path), None
    assert reader, path
    folder = split_options(path)[0].rpartition("/")[0]
    try:
        for found in reader(path):
            yield found._replace(path=_absolute(folder, found.path))
    except (ValueError, ElementTree.ParseError) as error:
        raise InputError(f"{path} is not a list of documents: {error}.", "Give one path or URI per line.") from error
    if found is None:
        raise InputError(f"{path} names no document.", "Give one path or URI per line.")


def add_listed_passwords(source: str) -> None:
    """Tells this process the passwords in a source, if that is a list, before any of its documents is opened."""
    if is_address(source) or not reader_of(source):
        return
    try:
        path = source if "://" in source else resolve(source)[1]
        add_passwords(Passwords(_passwords(path)))
    except (OSError, ValueError, InputError):  # The error is reported when the list is read.
        return


def _passwords(path: str) -> dict[str, str]:
    """The passwords in a list, by the paths of their documents. If a table has none, only its head is read."""
    with _lines(path) as lines:
        has_head = reader_of(path) is not _json_lines
        if not any(SECRET in line for line in (islice(lines, 1) if has_head else lines)):
            return {}
    return {each.path: each.password for each in documents(path) if each.password}


def _absolute(folder: str, path: str) -> str:
    if "://" in path or path.startswith(("/", "~")):
        return path
    return join(folder, path.removeprefix("./"))


def _lines(path: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(open_file(path), encoding="utf-8-sig", newline="")


def _text(path: str) -> Iterator[Listed]:
    with _lines(path) as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                yield Listed(line.strip())


def _table(path: str) -> Iterator[Listed]:
    with _lines(path) as lines:
        tabs = PurePosixPath(split_options(path)[0]).suffix.lower() == ".tsv"
        yield from map(_row, csv.DictReader(lines, delimiter="\t" if tabs else ","))


def _json_lines(path: str) -> Iterator[Listed]:
    with _lines(path) as lines:
        for line in lines:
            if line.strip():
                yield _row(json.loads(line))


def _row(row: Mapping[str, Any] | str) -> Listed:
    if isinstance(row, str):
        return Listed(row)
    place = next((str(row[name]) for name in PATHS if row.get(name)), "")
    if not place:
        raise ValueError(f"a row has none of {', '.join(PATHS)}")
    name = next((str(row[name]) for name in NAMES if row.get(name)), "")
    return Listed(place, name, str(row.get(SECRET) or ""))


def _mets(path: str) -> Iterator[Listed]:
    """The page pictures of a METS document, in the order of its pages; METS 1.12, fileSec and structMap."""
    with open_file(path) as file:
        root = ElementTree.fromstring(file.read())
    if root.tag != f"{METS}mets":
        raise ValueError("the file is not METS")
    groups = {group.get("USE", ""): group for group in root.iter(f"{METS}fileGrp") if _pictures(group)}
    if not groups:
        return
    files = _pictures(groups[next((name for name in GROUPS if name in groups), next(iter(groups)))])
    pages = [div for div in root.iter(f"{METS}div") if div.get("TYPE") == "page"]
    ordered = [pointer.get("FILEID", "") for div in pages for pointer in div.iter(f"{METS}fptr")]
    wanted = [name for name in ordered if name in files] or list(files)
    yield from (Listed(files[name]) for name in dict.fromkeys(wanted))


def _pictures(group: ElementTree.Element) -> dict[str, str]:
    """The places of a group's pictures, by their identifiers."""
    return {
        file.get("ID", ""): place.get(f"{XLINK}href", "")
        for file in group.iterfind(f"{METS}file")
        for place in file.iterfind(f"{METS}FLocat")
        if file.get("MIMETYPE", "image/").startswith("image/")
    }


READERS: dict[str, Callable[[str], Iterator[Listed]]] = {
    ".txt": _text, ".lst": _text, ".csv": _table, ".tsv": _table, ".jsonl": _json_lines, ".ndjson": _json_lines,
    ".xml": _mets,
}  # fmt: skip
"""The reader of lists with each suffix."""
