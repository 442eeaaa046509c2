"""Files in ZIP and TAR archives, as `archive.zip!/folder/page.png`, and rows of tables.

An archive stays open for its next file.
"""

from __future__ import annotations

import gzip
import io
import logging
import lzma
import shutil
import tarfile
import tempfile
import threading
import zipfile
from bz2 import BZ2File
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple, Protocol, TypeVar

from raypipe.files import tables

T = TypeVar("T")
MARK = "!/"
"""Separates the name of an archive from that of a file in it."""
COMPRESSED: dict[str, Callable[[Any], Any]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file), ".tgz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": BZ2File, ".tbz2": BZ2File, ".xz": lzma.LZMAFile, ".txz": lzma.LZMAFile,
}  # fmt: skip
SUFFIXES = (".zip", ".cbz", ".tar", ".cbt", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", tables.SUFFIX)
MOST_OPEN = 8
"""Archives that this process keeps open."""
BUFFER = 1024 * 1024
"""Bytes of an archive that are read at once, since over a network each request takes tens of milliseconds."""


class Member(NamedTuple):
    """A file in an archive: its name, and its bytes when unpacked; -1: unknown."""

    name: str
    size: int


class Archive(Protocol):
    """An open archive, used by one thread at a time."""

    def members(self) -> Iterator[tuple[str, int]]:
        """Its files, in their order: their names, and their bytes when unpacked; -1: unknown."""

    def size(self, name: str) -> int:
        """The size of a file when unpacked. Raises a KeyError if there is none of this name."""

    def read(self, name: str) -> bytes:
        """The bytes of a file."""

    def close(self) -> None:
        """Closes the archive."""


def is_archive(path: str) -> bool:
    """Whether a file is an archive by its name."""
    return path.lower().endswith(SUFFIXES)


def split(path: str) -> tuple[str, str] | None:
    """The archive of a file and the file's name in it; None: the file is not in an archive."""
    place = next((at for at in _marks(path) if is_archive(path[:at])), None)
    return None if place is None else (path[:place], path[place + len(MARK) :])


def _marks(path: str) -> Iterator[int]:
    place = path.find(MARK)
    while place >= 0:
        yield place
        place = path.find(MARK, place + 1)


class Zip:
    """A ZIP archive."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._zip = zipfile.ZipFile(file)

    def members(self) -> Iterator[Member]:
        """See `Archive`."""
        return (Member(each.filename, each.file_size) for each in self._zip.infolist() if not each.is_dir())

    def size(self, name: str) -> int:
        """See `Archive`."""
        return self._zip.getinfo(name).file_size

    def read(self, name: str) -> bytes:
        """See `Archive`."""
        return self._zip.read(name)

    def close(self) -> None:
        """See `Archive`."""
        self._zip.close()
        self._file.close()


class Tar:
    """A TAR archive, whose files are located once and then read directly. A compressed one is unpacked first."""

    def __init__(self, file: IO[bytes], suffix: str, path: str) -> None:
        unpack = COMPRESSED.get(suffix)
        self._file = file
        if unpack:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the archive
            with file, unpack(file) as unpacked:
                shutil.copyfileobj(unpacked, self._file, BUFFER)
            self._file.seek(0)
        self._places: dict[str, tuple[int, int]] = {}
        if not self._locate():
            logging.getLogger(__name__).warning(
                "%s is damaged or cut off: of its files the first %d are read. Copy it again from its source.",
                path,
                len(self._places),
            )

    def _locate(self) -> bool:
        """Finds the files; False if what follows the last that is found is neither another nor the end."""
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as opened:
                for each in opened:
                    if each.isfile():
                        self._places[each.name] = each.offset_data, each.size
                self._file.seek(opened.offset)
            return not self._file.read(tarfile.BLOCKSIZE).strip(b"\0")
        except tarfile.ReadError:
            if not self._places:
                raise
            return False

    def members(self) -> Iterator[Member]:
        """See `Archive`."""
        return (Member(name, size) for name, (_, size) in self._places.items())

    def size(self, name: str) -> int:
        """See `Archive`."""
        return self._places[name][1]

    def read(self, name: str) -> bytes:
        """See `Archive`."""
        place, size = self._places[name]
        self._file.seek(place)
        return self._file.read(size)

    def close(self) -> None:
        """See `Archive`."""
        self._file.close()


class _Open(NamedTuple):
    version: object
    archive: Archive
    lock: threading.Lock


_opened: OrderedDict[str, _Open] = OrderedDict()
_lock = threading.Lock()


def members(path: str, version: object, opener: Callable[[str], IO[bytes]]) -> list[Member]:
    """The files of an archive.

    Args:
        path: Its path or URI.
        version: A value that changes when the archive does.
        opener: Opens it for random access.

    Raises:
        OSError: It cannot be read.
    """
    return _with(path, version, opener, lambda archive: [Member(*each) for each in archive.members()])


def read(path: str, name: str, version: object, opener: Callable[[str], IO[bytes]], most: int | None) -> bytes:
    """The bytes of a file in an archive, if it has no more than `most`; see `members`.

    Raises:
        OSError: It cannot be read, or is larger.
    """

    def found(archive: Archive) -> bytes:
        try:
            size = archive.size(name)
        except KeyError as error:
            raise FileNotFoundError(f"{path} holds no {name}") from error
        if most is not None and size > most:
            raise OSError(f"{name} has {size:,} bytes, over the limit of {most:,}")
        return archive.read(name)

    return _with(path, version, opener, found)


def _with(path: str, version: object, opener: Callable[[str], IO[bytes]], use: Callable[[Archive], T]) -> T:
    try:
        with _lock:
            known = _opened.pop(path, None)
            if known is None or known.version != version:
                known = _Open(version, _archive(path, opener(path)), threading.Lock())
            _opened[path] = known
            while len(_opened) > MOST_OPEN:
                _, (_, oldest, in_use) = _opened.popitem(last=False)
                with in_use:
                    oldest.close()
        with known.lock:
            return use(known.archive)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, lzma.LZMAError, ValueError, RuntimeError) as error:
        raise OSError(f"{path} is damaged or encrypted: {error}") from error


def _archive(path: str, file: IO[bytes]) -> Archive:
    suffix = path[path.rfind(".") :].lower()
    if suffix == tables.SUFFIX:
        return tables.Table(file)
    whole = io.BufferedReader(file, BUFFER)  # type: ignore[type-var] # It has the methods that are needed.
    return Zip(whole) if suffix in (".zip", ".cbz") else Tar(whole, suffix, path)
