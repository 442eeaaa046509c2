"""What a job did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from raypipe.job.folder import OutputFolder
from raypipe.job.plan import Job
from raypipe.job.results import count_errors


@dataclass(frozen=True)
class Summary:
    """What a job did.

    Attributes:
        folder: The output folder.
        pages: Pages processed by this run.
        resumed: Pages that were already done.
        errors: How many pages of the folder have each kind of exception, `stage code`.
        seconds: Wall seconds, start-up included.
        processing_seconds: Wall seconds from the start of the first page to the end of the last.
        sums: The metrics of all workers.
    """

    folder: OutputFolder
    pages: int
    resumed: int
    errors: Counter[str]
    seconds: float
    processing_seconds: float
    sums: dict[str, float]


def summarize(job: Job, seconds: float, processing_seconds: float, sums: dict[str, float]) -> Summary:
    """The summary of a job that has ended."""
    errors = count_errors(job.folder.results)
    return Summary(job.folder, len(job.todo), job.done, errors, seconds, processing_seconds, sums)
