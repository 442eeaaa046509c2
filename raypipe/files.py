"""Paths and URIs to bytes, through pyarrow's file systems."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from raypipe.errors import PageError


def read_file(uri: str) -> bytes:
    """The bytes of a local path or of a URI of any pyarrow file system.

    Raises:
        PageError: `file_missing`, where it cannot be opened or read.
    """
    try:
        filesystem, path = resolve(uri)
        with filesystem.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read())
    except (OSError, ValueError) as error:
        raise PageError("file_missing", f"{uri} cannot be read: {error}.", "Check its path and permissions.") from error


def resolve(uri: str) -> tuple[fs.FileSystem, str]:
    """The pyarrow file system of a path or URI, and the path in it."""
    if "://" in uri:
        return fs.FileSystem.from_uri(uri)  # type: ignore[no-any-return]
    return fs.LocalFileSystem(), os.path.abspath(Path(uri).expanduser())  # noqa: PTH100 - takes out the .. that names must not have


def open_file(uri: str) -> pa.NativeFile:
    """A local path or URI, opened for reading at any place.

    Raises:
        OSError: It cannot be opened.
    """
    filesystem, path = resolve(uri)
    return filesystem.open_input_file(path)


def write_file(uri: str, data: bytes) -> None:
    """Writes a file whole or not at all, with the folders above it."""
    filesystem, path = resolve(uri)
    filesystem.create_dir(path.rsplit("/", 1)[0], recursive=True)
    with filesystem.open_output_stream(f"{path}.part", compression=None) as stream:
        stream.write(data)
    filesystem.move(f"{path}.part", path)
