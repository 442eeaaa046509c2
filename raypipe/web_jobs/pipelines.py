"""Which pipelines the servers of a folder of jobs have, so that no job that one has begun is read with another's."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryFile

from raypipe.errors import ConfigError
from raypipe.job.same import digest_of
from raypipe.pipeline import Pipeline

TELL_SECONDS = 5.0
"""How often a server says that it is there."""
LEFT_SECONDS = 600.0
"""After so long without a word from a server with its pipeline, a job is left to others: the pipeline was changed."""


class Pipelines:
    """The pipelines of the servers that share a folder. Each keeps a file there, which the file system's clock dates.

    Args:
        folder: The folder of jobs.
        pipeline: The pipeline of this server.

    Raises:
        ConfigError: The folder cannot be written.
    """

    def __init__(self, folder: Path, pipeline: Pipeline) -> None:
        self.mine, self._folder, self._told = digest_of(pipeline), folder / "servers", 0.0
        try:
            self.tell()
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise ConfigError(f"{folder} cannot be written: {error}.", "Choose another folder for --jobs.") from error

    def tell(self) -> None:
        """Says that a server with our pipeline is there, if that is not known from just now."""
        if time.monotonic() >= self._told + TELL_SECONDS or not self._told:
            self._told = time.monotonic()
            self._folder.mkdir(parents=True, exist_ok=True)  # Somebody may have removed all of it.
            (self._folder / self.mine).touch()

    def are_left(self, pipeline: str) -> bool:
        """Whether jobs of a pipeline are for this server: it is our own, or no server has had it for a while."""
        theirs = self._folder / pipeline
        if pipeline in ("", self.mine) or not theirs.exists():
            return True
        return (self._folder / self.mine).stat().st_mtime - theirs.stat().st_mtime > LEFT_SECONDS
