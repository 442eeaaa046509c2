"""What a job has to do: the pages of its inputs that the output folder does not hold yet.

A page whose row stands in the folder's results is done: the same command goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from raypipe.errors import ConfigError
from raypipe.inputs.pages import Source, documents, pages
from raypipe.job.folder import OutputFolder
from raypipe.job.names import with_names
from raypipe.job.results import Done, check_pipeline, drop_failed, finished
from raypipe.pipeline import Pipeline
from raypipe.types import Row

MOST_ROWS_A_FILE, LEAST_ROWS_A_FILE, FILES = 64, 4, 20
"""A job writes about so many files, so that one that is stopped loses little, within these limits of pages in each."""


@dataclass(frozen=True)
class Job:
    """Page rows still to be processed, and where their results go."""

    pipeline: Pipeline
    folder: OutputFolder
    todo: list[Row]
    done: int

    @property
    def rows_a_file(self) -> int:
        """Pages in each Parquet file."""
        return min(max(len(self.todo) // FILES, LEAST_ROWS_A_FILE), MOST_ROWS_A_FILE)


def prepare(
    pipeline: Pipeline, sources: Iterable[Source], output: Path, overwrite: bool = False, retry_failed: bool = False
) -> Job:
    """Lists the inputs, and takes off what the output folder holds already.

    Args:
        pipeline: What is to be done with them.
        sources: Files, folders, globs, URIs.
        output: A local folder, or one that all nodes share.
        overwrite: Drop the results that it holds.
        retry_failed: Drop the results of those inputs' pages that failed.

    Raises:
        InputError: A source names nothing.
        ConfigError: The folder cannot be written, or holds what another pipeline or somebody else made.
    """
    folder = OutputFolder(output)
    pipeline.graph.check_input((), "a file")
    listed = list(documents(sources, leave_out=output))
    if overwrite:
        folder.clear(row["path"] for row in listed)
    try:
        folder.results.mkdir(parents=True, exist_ok=True)
        done = finished(folder.results)
        if done.pages and folder.declared.exists():
            check_pipeline(folder.declared, pipeline)
        if retry_failed:
            drop_failed(folder.results, (row["path"] for row in listed))
            done = Done(finished(folder.results).pages, done.names)
        folder.declared.write_text(pipeline.to_toml(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error}.", "Choose another folder.") from error
    found = [page for document in with_names(listed, done.names) for page in pages(document)]
    todo = [row for row in found if (row["path"], row["pagenum"]) not in done.pages]
    return Job(pipeline, folder, todo, len(found) - len(todo))
