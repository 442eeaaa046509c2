"""Runs a job: shard by shard, until every page of its documents has a row."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from raypipe.errors import OutputError
from raypipe.files.paths import exists, remove_file
from raypipe.job.engine import Engine, EngineResult
from raypipe.job.folder import OutputFolder
from raypipe.job.plan import Job
from raypipe.job.progress import Progress
from raypipe.job.results import Rows
from raypipe.job.shards import Outcome
from raypipe.plurals import counted

MOST_ROUNDS = 3
"""How often a shard is processed: once, and again if files turn out to have more pages than expected."""
LISTING_SECONDS = 1.0
"""How long the choice of an engine waits for the listing: a job that resumes reads before it is known what is new."""
LATE_SECONDS, LOOK_SECONDS = 60.0, 2.0
"""How long rows may be missing after they were written, and how often they are looked for: NFS shows a node what others
wrote a minute later at the latest, unless it is mounted otherwise."""

EngineFor = Callable[[pa.Table, bool], Engine]
"""Makes the engine, from the first documents to be read and whether more may follow."""


@dataclass(frozen=True)
class Summary:
    """What a job did.

    Attributes:
        pages: Pages processed by this run.
        resumed: Pages that were already done.
        outcome: What came of all documents that the sources name, in this run or an earlier one.
        seconds: Wall seconds, start-up included.
        processing_seconds: Wall seconds from the start of the first page to the end of the last.
        sums: The metrics of all workers.
    """

    folder: OutputFolder
    pages: int
    resumed: int
    outcome: Outcome
    seconds: float
    processing_seconds: float
    sums: dict[str, float]


def run(job: Job, engine_for: EngineFor, progress: Progress) -> Summary:
    """Runs a job and then frees its folder for others.

    Raises:
        InputError: A source names nothing or cannot be listed.
        OutputError: Rows that were read are not in the results, or the folder cannot be read or written.
        TooManyErrorsError: More pages failed than may.
    """
    running = _Run(job, engine_for, progress)
    progress.guard = partial(_check, job)
    job.lister.start()
    try:
        with job.folder.in_use():
            for number in running.shards():
                running.read(number)
            running.convert()
            remove_file(job.folder.reading)
            return running.summary()
    finally:
        job.lister.stop()
        job.lease.release()


def _check(job: Job) -> None:
    """Makes sure that the folder is still there and this job's."""
    job.folder.check_there()
    job.lease.check()


class _Run:
    """A job that is being run."""

    def __init__(self, job: Job, engine_for: EngineFor, progress: Progress) -> None:
        self._job, self._engine_for, self._progress = job, engine_for, progress
        self._ledger, self._results = job.ledger, job.results
        self._engine: Engine | None = None
        self._start = time.monotonic()
        self._seconds, self._sums = 0.0, dict[str, float]()
        self._pages, self._before = Counter[int](), dict[int, list[str]]()
        """For each shard that was read: the rows that were written, and the files that existed before."""

    def shards(self) -> Iterator[int]:
        """The numbers of the shards in which something is to be done."""
        self._reopen_what_lacks_files()
        begun = list(self._ledger.unfinished())
        if self._job.continues:  # Keys are not stored: shards that need one wait until the sources have been listed.
            yield from (number for number in begun if not self._ledger.shards[number].needs_keys)
        yield from self._job.lister.shards()
        self._progress.update(listing=False, listed=self._job.lister.listed)
        for number in begun:
            if not self._job.continues:
                self._leave_unseen(number)
                yield number
            elif self._ledger.shards[number].needs_keys:
                yield number
        if self._job.retry_failed:
            yield from self._failed()

    def _reopen_what_lacks_files(self) -> None:
        """Marks finished shards of which files of results are gone as unfinished: their pages are read again."""
        log, deadline = logging.getLogger(__name__), time.monotonic() + LATE_SECONDS
        gone = self._results.gone(self._ledger.files())
        if gone:
            text = "Waiting up to %s for %s in %s, not there or not listed yet."
            waited = counted(LATE_SECONDS, "second"), counted(sum(gone.values()), "file")
            log.warning(text, *waited, self._job.folder.results)
        while gone and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
            gone = self._results.gone(self._ledger.files())
        for number, count in gone.items():
            text = "Reading the pages of missing files again: %s, with names that begin with %s."
            log.warning(text, counted(count, "file"), f"{self._job.folder.results}/{number:06}")
            self._ledger.reopen(number)

    def _leave_unseen(self, number: int) -> None:
        """Removes from a shard the unread documents that only earlier sources named."""
        table, shard = self._ledger.documents(number), self._ledger.shards[number]
        complete = self._results.of(number).complete
        kept = shard.seen[shard.find(table["key"].to_numpy())]
        kept |= np.array([path in complete for path in table["path"].to_pylist()], bool)
        self._results.drop_documents(number, table.filter(pa.array(~kept))["path"])
        self._ledger.keep(number, kept)

    def _failed(self) -> Iterator[int]:
        """The shards with failed pages that the sources name, whose rows are removed so that they are read again."""
        for number, shard in list(self._ledger.shards.items()):
            if shard.outcome and shard.outcome.failed and shard.seen.any() and not self._ledger.is_new(number):
                self._ledger.reopen(number)
                self._results.drop_documents(number, self._seen(number), failed_only=True)
                yield number

    def _seen(self, number: int) -> pa.Array:
        """The paths of those documents of a shard that the sources name."""
        table, shard = self._ledger.documents(number), self._ledger.shards[number]
        return table["path"].filter(pa.array(shard.seen[shard.find(table["key"].to_numpy())]))

    def read(self, number: int) -> None:
        """Processes what is left to do in a shard."""
        _check(self._job)
        documents = self._ledger.documents(number)
        self._forget_former(number, documents)
        before = self._before[number] = self._results.files(number)
        rows, unwritten = self._results.of(number), list[str]()
        for _ in range(MOST_ROUNDS):
            todo = _remaining(documents, rows)
            if not len(todo):
                break
            done = self._read(number, todo)
            unwritten += done.unwritten
            rows = self._arrived(number, rows.pages + done.pages)
        self._check_complete(documents, rows)
        if rows.doubled:
            self._results.drop_doubles(number, rows.doubled)
            rows = self._results.of(number)
        if self._job.writer.formats and (before or rows.split):
            still = [name for name in self._results.files(number) if name in before]
            unwritten += self._the_engine(documents).write(self._job.writer.tasks(still, rows.split))
        _check(self._job)
        outcome = Outcome(len(documents), **rows.counts(), **rows.stored())
        self._ledger.finish(number, outcome.converted(self._job.writer.formats, unwritten))

    def _forget_former(self, number: int, documents: pa.Table) -> None:
        """Removes the rows of documents whose content has changed, from all earlier shards that hold them.

        The one that they replace may have lost them already, but not have an outcome without them yet.
        """
        changed = documents.filter(pc.is_valid(documents["replaces"]))
        keys = changed["key"].to_numpy()
        formers = self._ledger.holding(keys) | set(changed["replaces"].to_pylist())
        for former in sorted(each for each in formers if each < number):
            table = self._ledger.documents(former)
            outcome = self._ledger.shards[former].outcome
            self._results.drop_documents(former, changed["path"])
            self._ledger.keep(former, ~np.isin(table["key"].to_numpy(), keys))
            if outcome:
                rows = self._results.of(former)
                left = len(self._ledger.shards[former].keys)
                self._ledger.finish(former, replace(outcome, documents=left, **rows.counts(), **rows.stored()))

    def _the_engine(self, documents: pa.Table) -> Engine:
        if self._engine is None:
            self._engine = self._engine_for(documents, not self._job.lister.ends_within(LISTING_SECONDS))
        return self._engine

    def _read(self, number: int, todo: pa.Table) -> EngineResult:
        progress, lister = self._progress, self._job.lister
        engine = self._the_engine(todo)
        due = progress.due + len(todo)
        progress.update(due=due, doing="reading", listed=lister.listed, listing=not lister.ended)
        done = engine.read(number, self._ledger.with_keys(number, todo), progress)
        self._pages[number] += done.pages
        self._seconds += done.seconds
        for name, value in done.sums.items():
            self._sums[name] = self._sums.get(name, 0) + value
        return done

    def _arrived(self, number: int, expected: int) -> Rows:
        """The rows in the results, which must be as many as were written."""
        rows, deadline = self._results.of(number), time.monotonic() + LATE_SECONDS
        while rows.pages < expected and time.monotonic() < deadline:
            self._job.folder.check_there()
            time.sleep(LOOK_SECONDS)
            rows = self._results.of(number)
        if rows.pages < expected:
            raise OutputError(
                f"{expected - rows.pages:,} of {counted(expected, 'row')} cannot be found in "
                f"{self._job.folder.results}/, to which they were written.",
                "Give --output a folder that all nodes share, or one in a bucket; the same command then reads them.",
            )
        return rows

    def _check_complete(self, documents: pa.Table, rows: Rows) -> None:
        missing = [path for path in documents["path"].to_pylist() if path not in rows.complete]
        if missing:
            raise OutputError(
                f"Rows are missing in {self._job.folder.results}/ for {len(missing):,} of "
                f"{counted(len(documents), 'document')}, first {missing[0]}.",
                "The same command reads them again; report it if that does not help.",
            )

    def convert(self) -> None:
        """Writes the files of finished documents that earlier runs did not or could not write, or that were removed."""
        writer = self._job.writer
        for number, shard in self._ledger.shards.items():
            outcome = shard.outcome
            if outcome and shard.seen.any() and self._lacks_files(number, outcome):
                rows, files = self._results.of(number), self._results.files(number)
                engine = self._the_engine(self._ledger.documents(number))
                unwritten = engine.write(writer.tasks(files, rows.split))
                self._ledger.finish(number, outcome.converted(writer.formats, unwritten))

    def _lacks_files(self, number: int, outcome: Outcome) -> bool:
        """Whether documents' files of a finished shard are still to be written, or are to be tried once more."""
        wanted, formats = set(self._job.writer.formats), set(outcome.formats)
        if number in self._before:
            return not wanted <= formats
        again = outcome.unwritten > 0 and wanted >= formats
        return again or not wanted <= formats - self._gone

    @cached_property
    def _gone(self) -> set[str]:
        """The formats of which the folder that earlier runs wrote is gone."""
        return {each for each in self._job.writer.formats if not exists(self._job.folder.documents(each))}

    def summary(self) -> Summary:
        """What the job did."""
        total, resumed = Outcome(), 0
        for number, shard in self._ledger.shards.items():
            if shard.outcome and shard.seen.all():
                total += shard.outcome
                resumed += shard.outcome.pages - self._pages[number]
            elif shard.outcome and shard.seen.any():
                paths = self._seen(number).to_pylist()
                rows = self._results.of(number, paths)
                total += Outcome(int(shard.seen.sum()), **rows.counts())
                resumed += self._results.of(number, paths, self._before.get(number)).pages
        self._tell()
        return Summary(
            folder=self._job.folder,
            pages=self._pages.total(),
            resumed=resumed,
            outcome=total,
            seconds=time.monotonic() - self._start,
            processing_seconds=self._seconds,
            sums=self._sums,
        )

    def _tell(self) -> None:
        """Warns about sources that have changed."""
        log, ledger = logging.getLogger(__name__), self._ledger
        if ledger.repeated:
            log.warning("Several sources name %s; each is read once.", counted(ledger.repeated, "file"))
        if ledger.changed:
            log.warning("Read again because they have changed: %s.", counted(ledger.changed, "file"))
        gone = [number for number, shard in ledger.shards.items() if not shard.seen.all()]
        if self._job.continues and gone:
            count = counted(sum(int((~ledger.shards[number].seen).sum()) for number in gone), "file")
            first = sorted(set(ledger.documents(gone[0])["path"].to_pylist()) - set(self._seen(gone[0]).to_pylist()))[0]
            log.warning("Gone since earlier runs: %s, first %s. The rows stay.", count, first)


def _remaining(documents: pa.Table, rows: Rows) -> pa.Table:
    """The documents with pages that have no row yet, with `done`: the numbers of the pages that have one."""
    is_left = [path not in rows.complete for path in documents["path"].to_pylist()]
    documents = documents.filter(pa.array(is_left, pa.bool_()))
    done = [rows.partial.get(path) for path in documents["path"].to_pylist()]
    return documents.append_column("done", pa.array(done, pa.list_(pa.int32())))
