"""The status of the job in an output folder, from any machine that can read the folder."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from raypipe.errors import ConfigError
from raypipe.files.paths import exists, join, modified
from raypipe.job.folder import OutputFolder
from raypipe.job.results import Results
from raypipe.job.shards import Ledger, Outcome

RECENT_SECONDS = 600.0
"""The rate counts what was written in this time."""


@dataclass(frozen=True)
class Status:
    """The status of a job.

    Attributes:
        sources: What the latest run was asked to read.
        listed: Files that they name; None: not all are listed.
        documents, done: Documents in the ledger, and those of finished shards.
        pages: Rows in the results.
        outcome: What came of the pages.
        pages_per_second: Of the last ten minutes; None: nothing was written in them.
        files_gone: Files of results that are damaged, or that finished shards had; the same command reads their pages
            again.
    """

    sources: list[str]
    listed: int | None
    documents: int
    done: int
    pages: int
    outcome: Outcome
    pages_per_second: float | None
    files_gone: int = 0

    @property
    def finished(self) -> bool:
        """Whether everything that was listed is done."""
        return self.listed is not None and self.documents == self.done


def status(place: str) -> Status:
    """The status of the job in an output folder. Reads the ledger, and the counts in files of unfinished shards.

    Raises:
        ConfigError: No job has written there.
        OutputError: The folder cannot be read.
    """
    folder = OutputFolder(place)
    with folder.in_use():
        if not exists(folder.job):
            raise ConfigError(f"{folder} is not the output folder of a job.", "Give the --output of `raypipe run`.")
        record, ledger, results = folder.asked(), Ledger(folder), Results(folder)
        gone = Counter(results.gone(ledger.files()))
        damaged = results.damaged({*ledger.unfinished(), *results.resized(ledger.sizes())})
        gone.update(int(name[:6]) for name in damaged)
        begun = {*ledger.unfinished(), *gone}
        names = (name for name in results.all_names() if int(name[:6]) in begun and name not in damaged)
        rows = {name: results.count(name) for name in names}
        rate = _rate({join(results.uri, name): found.pages for name, found in rows.items()})
    outcomes = [shard.outcome for number, shard in ledger.shards.items() if shard.outcome and number not in gone]
    total = sum(outcomes, Outcome())
    read = sum((Outcome(**found.counts()) for found in rows.values()), total)
    return Status(
        sources=record.get("sources", []),
        listed=record.get("listed"),
        documents=sum(len(shard.keys) for shard in ledger.shards.values()),
        done=total.documents,
        pages=read.pages,
        outcome=read,
        pages_per_second=rate,
        files_gone=gone.total(),
    )


def _rate(rows: dict[str, int]) -> float | None:
    times = {uri: modified(uri) for uri in rows}
    now = max([time.time(), *times.values()])  # The clock of the disk or bucket may be ahead of ours.
    written = {uri: now - then for uri, then in times.items()}
    recent = {uri: age for uri, age in written.items() if age <= RECENT_SECONDS}
    return sum(rows[uri] for uri in recent) / max(1.0, *recent.values()) if recent else None
