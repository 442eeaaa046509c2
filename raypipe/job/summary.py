"""What a job did."""

from __future__ import annotations

from dataclasses import dataclass

from raypipe.job.folder import OutputFolder
from raypipe.job.shards import Outcome


@dataclass(frozen=True)
class Summary:
    """What a job did.

    Attributes:
        pages: Pages processed by this run.
        resumed: Pages that were already done.
        outcome: What came of all documents that the sources name, in this run or an earlier one.
        seconds: Wall seconds, start-up included.
        processing_seconds: Wall seconds from the start of the first page to the end of the last.
    """

    folder: OutputFolder
    pages: int
    resumed: int
    outcome: Outcome
    seconds: float
    processing_seconds: float
    sums: dict[str, float]
