"""`raypipe run`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
import pyarrow as pa

from raypipe.cli import progress, stream
from raypipe.cli.options import (
    Share,
    address_option,
    alone,
    chosen_pipeline,
    job_options,
    overlay_for,
    passwords_option,
    pipeline_options,
    pool_options,
    threads_option,
    with_overlays,
)
from raypipe.cli.outcome import print_outcome
from raypipe.errors import ExitStatus
from raypipe.job import loop, plan, stop
from raypipe.job.engine import BROKE_OFF, Engine, choose
from raypipe.job.folder import OutputFolder
from raypipe.job.local import LocalEngine
from raypipe.job.plan import Job
from raypipe.job.progress import FailureLimits, Progress
from raypipe.job.ray import RayEngine
from raypipe.keys import public
from raypipe.metrics import files_run
from raypipe.plurals import counted

PAGE_SECONDS = 900.0
"""Of a page of 400 lines, the slowest recognizer takes 540 seconds on a slow CPU; see `benchmarks/trocr.py`."""


@click.command(epilog="Example: raypipe run letters/ --output out --format json")
@click.argument("sources", nargs=-1, required=True)
@click.option("--output", "-o", help="Folder or URI for the results; required unless the source is -.")
@pipeline_options
@passwords_option
@pool_options
@click.option("--engine", type=click.Choice(["auto", "local", "ray"]), default="auto", show_default=True,
              help="Run in this process, on Ray, or on whichever finishes sooner.")  # fmt: skip
@job_options
@threads_option
@address_option
@click.option("--overwrite", is_flag=True, help="Discard the results already in the folder.")
@click.option("--retry-failed", is_flag=True, help="Read again the pages that failed before.")
@click.option("--max-errors", type=click.IntRange(0), help="Stop if more than this many pages fail.")
@click.option("--max-error-rate", type=Share(), help="Stop if more than this share of pages fails, such as 5%.")
@click.option("--page-timeout", default=PAGE_SECONDS, show_default=True, type=click.FloatRange(0), metavar="SECONDS",
              help="Give up on a page that takes longer; 0: never.")  # fmt: skip
def run(
    sources: tuple[str, ...],
    output: str | None,
    engine: str,
    formats: tuple[str, ...],
    overlay: str,
    batch_size: int,
    threads: int | None,
    address: str | None,
    overwrite: bool,
    retry_failed: bool,
    max_errors: int | None,
    max_error_rate: float | None,
    page_timeout: float,
    **choice: Any,
) -> None:
    """Reads files, folders, globs, URIs, archives or lists, and writes text, positions and overlay pictures.

    With - as its only source, it reads one document from standard input and prints it in the given --format.

    Run the same command again to resume a job that was stopped. Exit status: 0 all pages were read, 6 some failed, 8
    some files could not be written, 9 too many pages failed; 129 its terminal was closed, 130 Ctrl-C or 143 SIGTERM
    stopped it; any other: the job could not run, or not to its end.
    """
    alone("--engine ray", engine == "ray", "threads")
    alone("--engine local", engine == "local", "detectors", "recognizers", "address")
    pipeline = chosen_pipeline(**choice)
    if not address:  # What another cluster's nodes have is unknown here.
        pipeline.graph.check()
    if stream.is_asked_for(sources):
        sys.exit(stream.stream(pipeline, formats, batch_size, threads, page_timeout or None))
    if output is None:
        raise click.MissingParameter(param_hint="--output", param_type="option")
    folder, overlay = OutputFolder(output), overlay_for(pipeline, overlay)
    pipeline = with_overlays(pipeline, folder, overlay)
    with _resumable(folder):
        job = plan.prepare(pipeline, sources, output, formats, overwrite, retry_failed)
        with progress.shown(FailureLimits(max_errors, max_error_rate)) as shown:
            engine_for = partial(_engine, job, shown, engine, batch_size, threads, address, page_timeout or None)
            summary = loop.run(job, engine_for, shown)
        sys.exit(_report(summary, job, overlay))


def _engine(
    job: Job,
    shown: Progress,
    name: str,
    batch_size: int,
    threads: int | None,
    address: str | None,
    page_seconds: float | None,
    documents: pa.Table,
    more: bool,
) -> Engine:
    """The engine that is asked for, or the one that finishes sooner; a message says which and why."""
    if name == "auto":
        name, reason = choose(job.pipeline.graph, documents, more, address, threads, broke_off=job.broke_off)
        click.echo(f"{'Ray' if name == 'ray' else 'One process'}: {reason}.", err=True)
    if name == "local" and job.broke_off:
        click.echo(f"{BROKE_OFF.capitalize()}. If a page breaks the process, --engine ray makes a row of it.", err=True)
    shown.update(doing="loading models" if name == "local" else "starting Ray")
    if name == "local":
        return LocalEngine(job.pipeline.graph, job.writer, batch_size, threads, page_seconds)
    return RayEngine(job.pipeline.graph, job.writer, batch_size, address, page_seconds)


@contextmanager
def _resumable(folder: OutputFolder) -> Iterator[None]:
    """Says what becomes of a job that is stopped."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        click.echo(
            f"Stopped. What was read is in {public(folder.results)}/; the same command reads the rest.", err=True
        )
        sys.exit(stop.status_of(interrupt))


def _report(summary: loop.Summary, job: Job, overlay: str) -> ExitStatus:
    """Prints the summary; returns the exit status."""
    seconds, outcome = summary.processing_seconds, summary.outcome
    rate = f", {summary.pages / seconds:.2f} pages/s once started" if seconds else ""
    click.echo(f"{counted(summary.pages, 'page')} in {summary.seconds:.1f} s{rate}", err=True)
    if files := files_run(summary.sums):
        click.echo(f"models that ran: {', '.join(files)}", err=True)
    if summary.resumed:
        click.echo(f"already done: {counted(summary.resumed, 'page')}", err=True)
    folders = [job.folder.results, *map(job.folder.documents, job.writer.formats)]
    folders += [job.folder.overlays] if overlay != "none" else []
    click.echo(f"results: {'  '.join(f'{public(folder)}/' for folder in folders)}", err=True)
    print_outcome(outcome, job.folder)
    if outcome.unwritten:
        return ExitStatus.OUTPUT
    return ExitStatus.PAGES if outcome.failed else ExitStatus.DONE
