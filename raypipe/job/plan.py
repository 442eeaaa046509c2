"""What a job has to do: the documents of its sources whose pages are not all in the output folder yet."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from raypipe.errors import ConfigError, InputError, PageError, reason_of
from raypipe.files.paths import exists, write_file
from raypipe.inputs.listing import Found, listed
from raypipe.inputs.lists import add_listed_passwords
from raypipe.inputs.nothing import KINDS
from raypipe.job import lease
from raypipe.job.folder import OutputFolder
from raypipe.job.lister import Lister
from raypipe.job.names import Naming
from raypipe.job.results import Results
from raypipe.job.same import check_pipeline
from raypipe.job.shards import Ledger
from raypipe.job.writer import Writer
from raypipe.keys import public
from raypipe.pipeline import Pipeline


@dataclass(frozen=True)
class Job:
    """A job that can be run.

    Attributes:
        lease: Held while the job lives: no other job writes to the folder.
        continues: Whether the latest job in the folder had the same sources.
        retry_failed: Whether failed pages of the sources are to be read again.
        broke_off: Whether the latest run in the folder ended at once while one process read pages.
    """

    pipeline: Pipeline
    folder: OutputFolder
    ledger: Ledger
    lister: Lister
    results: Results
    writer: Writer
    lease: lease.Lease
    continues: bool
    retry_failed: bool
    broke_off: bool


def prepare(
    pipeline: Pipeline,
    sources: Iterable[str | Path],
    output: str | Path,
    formats: Sequence[str] = (),
    overwrite: bool = False,
    retry_failed: bool = False,
) -> Job:
    """Prepares a job that reads what is not in the output folder yet.

    Args:
        sources: Files, folders, globs, URIs.
        output: A folder: a local one, one that all nodes share, or one in a bucket.
        formats: Names of the formats in which each document gets a file.

    Raises:
        InputError: The first source names nothing.
        ConfigError: The folder cannot be written, is in use, or holds results of another pipeline or other files.
    """
    folder = OutputFolder(output)
    pipeline.graph.check_input((), "a file")
    places, files = found(sources, folder.uri)
    first = next(files, None)
    if first is None:
        raise InputError("There are no sources.", KINDS)
    if overwrite:
        folder.check_inputs(places)
    held = lease.take(folder.uri)
    with ExitStack() as if_refused:
        if_refused.callback(held.release)
        try:
            if overwrite:
                folder.clear()
            ledger, results = Ledger(folder), Results(folder)
            doubtful = {*ledger.unfinished(), *results.resized(ledger.sizes())}
            for number in results.check(ledger.shards, doubtful):
                ledger.reopen(number)
            if ledger.shards:
                check_pipeline(folder, pipeline)
            continues, broke_off = _note(folder, pipeline, places), exists(folder.reading)
        except (OSError, PageError) as error:
            raise ConfigError(f"{output} cannot be written: {reason_of(error)}.", lease.UNWRITABLE) from error
        if_refused.pop_all()
    lister = Lister(ledger, first, files, Naming(places), partial(_note_listed, folder))
    writer = Writer(folder, pipeline.graph.columns, tuple(formats))
    return Job(pipeline, folder, ledger, lister, results, writer, held, continues, retry_failed, broke_off)


def _note(folder: OutputFolder, pipeline: Pipeline, places: Sequence[str]) -> bool:
    """Records the job in the folder, and returns whether the latest one there had the same sources."""
    names = list(map(public, places))
    before = folder.asked()
    continues, identity = before.get("sources") == names, before.get("folder") or uuid4().hex
    write_file(folder.declared, public(pipeline.to_toml()).encode())
    write_file(folder.job, json.dumps({"sources": names, "folder": identity}).encode())
    folder.identity = identity
    return continues


def found(sources: Iterable[str | Path], left_out: str | None = None) -> tuple[list[str], Iterator[Found]]:
    """The sources as absolute paths or URIs, and the files that they name, as they are found; see `listed`."""
    places = [_absolute(source) for source in sources]
    for place in places:
        add_listed_passwords(place)
    return places, (each for place in places for each in listed(place, left_out))


def _absolute(source: str | Path) -> str:
    """A source that means the same in any working folder."""
    text = os.fspath(source)
    if not text or "://" in text or text.startswith("~"):
        return text
    end = "/" if text.endswith("/") else ""
    return os.path.abspath(text) + end  # noqa: PTH100 - removes ..


def _note_listed(folder: OutputFolder, listed: int) -> None:
    """Records in the folder how many files the sources name, once it is known."""
    folder.check_there()
    write_file(folder.job, json.dumps({**folder.asked(), "listed": listed}).encode())
