"""A job in this process."""

from __future__ import annotations

import time
from uuid import uuid4

from raypipe.compat import batched
from raypipe.job.plan import Job
from raypipe.job.results import write
from raypipe.job.summary import Summary, summarize
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics, Progress
from raypipe.rows import to_table
from raypipe.run.local import processor
from raypipe.types import Row


def run(job: Job, progress: Progress, batch_size: int, threads: int | None) -> Summary:
    """Processes a job in this process."""
    start = time.perf_counter()
    metrics = Metrics()
    process = processor(job.pipeline.graph, threads or usable_cpus(), metrics)
    columns = job.pipeline.graph.columns
    prefix, finished, failed = uuid4().hex[:12], 0, 0
    ready = time.perf_counter()
    for number, part in enumerate(batched(job.todo, job.rows_a_file)):
        rows: list[Row] = []
        try:
            for batch in batched(part, batch_size):
                rows += process(list(batch))
                finished += len(batch)
                failed += sum(row["exception"] is not None for row in batch)
                progress(finished, failed)
        finally:  # What is done when somebody stops the job stays done.
            write(to_table(rows, columns), job.folder.results / f"{prefix}-{number:06}.parquet")
    end = time.perf_counter()
    return summarize(job, end - start, end - ready, metrics.drain())
