"""The output folder of a job: the one place that knows its layout.

Only the two files by which a listing recognizes such a folder are named below, in `inputs/listing.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from pyarrow import fs

from raypipe.errors import UNTIL_WRITABLE, ConfigError, OutputError, PageError, reason_of
from raypipe.files.paths import (
    SCHEMES,
    URIS,
    exists,
    is_text,
    join,
    read_file,
    remove_file,
    resolve,
    with_home,
    without_scheme,
    write_file,
)
from raypipe.inputs.listing import JOB_FILES
from raypipe.keys import public
from raypipe.outputs.formats import FORMATS

GONE = "it was removed or renamed, or is on a disk that not all nodes share"
MOVED = "Give its new name, where all nodes see it, as --output: the same command then goes on."
LEASE = ".lease"
"""The file that says whether a job writes to a folder; see `lease.py`."""


class OutputFolder:
    """A folder on a local disk, on one that all nodes share, or in a bucket.

    It holds `pipeline.toml`; `shards/`: the documents of the job and what came of them, see `shards.py`;
    `results/*.parquet`: one row per page; and, if asked for, `overlays/` and a folder for each output format.

    Args:
        place: A path, or a URI of any file system of pyarrow; of `file`, it is taken as the path.

    Attributes:
        uri: Its absolute path, or its URI.
        declared: The file with the pipeline that made the results.
        job: The file that says what the latest job was asked to read.
        report: The report of the job.
        reading: The file that is there while one process reads a job's pages; afterwards only if that ended at once.
        shards: The folder of the ledger.
        results: The folder of the Parquet files.
        overlays: The folder of the pictures with regions and text drawn over them.
        identity: What tells it from another folder of its name, once a job writes to it.

    Raises:
        ConfigError: The path is empty or not UTF-8, or the URI is of no such file system.
    """

    def __init__(self, place: str | Path) -> None:
        text = os.fspath(place)
        if _is_wrong(text):
            raise ConfigError(f"{text} is no place for an output folder.", URIS)
        text = without_scheme(text)
        if not text:
            raise ConfigError("The output folder has no name.", "Give one; . is the current folder.")
        if not is_text(text):
            raise ConfigError(f"The name of the output folder {text} is not UTF-8.", "Choose another folder.")
        self.uri = text if "://" in text else os.path.abspath(with_home(text))  # noqa: PTH100 - removes ..
        self.declared, self.job = (join(self.uri, name) for name in JOB_FILES)
        self.report, self.overlays = join(self.uri, "report.html"), join(self.uri, "overlays")
        self.reading = join(self.uri, ".reading")
        self.shards, self.results = join(self.uri, "shards"), join(self.uri, "results")
        self.identity: str | None = None

    def __str__(self) -> str:
        return public(self.uri)

    def asked(self) -> dict[str, Any]:
        """The contents of `job`; empty if there is none, or if a power failure cut it off."""
        try:
            said: dict[str, Any] = json.loads(read_file(self.job)) if exists(self.job) else {}
        except ValueError:
            return {}
        return said

    def documents(self, form: str) -> str:
        """The folder of the documents in an output format."""
        return join(self.uri, form)

    @property
    def local(self) -> Path | None:
        """The folder, if it is not in a bucket."""
        return None if "://" in self.uri else Path(self.uri)

    @cached_property
    def ignores_case(self) -> bool:
        """Whether its disk ignores case in names; such disks also ignore how accents are encoded."""
        return self.local is not None and (self.local / LEASE.upper()).exists()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Turns errors of the folder's disk or bucket in a block into an `OutputError`, which stops the job."""
        try:
            yield
        except (OSError, PageError) as error:
            raise OutputError(f"{self} cannot be read or written: {reason_of(error)}.", UNTIL_WRITABLE) from error

    def check_there(self) -> None:
        """Makes sure that a local folder is the one that a job began to write to, if one did.

        Raises:
            OutputError: It was removed or renamed, even if another job has made it anew, or not all nodes share it.
        """
        if self.local and self.identity not in (None, self.asked().get("folder")):
            raise OutputError(f"{self} is not the folder in which this job began: {GONE}.", MOVED)

    @contextmanager
    def being_read(self) -> Iterator[None]:
        """Keeps a local folder's `reading` there during a block."""
        if not self.local:
            yield
            return
        write_file(self.reading, b"")
        try:
            yield
        finally:
            with suppress(OSError):  # Of a disk that fails, which has been said.
                remove_file(self.reading)

    def clear(self) -> None:
        """Removes what jobs write here.

        Raises:
            ConfigError: No job made it.
        """
        parts = [part for part in self._parts() if exists(part)]
        if parts and not exists(self.declared):
            raise ConfigError(f"{parts[0]} was not made by raypipe.", "Choose another folder.")
        for part in parts:
            filesystem, path = resolve(part)
            if filesystem.get_file_info(path).type == fs.FileType.Directory:
                filesystem.delete_dir(path)

    def check_inputs(self, paths: Iterable[str]) -> None:
        """Makes sure that `clear` removes no input; if it would, that is a `ConfigError`."""
        inside = tuple(f"{part}/" for part in self._parts())
        for path in paths:
            if without_scheme(path).startswith(inside):
                raise ConfigError(f"{path} is an input and would be removed.", "Choose another folder.")

    def _parts(self) -> list[str]:
        return [self.shards, self.results, self.overlays, *map(self.documents, FORMATS)]


def _is_wrong(place: str) -> bool:
    """Whether a place looks like a URI, and is none of a file system: `ftp://host`, `s3:/bucket`, `file://folder`."""
    scheme, mark, rest = place.partition(":/")
    if scheme == "file":
        return bool(mark) and not rest.startswith("//")
    return bool(mark) and (scheme in SCHEMES) != rest.startswith("/")
