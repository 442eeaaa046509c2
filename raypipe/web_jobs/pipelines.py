"""The pipelines of the servers that share a folder of jobs: a job is read only with the pipeline that began it."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryFile

from raypipe.errors import ConfigError
from raypipe.job.same import digest_of
from raypipe.pipeline import Pipeline

ALIVE_SECONDS = 5.0
"""How often a server reports that it is alive."""
LEFT_SECONDS = 600.0
"""After this time without a live server with its pipeline, a job is left to others: the pipeline was changed."""


class Pipelines:
    """The pipelines of the servers that share a folder. Each keeps a file there, which the file system's clock dates.

    Raises:
        ConfigError: The folder cannot be written.
    """

    def __init__(self, folder: Path, pipeline: Pipeline) -> None:
        self.mine, self._folder, self._reported = digest_of(pipeline), folder / "servers", 0.0
        try:
            self.report_alive()
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise ConfigError(f"{folder} cannot be written: {error}.", "Choose another folder for --jobs.") from error

    def report_alive(self) -> None:
        """Reports that a server with our pipeline is alive, unless that was just reported."""
        if time.monotonic() >= self._reported + ALIVE_SECONDS or not self._reported:
            self._reported = time.monotonic()
            self._folder.mkdir(parents=True, exist_ok=True)  # It may have been removed.
            (self._folder / self.mine).touch()

    def are_left(self, pipeline: str) -> bool:
        """Whether jobs of a pipeline are for this server: it is our own, or no server has had it for a while."""
        other = self._folder / pipeline
        if pipeline in ("", self.mine) or not other.exists():
            return True
        return (self._folder / self.mine).stat().st_mtime - other.stat().st_mtime > LEFT_SECONDS
