"""Files in ZIP and TAR archives, as `archive.zip!/folder/page.png`, and rows of tables.

An archive stays open for its next file.
"""

from __future__ import annotations

import gzip
import io
import logging
import lzma
import os
import re
import tarfile
import tempfile
import threading
import zipfile
import zlib
from bz2 import BZ2File
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from posixpath import dirname, join, normpath
from typing import IO, Any, NamedTuple, TypeAlias, TypeVar

import pyarrow as pa

from raypipe.errors import COPY_AGAIN
from raypipe.files import tables
from raypipe.files.sizes import MOST_BYTES, TooLargeError
from raypipe.plurals import counted

T = TypeVar("T")
MARK = "!/"
"""Separates the name of an archive from that of a file in it."""
COMPRESSED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file), b"BZh": BZ2File, b"\xfd7zXZ": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": lambda file: pa.CompressedInputStream(file, "zstd"),
}  # fmt: skip
"""What unpacks a TAR, by its first bytes: browsers unpack what they fetch and keep its name."""
SUFFIXES = (
    ".zip", ".cbz", ".tar", ".cbt", ".tgz", ".tbz2", ".txz", ".tzst", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst",
    tables.SUFFIX,
)  # fmt: skip
MOST_OPEN = 8
"""Archives that this process keeps open."""
MOST_MAGIC = 5
MOST_EMPTY = 64
"""An empty ZIP has fewer bytes."""
ENCRYPTED, UTF_8 = 1, 0x800
"""Flags of a file in a ZIP, and of its name: APPNOTE 4.4.4."""
END_OF_ZIP, MOST_END = b"PK\5\6", 22 + 65535
"""The beginning of the record at the end of a ZIP, and most bytes of it: APPNOTE 4.3.16."""
UNPACK = "Unpack it with its password, or with the program that packed it, and read the folder."
BUFFER = 1024 * 1024
"""Bytes of an archive that are read at once, since over a network each request takes tens of milliseconds."""


class ArchiveError(OSError):
    """An archive cannot be read; its `remedy` says what to do about it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class Member(NamedTuple):
    """A file in an archive: its name, and its bytes when unpacked; -1: unknown."""

    name: str
    size: int


def is_archive(path: str) -> bool:
    """Whether a file is an archive by its name."""
    return path.lower().endswith(SUFFIXES)


def split(path: str) -> tuple[str, str] | None:
    """The archive of a file and the file's name in it; None: the file is not in an archive.

    A folder may have a name such as `a.zip!`, too.
    """
    for mark in re.finditer(MARK, path):
        is_folder = "://" not in path and os.path.isdir(path[: mark.end()])  # noqa: PTH112 - false if a name is too long
        if is_archive(path[: mark.start()]) and not is_folder:
            return path[: mark.start()], path[mark.end() :]
    return None


def _by_name(found: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Files by their names, of which a second `a.png` becomes `a-2.png`: an archive may hold several of one name."""
    named: dict[str, T] = {}
    counts = Counter[str]()
    for name, each in found:
        counts[name] += 1
        unique, place = name, PurePosixPath(name)
        while unique in named:
            unique = str(place.with_name(f"{place.stem}-{counts[name]}{place.suffix}"))
            counts[name] += unique in named
        named[unique] = each
    return named


def _text(name: str) -> str:
    """A name in a TAR as text that rows can hold: where it is not UTF-8, most often it is older than that."""
    data = name.encode("utf-8", "surrogateescape")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _name_in_zip(found: zipfile.ZipInfo) -> str:
    """A name in a ZIP, which macOS writes in UTF-8 without saying so."""
    if not found.flag_bits & UTF_8:
        with suppress(UnicodeError):
            return found.filename.encode("cp437").decode()
    return found.filename


class Zip:
    """A ZIP archive, used by one thread at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._zip = zipfile.ZipFile(file)
        if self._is_part():
            raise RuntimeError("it is one of several parts")
        self._found = _by_name((_name_in_zip(each), each) for each in self._zip.infolist() if not each.is_dir())

    def _is_part(self) -> bool:
        """Whether it is the last part of an archive, whose files are in others, too."""
        self._file.seek(max(self._file.seek(0, io.SEEK_END) - MOST_END, 0))
        end = self._file.read()
        part_at = end.rfind(END_OF_ZIP) + len(END_OF_ZIP)
        return end[part_at : part_at + 2] not in (b"\0\0", b"\xff\xff")

    def members(self) -> Iterator[Member]:
        """Its files, in their order: their names, and their bytes when unpacked; -1: unknown."""
        return (Member(name, each.file_size) for name, each in self._found.items())

    def size(self, name: str) -> int:
        """The size of a file when unpacked. Raises a KeyError if there is none of this name."""
        return self._found[name].file_size

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        found = self._found[name]
        if found.flag_bits & ENCRYPTED:
            raise RuntimeError(f"{name} is encrypted")
        with self._zip.open(found) as file:  # No further than it says, whatever it would unpack to.
            return file.read(found.file_size)

    def close(self) -> None:
        """Closes the archive and its file."""
        self._zip.close()
        self._file.close()


class Tar:
    """A TAR archive, whose files are located once and then read directly. A compressed one is unpacked first.

    Links to files in it are files, too; others are left out.
    """

    def __init__(self, file: IO[bytes], path: str) -> None:
        start = file.read(MOST_MAGIC)
        file.seek(0)
        unpack = next((opened for begin, opened in COMPRESSED.items() if start.startswith(begin)), None)
        self._file, reason = file, None
        if unpack:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the archive
            with file, unpack(file) as unpacked:
                reason = _copied(unpacked, self._file)
            self._file.seek(0)
        found: list[tuple[str, tuple[int, int]]] = []
        is_whole = self._locate(found) and reason is None
        if reason and not found:
            raise reason
        self._places = _by_name(found)
        if not is_whole:
            message = "%s is damaged or cut off: only its first %s can be read. Copy it again."
            logging.getLogger(__name__).warning(message, path, counted(len(self._places), "file"))

    def _locate(self, found: list[tuple[str, tuple[int, int]]]) -> bool:
        """Finds the files' names and places; False if what follows the last is neither another nor the end."""
        links = dict[str, str]()
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as opened:
                for each in opened:
                    if each.isfile():
                        found.append((_text(each.name), (each.offset_data, each.size)))
                    elif each.islnk():
                        links[_text(each.name)] = _text(each.linkname)
                    elif each.issym():
                        links[_text(each.name)] = _text(normpath(join(dirname(each.name), each.linkname)))
                self._file.seek(opened.offset)
            return not self._file.read(tarfile.BLOCKSIZE).strip(b"\0")
        except tarfile.ReadError:
            if not found:
                raise
            return False
        finally:
            places = dict(found)
            found += [(name, places[target]) for name, target in links.items() if target in places]

    def members(self) -> Iterator[Member]:
        """See `Zip`."""
        return (Member(name, size) for name, (_, size) in self._places.items())

    def size(self, name: str) -> int:
        """See `Zip`."""
        return self._places[name][1]

    def read(self, name: str) -> bytes:
        """See `Zip`."""
        place, size = self._places[name]
        self._file.seek(place)
        return self._file.read(size)

    def close(self) -> None:
        """See `Zip`."""
        self._file.close()


def _copied(packed: Any, target: IO[bytes]) -> Exception | None:
    """Unpacks a file as far as that is possible; returns what was wrong then, None at its end."""
    try:
        while piece := packed.read1(BUFFER):  # What comes before the damage is read, not as much as is asked for.
            target.write(piece)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        return error
    return None


Archive: TypeAlias = Zip | Tar | tables.Table
"""An open archive."""


class _Open(NamedTuple):
    version: object
    archive: Archive
    lock: threading.Lock


_opened: OrderedDict[str, _Open] = OrderedDict()
_lock = threading.Lock()


def members(path: str, version: object, opener: Callable[[str], IO[bytes]]) -> list[Member]:
    """The files of an archive, which is opened again for random access if its version has changed.

    Raises:
        OSError: It cannot be read.
    """
    return _with(path, version, opener, lambda archive: [Member(*each) for each in archive.members()])


def read(path: str, name: str, version: object, opener: Callable[[str], IO[bytes]], most: int | None) -> bytes:
    """The bytes of a file in an archive, if it has no more than `most`, or `MOST_BYTES`; see `members`.

    Raises:
        OSError: It cannot be read, or is larger.
    """

    def found(archive: Archive) -> bytes:
        try:
            size = archive.size(name)
        except KeyError as error:
            raise FileNotFoundError(f"{path} holds no {name}") from error
        if size > (MOST_BYTES if most is None else most):
            raise TooLargeError(f"{name} has {size:,} bytes, over the limit of {most or MOST_BYTES:,}")
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
    except tables.NoPicturesError as error:
        raise ArchiveError(f"{path}: {error}", "Name the column of pictures like one of these.") from error
    except RuntimeError as error:  # So zipfile says that a file needs a password, or is packed in an unknown way.
        raise ArchiveError(f"{path} cannot be unpacked: {error}", UNPACK) from error
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, lzma.LZMAError, zlib.error, ValueError) as error:
        raise ArchiveError(f"{path} is damaged: {error}", COPY_AGAIN) from error


def _archive(path: str, file: IO[bytes]) -> Archive:
    suffix = path[path.rfind(".") :].lower()
    if suffix == tables.SUFFIX:
        return tables.Table(file)
    whole: Any = io.BufferedReader(file, BUFFER)
    if not (start := whole.peek(1)):
        raise EOFError("it is empty")
    if suffix not in (".zip", ".cbz"):
        return Tar(whole, path)
    # zipfile looks for more before the end of an empty archive than there is, which is not an OSError of pyarrow's.
    return Zip(io.BytesIO(whole.read()) if len(start) < MOST_EMPTY else whole)
