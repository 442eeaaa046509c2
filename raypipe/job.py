"""A job: inputs to an output folder, resumable, with progress and a summary. What `raypipe run` does.

The folder holds `pipeline.toml`, `results/*.parquet` (a row a page) and, if asked for, `overlays/` and the formats.
A page whose row stands in `results/` is done: the same command goes on where it stopped.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from raypipe.errors import ConfigError
from raypipe.inputs import Source, documents, pages
from raypipe.metrics import Metrics
from raypipe.outputs.documents import SUFFIXES
from raypipe.pipeline import Pipeline
from raypipe.run import local
from raypipe.run.rows import to_table
from raypipe.types import Row

Progress = Callable[[int, int], None]
"""Is told how many pages are finished and how many of them failed."""

ROWS_A_FILE = 64


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


def prepare(pipeline: Pipeline, sources: Iterable[Source], output: Path, overwrite: bool) -> Job:
    """Lists the inputs, and takes off what the output folder holds already.

    Raises:
        InputError: A source names nothing.
        ConfigError: The folder holds the results of another pipeline.
    """
    found = [page for document in with_names(documents(sources)) for page in pages(document)]
    declared, described = output / "pipeline.toml", pipeline.to_toml()
    if overwrite:
        for part in ("results", "overlays", *SUFFIXES):
            shutil.rmtree(output / part, ignore_errors=True)
    elif declared.exists() and declared.read_text(encoding="utf-8") != described:
        raise ConfigError(
            f"{output} holds the results of another pipeline.", "Choose another folder, or pass --overwrite."
        )
    (output / "results").mkdir(parents=True, exist_ok=True)
    declared.write_text(described, encoding="utf-8")
    done = finished(output / "results")
    todo = [row for row in found if (row["path"], row["pagenum"]) not in done]
    return Job(pipeline, output, todo, len(found) - len(todo))


def with_names(found: Iterable[Row]) -> list[Row]:
    """Document rows with a `name` each: the path below the folder that they all share."""
    rows = list(found)
    folders = [row["path"].split("/")[:-1] for row in rows]
    shared = os.path.commonprefix(folders)
    return [{**row, "name": "/".join(filter(None, row["path"].split("/")[len(shared) :]))} for row in rows]


def finished(results: Path) -> set[tuple[str, int]]:
    """Pages whose rows stand in Parquet files. A file that a killed job left incomplete is removed."""
    done: set[tuple[str, int]] = set()
    for file in results.glob("*.parquet"):
        try:
            table = pq.read_table(file, columns=["path", "pagenum"])
        except (pa.ArrowInvalid, OSError):
            file.unlink()
            continue
        done.update(zip(table["path"].to_pylist(), table["pagenum"].to_pylist(), strict=True))
    return done


def run_local(job: Job, progress: Progress, batch_size: int, threads: int | None) -> Summary:
    """Processes a job in this process."""
    start = time.perf_counter()
    metrics = Metrics()
    process = local.processor(job.pipeline, threads or local.usable_cpus(), metrics)
    columns = job.pipeline.columns_between()[-1]
    prefix, finished_pages, failed = uuid4().hex[:12], 0, 0
    ready = time.perf_counter()
    for number, part in enumerate(_batches(job.todo, ROWS_A_FILE)):
        rows: list[Row] = []
        for batch in _batches(part, batch_size):
            rows += process(batch)
            finished_pages += len(batch)
            failed += sum(row["exception"] is not None for row in batch)
            progress(finished_pages, failed)
        temporary = job.results / f".{prefix}.part"
        pq.write_table(to_table(rows, columns), temporary, compression="zstd")
        temporary.rename(job.results / f"{prefix}-{number:06}.parquet")
    end = time.perf_counter()
    return _summary(job, end - start, end - ready, metrics.drain())


def run_ray(job: Job, progress: Progress, batch_size: int, address: str | None) -> Summary:
    """Processes a job on a Ray cluster: the one at `address`, or one started on this machine."""
    from raypipe.run import batch

    start = time.perf_counter()
    batch.connect(address)
    sums: dict[str, float] = {}
    if job.todo:
        sums = batch.write(job.pipeline, job.todo, job.results, batch_size, ROWS_A_FILE, progress)
    return _summary(job, time.perf_counter() - start, sums.pop("processing_seconds", 0), sums)


def _summary(job: Job, seconds: float, processing_seconds: float, sums: dict[str, float]) -> Summary:
    return Summary(job.output, len(job.todo), job.done, count_errors(job.results), seconds, processing_seconds, sums)


def count_errors(results: Path) -> Counter[str]:
    """How many pages have each kind of exception, `stage code`."""
    kinds: Counter[str] = Counter()
    for file in sorted(results.glob("*.parquet")):
        for exception in pq.read_table(file, columns=["exception"])["exception"].to_pylist():
            if exception:
                kinds[exception.split(":", 1)[0]] += 1
    return kinds


def read_results(results: Path) -> Iterator[Row]:
    """The rows of a results folder, a file at a time."""
    for file in sorted(results.glob("*.parquet")):
        yield from pq.read_table(file).to_pylist()


def _batches(rows: list[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
