"""The status of the job in an output folder, from any machine that can read the folder."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pyarrow.parquet as pq

from raypipe.errors import ConfigError
from raypipe.files.paths import exists, join, modified, parsed
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
        outcome: What came of the finished shards.
        pages_per_second: Of the last ten minutes; None: nothing was written in them.
        files_gone: Files of results that finished shards had; the same command reads their pages again.
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
    """The status of the job in an output folder. Reads the ledger, and the footers of files of unfinished shards.

    Raises:
        ConfigError: No job has written there.
        OutputError: The folder cannot be read.
    """
    folder = OutputFolder(place)
    with folder.in_use():
        if not exists(folder.job):
            raise ConfigError(f"{folder} is not the output folder of a job.", "Give the --output of `raypipe run`.")
        record, ledger, results = folder.asked(), Ledger(folder), Results(folder)
        gone = results.gone(ledger.files())
        begun = [join(results.uri, name) for number in [*ledger.unfinished(), *gone] for name in results.names(number)]
        rows = {uri: int(parsed(uri, pq.read_metadata).num_rows) for uri in begun}
        rate = _rate(rows)
    outcomes = [shard.outcome for number, shard in ledger.shards.items() if shard.outcome and number not in gone]
    total = sum(outcomes, Outcome())
    return Status(
        sources=record.get("sources", []),
        listed=record.get("listed"),
        documents=sum(len(shard.keys) for shard in ledger.shards.values()),
        done=total.documents,
        pages=total.pages + sum(rows.values()),
        outcome=total,
        pages_per_second=rate,
        files_gone=sum(gone.values()),
    )


def _rate(rows: dict[str, int]) -> float | None:
    now = time.time()
    written = {uri: now - modified(uri) for uri in rows}
    recent = {uri: age for uri, age in written.items() if age <= RECENT_SECONDS}
    return sum(rows[uri] for uri in recent) / max(1.0, *recent.values()) if recent else None
