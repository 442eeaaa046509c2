"""`raypipe report`."""

from __future__ import annotations

import click

from raypipe.job import report as job
from raypipe.keys import public


@click.command(epilog="Example: raypipe report out")
@click.argument("folder", metavar="OUTPUT")
@click.option("--output", "-o", help="The file; default: report.html in the folder.")
def report(folder: str, output: str | None) -> None:
    """Writes a report on a job as one HTML file: counts, pace, failures, confidences, doubtful pages, settings."""
    click.echo(public(job.write(folder, output)))
