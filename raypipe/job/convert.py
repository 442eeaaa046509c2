"""Files of documents from the results of a job, in further formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from raypipe.errors import ConfigError
from raypipe.job import lease
from raypipe.job.engine import Engine
from raypipe.job.folder import OutputFolder
from raypipe.job.results import Results
from raypipe.job.same import declared_pipeline
from raypipe.job.shards import Ledger
from raypipe.job.writer import Task, Writer
from raypipe.pipeline import Pipeline


@dataclass(frozen=True)
class Converted:
    """Documents, files of many of them in each format (0: each has its own), and what could not be written and why."""

    documents: int
    shards: int
    unwritten: list[str]


def convert(
    place: str,
    formats: Sequence[str],
    engine_for: Callable[[Pipeline, Writer], Engine],
    shards: int = 0,
    changed: Callable[[float], None] = lambda share: None,
) -> Converted:
    """Writes the files of all documents in an output folder again, whatever is there.

    Args:
        shards: Put the documents into this many files of each format, or fewer if there are fewer files of results; 0:
            a file for each document.
        changed: Called with the share that is done, 0 to 1.

    Raises:
        ConfigError: The folder holds no results, the pipeline that made them is unknown, or a job is writing to it.
        OutputError: The folder cannot be read.
    """
    folder = OutputFolder(place)
    with folder.in_use():
        if not Ledger(folder).shards:  # A lease would make the folder.
            raise ConfigError(f"{folder} holds no results of a job.", "Give the --output of `raypipe run`.")
        held = lease.take(folder.uri)
        try:
            return _convert(folder, formats, engine_for, shards, changed)
        finally:
            held.release()


def _convert(
    folder: OutputFolder,
    formats: Sequence[str],
    engine_for: Callable[[Pipeline, Writer], Engine],
    shards: int,
    changed: Callable[[float], None],
) -> Converted:
    ledger, results, pipeline = Ledger(folder), Results(folder), declared_pipeline(folder)
    writer = Writer(folder, pipeline.graph.columns, tuple(formats))
    engine, documents, unwritten = engine_for(pipeline, writer), 0, list[str]()
    packed = list[tuple[str, dict[str, list[str]]]]()
    for before, number in enumerate(ledger.shards):
        rows, files = results.of(number), results.names(number)
        documents += len(rows.complete)
        if shards:
            begun = [{path: names for path, names in rows.split.items() if names[0] == file} for file in files]
            packed += zip(files, begun, strict=True)  # A document belongs to the file in which it begins.
        else:
            left = _write(engine, writer.tasks(files, rows.split), changed, before, len(ledger.shards))
            unwritten += left
            if outcome := ledger.shards[number].outcome:
                ledger.finish(number, outcome.converted(formats, left))
    tasks = _packs(writer, packed, shards) if shards else []
    return Converted(documents, len(tasks), unwritten + _write(engine, tasks, changed))


def _write(
    engine: Engine, tasks: Sequence[Task], changed: Callable[[float], None], before: int = 0, parts: int = 1
) -> list[str]:
    """Carries out one of the parts of the job, and reports the progress."""
    return engine.write(tasks, lambda ended: changed((before + ended / len(tasks)) / parts))


def _packs(writer: Writer, files: Sequence[tuple[str, dict[str, list[str]]]], count: int) -> list[Task]:
    """The tasks that write shards, each from about the same number of files of results."""
    count = min(count, len(files))
    edges = [len(files) * n // count for n in range(count + 1)]
    tasks = list[Task]()
    for n, (first, end) in enumerate(pairwise(edges)):
        split = {path: names for _, some in files[first:end] for path, names in some.items()}
        names = [file for file, _ in files[first:end]]
        name = f"shard-{n:05}-of-{count:05}"
        tasks.append(Task(name, partial(writer.pack, name, names, split)))
    return tasks
