"""Lists of documents: text with one path or URI per line, CSV and JSON lines with further columns, and METS files."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

from raypipe.errors import InputError, reason_of
from raypipe.files.addresses import is_address
from raypipe.files.paths import exists, join, open_file, resolve, split_options
from raypipe.images.passwords import Passwords, add_passwords

PATHS = ("path", "uri", "url", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path")
"""Columns that may hold a document's path, the first that exists; in JSON, also an object with a `path`."""
NAMES = ("id", "name")
"""Columns that may hold a document's name in the output folder, the first that exists."""
DELIMITERS = ",;\t|"
"""What may separate the columns of a table: the one of which its head has most."""
_QUOTED = re.compile(r'"(.*)"')
"""A path as Windows copies it."""
SECRET = "password"
"""Column with the password of a locked document."""
METS, XLINK = "{http://www.loc.gov/METS/}", "{http://www.w3.org/1999/xlink}"
NO_PLACES = ("URN", "DOI", "HANDLE", "ARK")
"""Identifiers of files, which do not say where a file is."""
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
    """The documents of a list, given by its path or URI. Relative paths are relative to its folder.

    Raises:
        InputError: It is not such a list, or names nothing.
        OSError: It cannot be read.
    """
    reader, found = reader_of(path), None
    assert reader, path
    folder = split_options(path)[0].rpartition("/")[0]
    try:
        for found in reader(path):
            if "\0" in found.path:
                raise ValueError("it has NUL characters, as lists in UTF-16 and of `find -print0` have")
            yield found._replace(path=_absolute(folder, found.path))
    except UnicodeError as error:
        raise InputError(f"{path} is not in UTF-8.", "Save it in UTF-8; Excel calls that CSV UTF-8.") from error
    except (ValueError, csv.Error, ElementTree.ParseError) as error:
        where = f" after {found.path}" if found and "\0" not in found.path else ""
        raise InputError(f"{path} is not a list of documents{where}: {reason_of(error)}.", REMEDIES[reader]) from error
    if found is None:
        raise InputError(f"{path} names no document.", REMEDIES[reader])


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
        if not any(SECRET in line.lower() for line in (islice(lines, 2) if has_head else lines)):
            return {}
    return {each.path: each.password for each in documents(path) if each.password}


def _absolute(folder: str, path: str) -> str:
    if "://" in path:
        return path
    if not path.startswith(("/", "~")):
        if "\\" in path and not exists(join(folder, path)):  # As Windows writes it.
            path = path.replace("\\", "/")
        path = join(folder, path.removeprefix("./"))
    return path if "://" in path else resolve(path)[1]


def _lines(path: str) -> io.TextIOWrapper:
    file = open_file(path)
    is_wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # As spreadsheets write it.
    file.seek(0)
    return io.TextIOWrapper(file, encoding="utf-16" if is_wide else "utf-8-sig", newline="")


def _text(path: str) -> Iterator[Listed]:
    with _lines(path) as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                yield Listed(_QUOTED.sub(r"\1", line.strip()))


def _table(path: str) -> Iterator[Listed]:
    with _lines(path) as lines:
        head = lines.readline()
        if head.lower().startswith("sep="):  # Excel's way to name the delimiter.
            head = lines.readline()
        tabs = PurePosixPath(split_options(path)[0]).suffix.lower() == ".tsv"
        delimiter = "\t" if tabs else max(DELIMITERS, key=head.count)
        for row in csv.DictReader(chain([head], lines), delimiter=delimiter, strict=True):
            if any(chain.from_iterable(value or "" for value in row.values())):  # Else it has delimiters alone.
                yield _row(row)


def _json_lines(path: str) -> Iterator[Listed]:
    with _lines(path) as lines:
        for line in lines:
            if line.strip():
                try:
                    yield _row(json.loads(line))
                except json.JSONDecodeError as error:  # It knows this line alone, which may hold a password.
                    raise ValueError(f"{error.msg} at character {error.pos + 1} of a line") from error


def _row(row: object) -> Listed:
    if isinstance(row, str):
        return Listed(row)
    if not isinstance(row, Mapping):
        raise ValueError("a row is neither text nor an object")
    row = {str(name).strip().lower(): value for name, value in row.items()}
    given = (row.get(name) for name in PATHS)
    place = next((str(each) for each in (v.get("path") if isinstance(v, Mapping) else v for v in given) if each), "")
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
    for kind in ("image/", "application/pdf"):
        found = ((group.get("USE", ""), _pictures(group, kind)) for group in root.iter(f"{METS}fileGrp"))
        if groups := {use: files for use, files in found if files}:
            break
    else:
        return
    files = groups[next((name for name in GROUPS if name in groups), next(iter(groups)))]
    pages = [div for div in root.iter(f"{METS}div") if div.get("TYPE") == "page"]
    ordered = [pointer.get("FILEID", "") for div in pages for pointer in div.iter(f"{METS}fptr")]
    wanted = [name for name in ordered if name in files] or list(files)
    yield from (Listed(files[name]) for name in dict.fromkeys(wanted))


def _pictures(group: ElementTree.Element, kind: str) -> dict[str, str]:
    """The places of a group's files of a kind, by their identifiers."""
    files = [file for file in group.iterfind(f"{METS}file") if file.get("MIMETYPE", "image/").startswith(kind)]
    return {file.get("ID", f"file {n}"): _place(file) for n, file in enumerate(files, 1)}


def _place(file: ElementTree.Element) -> str:
    """The path or address of a file of a METS document; if it has none, what names it, so that its row can say so."""
    found = [(place.get("LOCTYPE"), place.get(f"{XLINK}href", "")) for place in file.iterfind(f"{METS}FLocat")]
    hrefs = [href for loctype, href in sorted(found, key=lambda each: each[0] in NO_PLACES) if href]
    place = next(iter(hrefs), file.get("ID", "a file without a place"))
    return place if "://" in place else unquote(place.removeprefix("file:"))


READERS: dict[str, Callable[[str], Iterator[Listed]]] = {
    ".txt": _text, ".lst": _text, ".csv": _table, ".tsv": _table, ".jsonl": _json_lines, ".ndjson": _json_lines,
    ".xml": _mets,
}  # fmt: skip
"""The reader of lists with each suffix."""
REMEDIES: dict[Callable[[str], Iterator[Listed]], str] = {
    _text: "Give one path or URI per line.",
    _table: "Name its column of paths `path` in its first line.",
    _json_lines: 'Give one object per line, such as {"path": "a.png"}.',
    _mets: "Of XML, METS documents with their files are read.",
}
"""What each reader expects of a list that it cannot read."""
