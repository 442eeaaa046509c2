"""From paths and URIs to bytes, through pyarrow's file systems. Temporary errors, as of a busy bucket, are retried."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, unquote

import pyarrow as pa
from pyarrow import fs

from raypipe.errors import Code, InputError, PageError, reason_of
from raypipe.files import addresses, archives
from raypipe.files.retries import is_key_refused, retried
from raypipe.files.sizes import TooLargeError
from raypipe.plurals import counted

T = TypeVar("T")
RAISE = "Raise BinaryToImage's max_bytes if you trust it."
LOCAL = "file://"
URIS = "URIs begin with file:///, s3://, gs://, abfs:// or hdfs://, and spaces in them are written %20."
SCHEMES = ("file", "s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs")
"""What URIs of file systems of pyarrow begin with."""
SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
OBJECT_STORES = ("s3", "gcs", "abfs")
"""pyarrow's names of file systems that write an object completely or not at all."""
AT_ONCE = "allow_delayed_open"
"""An option of URIs of S3, from pyarrow 21 on: an object of up to 10 MB is written by one request instead of three, and
a job that is killed leaves no upload that nobody ends. What goes wrong is raised when the object is closed."""


def read_file(uri: str, max_bytes: int | None = None) -> bytes:
    """The bytes of a local path or of a URI of any pyarrow file system.

    Raises:
        PageError: `file_missing` if it cannot be opened or read; `image_too_large`, unread, if over `max_bytes`.
        InputError: The bucket does not accept the key.
    """
    try:
        return _read(uri, max_bytes)
    except TooLargeError as error:
        raise PageError(Code.IMAGE_TOO_LARGE, f"{uri} cannot be read: {reason_of(error)}.", RAISE) from error
    except (OSError, ValueError) as error:
        stop_without_key(uri, error)
        remedy = error.remedy if isinstance(error, archives.ArchiveError) else _remedy(uri)
        raise PageError(Code.FILE_MISSING, f"{uri} cannot be read: {reason_of(error)}.", remedy) from error


def _remedy(uri: str) -> str:
    if "\N{REPLACEMENT CHARACTER}" in uri or not is_text(uri):
        return "Rename it if its name is not UTF-8 (`convmv -f latin1 -t utf-8`), else check its path and permissions."
    return "Check its path and permissions."


def stop_without_key(uri: str, error: Exception) -> None:
    """Raises an error that stops a job if a bucket does not accept the key, since all other files would fail as well.

    Raises:
        InputError: It does not accept it.
    """
    if is_key_refused(error) and not _answers(uri):
        remedy = "Renew the credentials: the same command then goes on."
        raise InputError(f"{split_options(uri)[0]} cannot be read: {reason_of(error)}.", remedy) from error


def _answers(uri: str) -> bool:
    """Whether the bucket itself can be accessed, so that only an object was refused."""
    try:
        filesystem, path = resolve(uri)
        filesystem.get_file_info(path.partition("/")[0])
    except OSError as error:
        return not is_key_refused(error)
    return True


@retried
def _read(uri: str, max_bytes: int | None) -> bytes:
    with _opened(uri, max_bytes) as file:
        check_size(uri, file.size(), max_bytes)
        return bytes(file.read())


def check_size(name: str, size: int, max_bytes: int | None) -> None:
    """Refuses a file of more than `max_bytes`.

    Raises:
        PageError: `image_too_large`.
    """
    if max_bytes is not None and size > max_bytes:
        message = f"{name} has {counted(size, 'byte')}, over the limit of {max_bytes:,}."
        raise PageError(Code.IMAGE_TOO_LARGE, message, RAISE)


class UriError(OSError):
    """A URI is not of a file system, or not written as such."""


def resolve(uri: str) -> tuple[fs.FileSystem, str]:
    """The pyarrow file system of a path or URI, and the path in it.

    Raises:
        OSError: It is not UTF-8, as Arrow needs it; a `UriError`: of a URI that names no file system.
    """
    if not is_text(uri):
        raise OSError("its name is not UTF-8")
    if "://" in uri:
        try:
            return fs.FileSystem.from_uri(_at_once(uri))  # type: ignore[no-any-return]
        except pa.ArrowInvalid as error:
            raise UriError(reason_of(error)) from error
    return fs.LocalFileSystem(), os.path.abspath(with_home(uri))  # noqa: PTH100 - removes .., which names must not have


def is_text(path: str) -> bool:
    """Whether a path or URI is UTF-8, unlike names on disks that are older or come from other systems."""
    return path.isascii() or path.encode(errors="replace").decode() == path


def _at_once(uri: str) -> str:
    """A URI with `AT_ONCE`, if this version of pyarrow knows it for the URI, which does not say it itself."""
    place, options = split_options(uri)
    if not uri.startswith("s3://") or AT_ONCE in options or int(pa.__version__.partition(".")[0]) < 21:
        return uri
    return f"{place}?{AT_ONCE}=true{options.replace('?', '&', 1)}"


def split_options(uri: str) -> tuple[str, str]:
    """A URI up to its `?`, and its options from there on; a local path has no options."""
    end = min((at for at in map(uri.find, "?#") if at >= 0), default=len(uri)) if "://" in uri else len(uri)
    return uri[:end], uri[end:]


def without_scheme(uri: str) -> str:
    """The local path of a `file` URI; any other path or URI as it is."""
    return unquote(split_options(uri)[0].removeprefix(LOCAL)) if uri.startswith(LOCAL) else uri


def with_home(path: str) -> str:
    """A path with its leading `~` or `~user` expanded. Files whose names begin with `~` are left alone."""
    if not path.startswith("~") or os.path.isfile(path):  # noqa: PTH113 - false if a name is too long
        return path
    return os.path.expanduser(path)  # noqa: PTH111 - leaves ~ alone if there is no such user


@retried
def open_file(uri: str) -> pa.NativeFile:
    """A local path or URI, opened for random-access reading.

    Raises:
        OSError: It cannot be opened.
    """
    return _opened(uri)


@retried
def parsed(uri: str, parse: Callable[[pa.NativeFile], T]) -> T:
    """What a function makes of a local path or URI; as a whole, it is tried again after a temporary error.

    Raises:
        OSError: It cannot be opened or read.
    """
    with _opened(uri) as file:
        return parse(file)


def _opened(uri: str, max_bytes: int | None = None) -> pa.NativeFile:
    """A file, a file in an archive, or one behind a web address; the latter two are limited to `max_bytes`."""
    if addresses.is_address(uri):
        return pa.BufferReader(addresses.fetch(uri, max_bytes))
    inside = _split_archive(uri)
    if inside:
        archive, name = inside
        return pa.BufferReader(archives.read(archive, name, version(archive), _opened, max_bytes))
    filesystem, path = resolve(uri)
    if isinstance(filesystem, fs.LocalFileSystem) and (kind := special_kind(path)):
        raise OSError(f"it is {kind}, not a file")  # To open a pipe waits for its other end.
    return filesystem.open_input_file(path)


def special_kind(path: str) -> str:
    """What a local path is that is neither a file nor a folder, in words; empty if it is one of these or missing."""
    try:
        return SPECIAL.get(stat.S_IFMT(Path(path).stat().st_mode), "")
    except (OSError, ValueError):
        return ""


def archive_members(uri: str) -> list[archives.Member]:
    """The files of an archive.

    Raises:
        OSError: It cannot be read.
    """
    return archives.members(uri, version(uri), _opened)


def _split_archive(uri: str) -> tuple[str, str] | None:
    """The path or URI of a file's archive, and the file's name in it; see `archives.split`."""
    place, options = split_options(uri)
    inside = archives.split(place)
    if inside is None:
        return None
    return inside[0] + options, unquote(inside[1]) if "://" in uri else inside[1]


@retried
def info_of(filesystem: fs.FileSystem, path: str) -> fs.FileInfo:
    """The information of a file system about a path."""
    return filesystem.get_file_info(path)


def version(uri: str) -> tuple[int, int]:
    """Size and time of a file, or of its archive if it is in one; zeros for a web address, which is not contacted."""
    if addresses.is_address(uri):
        return 0, 0
    inside = _split_archive(uri)
    filesystem, path = resolve(inside[0] if inside else uri)
    info = info_of(filesystem, path)
    return int(info.size or 0), int(info.mtime_ns or 0)


def join(folder: str, name: str) -> str:
    """The path or URI of a name below a folder."""
    place, options = split_options(folder)
    return f"{place.rstrip('/')}/{quote(name) if '://' in folder else name}{options}"


def names_in(folder: str) -> list[str]:
    """The names of the files in a folder, in order; none if it does not exist."""
    return [*sizes_in(folder)]


@retried
def sizes_in(folder: str) -> dict[str, int]:
    """The bytes of the files in a folder, by their names, in the order of these; none if it does not exist."""
    filesystem, path = resolve(folder)
    try:
        found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    except FileNotFoundError:  # The folder was made or removed at the same moment.
        return {}
    return dict(sorted((info.base_name, info.size or 0) for info in found if info.type == fs.FileType.File))


def modified(uri: str) -> float:
    """When a file was last written, in seconds since 1970; 0 if its file system does not say."""
    return float(info_of(*resolve(uri)).mtime_ns or 0) / 1e9


def exists(uri: str) -> bool:
    """Whether there is a file or folder."""
    return bool(info_of(*resolve(uri)).type != fs.FileType.NotFound)


@retried
def remove_file(uri: str) -> None:
    """Removes a file, if it exists."""
    filesystem, path = resolve(uri)
    if filesystem.get_file_info(path).type == fs.FileType.File:
        with suppress(FileNotFoundError):  # Another removed it at the same moment.
            filesystem.delete_file(path)


@retried
def write_file(uri: str, data: bytes | pa.Buffer) -> None:
    """Writes a file completely or not at all, and creates the folders above it."""
    filesystem, path = resolve(uri)
    if filesystem.type_name in OBJECT_STORES:  # They show only complete objects, and have no folders.
        with filesystem.open_output_stream(path, compression=None) as stream:
            stream.write(data)
        return
    filesystem.create_dir(path.rsplit("/", 1)[0], recursive=True)
    part = f"{path}.part"
    try:
        with filesystem.open_output_stream(part, compression=None) as stream:
            stream.write(data)
        filesystem.move(part, path)
    except BaseException:  # Also a signal that stops the job.
        with suppress(OSError):
            filesystem.delete_file(part)
        raise
