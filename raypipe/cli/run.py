"""`raypipe run`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from raypipe import presets
from raypipe.cli.options import alone, chosen_pipeline, pipeline_options, pool_options
from raypipe.errors import ExitStatus
from raypipe.job import local, plan, ray, stop
from raypipe.job.engine import choose
from raypipe.job.folder import OutputFolder
from raypipe.job.results import read_results
from raypipe.job.summary import Summary
from raypipe.outputs import documents
from raypipe.outputs.formats import FORMATS
from raypipe.pipeline import BATCH_SIZE


@click.command(epilog="Example: raypipe run letters/ --output out --format json")
@click.argument("sources", nargs=-1, required=True)
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="Folder for the results.")
@pipeline_options
@pool_options
@click.option("--engine", type=click.Choice(["auto", "local", "ray"]), default="auto", show_default=True,
              help="Run in this process, on Ray, or wherever it is done sooner.")  # fmt: skip
@click.option("--format", "formats", multiple=True, type=click.Choice(list(FORMATS)), default=["text"],
              show_default=True, help="Also write one file per document in this format (repeatable).")  # fmt: skip
@click.option("--overlay", type=click.Choice(["jpeg", "png", "none"]), default="jpeg", show_default=True,
              help="Draw regions and text over each page.")  # fmt: skip
@click.option(
    "--batch-size", default=BATCH_SIZE, show_default=True, type=click.IntRange(1), help="Pages read together."
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads of the local engine; default: all CPUs.")
@click.option("--address", envvar="RAY_ADDRESS", help="Ray cluster to join; default: one is started here.")
@click.option("--overwrite", is_flag=True, help="Discard the results already in the folder.")
@click.option("--retry-failed", is_flag=True, help="Read again the pages that failed before.")
def run(
    sources: tuple[str, ...],
    output: Path,
    engine: str,
    formats: tuple[str, ...],
    overlay: str,
    batch_size: int,
    threads: int | None,
    address: str | None,
    overwrite: bool,
    retry_failed: bool,
    **choice: Any,
) -> None:
    """Reads files, folders, globs or URIs and writes text, positions, confidences and overlay pictures.

    The same command resumes a job that was stopped. Exit status: 0 all pages read, 6 some failed, 8 some files
    could not be written, others: the job did not run.
    """
    alone("--engine ray", engine == "ray", "threads")
    alone("--engine local", engine == "local", "detectors", "recognizers", "address")
    pipeline = chosen_pipeline(**choice)
    if overlay != "none":
        pipeline = presets.with_overlays(pipeline, str(OutputFolder(output).overlays.absolute()), overlay)
    prepared = plan.prepare(pipeline, sources, output, overwrite, retry_failed)
    if engine == "auto":
        engine, reason = choose(prepared, address, threads)
        click.echo(f"{'Ray' if engine == 'ray' else 'One process'}: {reason}.", err=True)
    if prepared.repeated:
        click.echo(f"{prepared.repeated} files are named by more than one source and read once", err=True)
    stop.heed_sigterm()
    with _resumable(output), _progress() as progress:
        task = progress.add_task("pages", total=len(prepared.todo), failed=0, rate=0.0)

        def show_progress(finished: int, failed: int) -> None:
            seconds = progress.tasks[0].elapsed or 0
            progress.update(task, completed=finished, failed=failed, rate=finished / seconds if seconds else 0)

        if engine == "local":
            summary = local.run(prepared, show_progress, batch_size, threads)
        else:
            summary = ray.run(prepared, show_progress, batch_size, address)
    status = _report(summary, formats, overlay)
    pages = read_results(prepared.folder.results, pipeline.graph.columns)
    changed = {row["path"] for row in prepared.todo}
    documents.write(pages, {name: prepared.folder.documents(name) for name in formats}, changed)
    sys.exit(status)


@contextmanager
def _resumable(output: Path) -> Iterator[None]:
    """Says what becomes of a job that is stopped."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        click.echo(f"Stopped. What was read is in {output}/results/; the same command reads the rest.", err=True)
        number = signal.SIGTERM if isinstance(interrupt, stop.Stopped) else signal.SIGINT
        sys.exit(128 + number)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.2f} pages/s, {task.fields[failed]} failed"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _report(summary: Summary, formats: tuple[str, ...], overlay: str) -> ExitStatus:
    """Prints the summary; returns the exit status."""
    failed = sum(summary.errors.values())
    seconds = summary.processing_seconds
    rate = f", {summary.pages / seconds:.2f} pages/s once started" if seconds else ""
    click.echo(f"{summary.pages} pages in {summary.seconds:.1f} s{rate}", err=True)
    if summary.resumed:
        click.echo(f"{summary.resumed} pages were already done", err=True)
    folders = [summary.folder.results, *map(summary.folder.documents, formats)]
    folders += [summary.folder.overlays] if overlay != "none" else []
    click.echo(f"results: {'  '.join(f'{folder}/' for folder in folders)}", err=True)
    for kind, count in summary.errors.most_common():
        click.echo(f"failed: {count} with {kind}", err=True)
    if failed:
        click.echo(
            f"The column `exception` in {summary.folder.results}/ says why each page failed and what to do.", err=True
        )
        click.echo("After that, the same command with --retry-failed reads those pages again.", err=True)
    return ExitStatus.PAGES if failed else ExitStatus.DONE
