"""What a job has to do: the pages of its inputs that are not in the output folder yet.

A page with a row in the folder's results is done, so that the same command resumes where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from raypipe.errors import ConfigError
from raypipe.inputs.pages import Source, documents, pages
from raypipe.job.folder import OutputFolder
from raypipe.job.names import with_names
from raypipe.job.results import Done, check_pipeline, drop_failed, finished
from raypipe.pipeline import Pipeline
from raypipe.types import Row

MAX_ROWS_PER_FILE, MIN_ROWS_PER_FILE, FILES = 64, 4, 20
"""A job writes about `FILES` files, so that little is lost when it stops, each with pages within these limits."""


@dataclass(frozen=True)
class Job:
    """Page rows still to be processed, and where their results go.

    Attributes:
        pipeline: What is to process them.
        folder: The output folder.
        todo: The rows.
        done: How many pages of the inputs are in the folder already.
        documents: The paths of the inputs.
        repeated: How often a source named a document that another had named.
        lease: Held while the job lives: no other job writes to the folder.
    """

    pipeline: Pipeline
    folder: OutputFolder
    todo: list[Row]
    done: int = 0
    documents: frozenset[str] = frozenset()
    repeated: int = 0
    lease: FileLock | None = None

    @property
    def rows_per_file(self) -> int:
        """Pages in each Parquet file."""
        return min(max(len(self.todo) // FILES, MIN_ROWS_PER_FILE), MAX_ROWS_PER_FILE)


def prepare(
    pipeline: Pipeline, sources: Iterable[Source], output: Path, overwrite: bool = False, retry_failed: bool = False
) -> Job:
    """Lists the inputs, without the pages already in the output folder.

    Args:
        pipeline: What is to process them.
        sources: Files, folders, globs, URIs.
        output: A local folder, or one that all nodes share.
        overwrite: Discard the results already in it.
        retry_failed: Discard the results of these inputs' failed pages.

    Raises:
        InputError: A source names nothing.
        ConfigError: The folder cannot be written, another job writes to it, or it holds results of another pipeline
            or other files.
    """
    folder = OutputFolder(output)
    pipeline.graph.check_input((), "a file")
    named = list(documents(sources, leave_out=output))
    listed = list({row["path"]: row for row in named}.values())
    lease = folder.lease()
    if overwrite:
        folder.clear(row["path"] for row in listed)
    try:
        folder.results.mkdir(parents=True, exist_ok=True)
        done = finished(folder.results)
        if done.pages:
            check_pipeline(folder.declared, pipeline)
        if retry_failed:
            drop_failed(folder.results, (row["path"] for row in listed))
            done = Done(finished(folder.results).pages, done.names)
        folder.declared.write_text(pipeline.to_toml(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error}.", "Choose another folder.") from error
    found = [page for document in with_names(listed, done.names) for page in pages(document)]
    todo = [row for row in found if (row["path"], row["pagenum"]) not in done.pages]
    return Job(
        pipeline=pipeline,
        folder=folder,
        todo=todo,
        done=len(found) - len(todo),
        documents=frozenset(row["path"] for row in listed),
        repeated=len(named) - len(listed),
        lease=lease,
    )
