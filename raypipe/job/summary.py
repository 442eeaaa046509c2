"""What a job did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from raypipe.errors import OutputError
from raypipe.job.folder import OutputFolder
from raypipe.job.plan import Job
from raypipe.job.results import count_errors, finished


@dataclass(frozen=True)
class Summary:
    """What a job did.

    Attributes:
        folder: The output folder.
        pages: Pages processed by this run.
        resumed: Pages that were already done.
        errors: How many pages of the inputs have each kind of exception, `stage code`.
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
    """The summary of a job that has ended, after which its folder is free for others.

    Raises:
        OutputError: Pages that were to be read have no row in the results.
    """
    done = finished(job.folder.results).pages
    lost = [row for row in job.todo if (row["path"], row["pagenum"]) not in done]
    if lost:
        raise OutputError(
            f"{len(lost)} of {len(job.todo)} pages have no row in {job.folder.results}/, first {lost[0]['path']}, page "
            f"{lost[0]['pagenum']}.",
            "Give --output a folder that all nodes share; the same command then reads them.",
        )
    if job.lease:
        job.lease.release()
    errors = count_errors(job.folder.results, job.documents)
    return Summary(job.folder, len(job.todo), job.done, errors, seconds, processing_seconds, sums)
