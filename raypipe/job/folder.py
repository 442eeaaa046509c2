"""The output folder of a job: the one place that knows its layout."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from raypipe.errors import ConfigError
from raypipe.outputs.formats import FORMATS

_URI = re.compile(r"[a-z][a-z0-9+.-]+:/")
"""`Path` drops one of a URI's slashes. A single letter is a drive."""


@dataclass(frozen=True)
class OutputFolder:
    """A local folder, or one shared by all nodes.

    It holds `pipeline.toml`, `results/*.parquet` (one row per page) and, if asked for, `overlays/` and a folder for
    each output format.

    Raises:
        ConfigError: It is a URI.
    """

    path: Path

    def __post_init__(self) -> None:
        if _URI.match(str(self.path)):
            raise ConfigError(
                f"{self.path} is not a folder.", "Give a local or shared folder; for URIs use Dataset.write_parquet."
            )

    def __str__(self) -> str:
        return str(self.path)

    @property
    def declared(self) -> Path:
        """The file with the pipeline that made the results."""
        return self.path / "pipeline.toml"

    @property
    def results(self) -> Path:
        """The folder of the Parquet files."""
        return self.path / "results"

    @property
    def overlays(self) -> Path:
        """The folder of the pictures with regions and text drawn over them."""
        return self.path / "overlays"

    def lease(self) -> FileLock:
        """Makes the folder, and takes its lease: the sole right to write to it, which a dead job does not keep.

        Raises:
            ConfigError: Another job has it, or the folder cannot be written.
        """
        lease = FileLock(self.path / ".lease", timeout=0)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lease.acquire()
        except Timeout as error:
            raise ConfigError(
                f"Another job is writing to {self.path}.", "Wait until it ends, or choose another folder."
            ) from error
        except NotImplementedError:
            logging.getLogger(__name__).warning(
                "%s is on a file system without locks: see to it that no other job writes there.", self.path
            )
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be written: {error}.", "Choose another folder.") from error
        return lease

    def documents(self, form: str) -> Path:
        """The folder of the documents in an output format."""
        return self.path / form

    def clear(self, inputs: Iterable[str]) -> None:
        """Removes what jobs write here.

        Args:
            inputs: Paths that must not be removed.

        Raises:
            ConfigError: No job made it, or it holds an input.
        """
        parts = [part for part in (self.results, self.overlays, *map(self.documents, FORMATS)) if part.exists()]
        if parts and not self.declared.exists():
            raise ConfigError(f"{parts[0]} was not made by raypipe.", "Choose another folder.")
        inside = tuple(f"{part.absolute()}/" for part in parts)
        for path in inputs:
            if path.startswith(inside):
                raise ConfigError(f"{path} is an input and would be removed.", "Choose another folder.")
        for part in parts:
            shutil.rmtree(part)
