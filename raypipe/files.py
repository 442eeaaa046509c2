"""Paths and URIs to bytes, through pyarrow's file systems."""

from __future__ import annotations

import os

import pyarrow as pa
from pyarrow import fs

from raypipe.errors import Code, PageError


def read_file(uri: str, max_bytes: int | None = None) -> bytes:
    """The bytes of a local path or of a URI of any pyarrow file system.

    Raises:
        PageError: `file_missing` if it cannot be opened or read; `image_too_large`, unread, if over `max_bytes`.
    """
    try:
        with open_file(uri) as file:
            check_size(uri, file.size(), max_bytes)
            return bytes(file.read())
    except (OSError, ValueError) as error:
        raise PageError(
            Code.FILE_MISSING, f"{uri} cannot be read: {error}.", "Check its path and permissions."
        ) from error


def check_size(name: str, size: int, max_bytes: int | None) -> None:
    """Refuses a file of more than `max_bytes`.

    Raises:
        PageError: `image_too_large`.
    """
    if max_bytes is not None and size > max_bytes:
        message = f"{name} has {size:,} bytes, over the limit of {max_bytes:,}."
        raise PageError(Code.IMAGE_TOO_LARGE, message, "Raise BinaryToImage's max_bytes if you trust it.")


def resolve(uri: str) -> tuple[fs.FileSystem, str]:
    """The pyarrow file system of a path or URI, and the path in it."""
    if "://" in uri:
        return fs.FileSystem.from_uri(uri)  # type: ignore[no-any-return]
    return fs.LocalFileSystem(), os.path.abspath(_with_home(uri))  # noqa: PTH100 - removes .., which names must not have


def split_options(uri: str) -> tuple[str, str]:
    """A URI up to its `?`, and its options from there on; a local path has none."""
    end = min((at for at in map(uri.find, "?#") if at >= 0), default=len(uri)) if "://" in uri else len(uri)
    return uri[:end], uri[end:]


def _with_home(path: str) -> str:
    """A path with its leading `~` or `~user` expanded. Files whose names begin with `~` are left alone."""
    if not path.startswith("~") or os.path.isfile(path):  # noqa: PTH113 - false if a name is too long
        return path
    return os.path.expanduser(path)  # noqa: PTH111 - leaves ~ alone if there is no such user


def open_file(uri: str) -> pa.NativeFile:
    """A local path or URI, opened for random-access reading.

    Raises:
        OSError: It cannot be opened.
    """
    filesystem, path = resolve(uri)
    return filesystem.open_input_file(path)


def write_file(uri: str, data: bytes) -> None:
    """Writes a file whole or not at all, and creates the folders above it."""
    filesystem, path = resolve(uri)
    filesystem.create_dir(path.rsplit("/", 1)[0], recursive=True)
    with filesystem.open_output_stream(f"{path}.part", compression=None) as stream:
        stream.write(data)
    filesystem.move(f"{path}.part", path)
