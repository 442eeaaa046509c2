"""A job on a Ray cluster. `run/jobs.py` imports Ray for it."""

from __future__ import annotations

import time

from raypipe.job import stop
from raypipe.job.plan import Job
from raypipe.job.summary import Summary, summarize
from raypipe.metrics import Progress


def run(job: Job, progress: Progress, batch_size: int, address: str | None) -> Summary:
    """Processes a job on a Ray cluster: the one at `address`, or one started on this machine."""
    from raypipe.run import jobs

    start = time.perf_counter()
    sums: dict[str, float] = {}
    if job.todo:
        if not address:  # What another cluster's nodes have is unknown here.
            job.pipeline.graph.check()
        jobs.connect(address)
        stop.heed_sigterm()  # Ray has set a handler of its own.
        # Workers have another working folder.
        results = job.folder.results.absolute()
        sums = jobs.write(job.pipeline.graph, job.todo, results, batch_size, job.rows_per_file, progress)
    return summarize(job, time.perf_counter() - start, sums.pop("processing_seconds", 0), sums)
