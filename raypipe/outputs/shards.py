"""One file for many documents: a TAR archive, or one text in which each line stands by itself."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pyarrow as pa

from raypipe.files.paths import write_file
from raypipe.outputs.base import Format


class ShardFile:
    """A file of many documents in one format. Until it is complete it is a temporary file, to save memory."""

    def __init__(self, form: Format) -> None:
        self.suffix = form.suffix if form.lines else ".tar"
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name, "shard")
        self._file = self._path.open("wb")
        self._archive = None if form.lines else tarfile.TarFile(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._folder.cleanup()

    def add(self, name: str, data: bytes) -> None:
        """Adds a file."""
        if self._archive is None:
            self._file.write(data)
            return
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self._archive.addfile(member, io.BytesIO(data))

    def save(self, uri: str) -> None:
        """Writes the shard, completely or not at all.

        Raises:
            OSError: It cannot be written.
        """
        if self._archive is not None:
            self._archive.close()
        self._file.close()
        with pa.memory_map(str(self._path)) if self._path.stat().st_size else pa.BufferReader(b"") as whole:
            write_file(uri, whole.read_buffer())
