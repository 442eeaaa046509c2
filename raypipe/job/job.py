"""A job: inputs to an output folder, resumable, with progress and a summary. What `raypipe run` does.

The folder holds `pipeline.toml`, `results/*.parquet` (a row a page) and, if asked for, `overlays/` and the formats.
A page whose row stands in `results/` is done: the same command goes on where it stopped.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from uuid import uuid4

from raypipe.errors import ConfigError
from raypipe.files import split_options
from raypipe.inputs.pages import Source, documents, pages
from raypipe.job.results import Done, check_pipeline, count_errors, drop_failed, finished, write
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.outputs.documents import SUFFIXES
from raypipe.pipeline import Pipeline
from raypipe.rows import to_table
from raypipe.run import local
from raypipe.types import Row

Progress = Callable[[int, int], None]
"""Is told how many pages are finished and how many of them failed."""

MOST_ROWS_A_FILE, LEAST_ROWS_A_FILE, FILES = 64, 4, 20
"""A job writes about so many files, so that one that is stopped loses little, within these limits of pages in each."""
_URI = re.compile(r"[a-z][a-z0-9+.-]+:/")
"""Paths lose one of a URI's slashes. A single letter is a drive."""


@dataclass(frozen=True)
class Summary:
    """What a job did.

    Attributes:
        output: The output folder.
        pages: Pages processed by this run.
        resumed: Pages that were done before.
        errors: How many pages of the folder have each kind of exception, `stage code`.
        seconds: Wall seconds, start-up included.
        processing_seconds: Wall seconds from the start of the first page to the end of the last.
        sums: The metrics of all workers.
    """

    output: Path
    pages: int
    resumed: int
    errors: Counter[str]
    seconds: float
    processing_seconds: float
    sums: dict[str, float]


@dataclass(frozen=True)
class Job:
    """Page rows still to be processed, and where their results go."""

    pipeline: Pipeline
    output: Path
    todo: list[Row]
    done: int

    @property
    def results(self) -> Path:
        """The folder of the Parquet files."""
        return self.output / "results"

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
    if _URI.match(str(output)):
        raise ConfigError(f"{output} is no folder.", "Give a local or shared one; Dataset.write_parquet takes URIs.")
    listed = list(documents(sources, leave_out=output))
    declared, results = output / "pipeline.toml", output / "results"
    if overwrite:
        _clear(output, listed)
    try:
        results.mkdir(parents=True, exist_ok=True)
        done = finished(results)
        if done.pages and declared.exists():
            check_pipeline(declared, pipeline)
        if retry_failed:
            drop_failed(results, (row["path"] for row in listed))
            done = Done(finished(results).pages, done.names)
        declared.write_text(pipeline.to_toml(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error}.", "Choose another folder.") from error
    found = [page for document in with_names(listed, done.names) for page in pages(document)]
    todo = [row for row in found if (row["path"], row["pagenum"]) not in done.pages]
    return Job(pipeline, output, todo, len(found) - len(todo))


def _clear(output: Path, listed: Iterable[Row]) -> None:
    """Removes what jobs leave in an output folder, if it is one.

    Raises:
        ConfigError: It was no job that made it, or an input lies in it.
    """
    parts = [output / part for part in ("results", "overlays", *SUFFIXES)]
    there = [part for part in parts if part.exists()]
    if there and not (output / "pipeline.toml").exists():
        raise ConfigError(f"{there[0]} was not made by raypipe.", "Choose another folder.")
    inside = tuple(f"{part.absolute()}/" for part in there)
    for row in listed:
        if row["path"].startswith(inside):
            raise ConfigError(f"{row['path']} is an input and would be removed.", "Choose another folder.")
    for part in there:
        shutil.rmtree(part)


def with_names(found: Iterable[Row], taken: Mapping[str, str] = MappingProxyType({})) -> list[Row]:
    """Document rows with a `name` each: the path below the folder that they all share, numbered where it is taken.

    Args:
        found: Document rows.
        taken: Paths of the documents that bear a name already.
    """
    rows, paths = list(found), dict(taken)
    names = {path: name for name, path in taken.items()}
    parts = [split_options(row["path"])[0].split("/") for row in rows]
    shared = len(os.path.commonprefix([each[:-1] for each in parts]))
    named = []
    for row, each in zip(rows, parts, strict=True):
        path = row["path"]
        name = names.get(path) or _free("/".join(filter(None, each[shared:])), path, paths)
        paths[name] = path
        named.append({**row, "name": name})
    return named


def _free(name: str, path: str, paths: Mapping[str, str]) -> str:
    """A name that no other document bears: `a.jpg`, or else `a-2.jpg` and so on."""
    wanted, number = PurePosixPath(name), 1
    while paths.get(name, path) != path:
        number += 1
        name = str(wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}"))
    return name


def run_local(job: Job, progress: Progress, batch_size: int, threads: int | None) -> Summary:
    """Processes a job in this process."""
    start = time.perf_counter()
    metrics = Metrics()
    process = local.processor(job.pipeline, threads or usable_cpus(), metrics)
    columns = job.pipeline.columns_between()[-1]
    prefix, finished_pages, failed = uuid4().hex[:12], 0, 0
    ready = time.perf_counter()
    for number, part in enumerate(_batches(job.todo, job.rows_a_file)):
        rows: list[Row] = []
        try:
            for batch in _batches(part, batch_size):
                rows += process(batch)
                finished_pages += len(batch)
                failed += sum(row["exception"] is not None for row in batch)
                progress(finished_pages, failed)
        finally:  # What is done when somebody stops the job stays done.
            write(to_table(rows, columns), job.results / f"{prefix}-{number:06}.parquet")
    end = time.perf_counter()
    return _summary(job, end - start, end - ready, metrics.drain())


def run_ray(job: Job, progress: Progress, batch_size: int, address: str | None) -> Summary:
    """Processes a job on a Ray cluster: the one at `address`, or one started on this machine."""
    from raypipe.run import batch

    start = time.perf_counter()
    if not address:  # What the nodes of another cluster have is not known here.
        job.pipeline.check()
    batch.connect(address)
    sums: dict[str, float] = {}
    if job.todo:
        sums = batch.write(job.pipeline, job.todo, job.results, batch_size, job.rows_a_file, progress)
    return _summary(job, time.perf_counter() - start, sums.pop("processing_seconds", 0), sums)


def _summary(job: Job, seconds: float, processing_seconds: float, sums: dict[str, float]) -> Summary:
    return Summary(job.output, len(job.todo), job.done, count_errors(job.results), seconds, processing_seconds, sums)


def _batches(rows: list[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
