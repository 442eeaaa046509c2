"""A job in this process."""

from __future__ import annotations

import time
from contextlib import closing
from uuid import uuid4

from raypipe.job.plan import Job
from raypipe.job.results import write
from raypipe.job.summary import Summary, summarize
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics, Progress
from raypipe.rows import to_table
from raypipe.run.local import finished
from raypipe.types import Row


def run(job: Job, progress: Progress, batch_size: int, threads: int | None) -> Summary:
    """Processes a job in this process."""
    start = time.perf_counter()
    metrics, prefix = Metrics(), uuid4().hex[:12]
    columns = job.pipeline.graph.columns
    done, failed, files = 0, 0, 0
    kept: list[Row] = []

    def write_kept() -> None:
        nonlocal files
        write(to_table(kept, columns), job.folder.results / f"{prefix}-{files:06}.parquet")
        kept.clear()
        files += 1

    pages = finished(job.pipeline.graph, job.todo, batch_size, threads or usable_cpus(), metrics)
    ready = time.perf_counter()
    with closing(pages):
        try:
            for batch in pages:
                kept += batch
                done += len(batch)
                failed += sum(row["exception"] is not None for row in batch)
                progress(done, failed)
                if len(kept) >= job.rows_per_file:
                    write_kept()
        finally:  # When a job is stopped, finished pages stay finished.
            if kept:
                write_kept()
    end = time.perf_counter()
    return summarize(job, end - start, end - ready, metrics.drain())
