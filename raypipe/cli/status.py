"""`raypipe status`."""

from __future__ import annotations

import json

import click

from raypipe.cli.outcome import print_outcome
from raypipe.job.folder import OutputFolder
from raypipe.job.status import Status
from raypipe.job.status import status as status_of
from raypipe.plurals import counted


@click.command(epilog="Example: raypipe status s3://bucket/letters-out --json")
@click.argument("output")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(output: str, as_json: bool) -> None:
    """Prints the progress of the job that writes to a folder, on any machine that can read the folder."""
    found = status_of(output)
    if as_json:
        click.echo(json.dumps({**vars(found), "outcome": vars(found.outcome), "finished": found.finished}, indent=1))
        return
    click.echo(_summary(found))
    print_outcome(found.outcome, OutputFolder(output))


def _summary(found: Status) -> str:
    listed = "still listing" if found.listed is None else f"{counted(found.listed, 'file')} listed"
    rate = f", {found.pages_per_second:.2f} pages/s in the last minutes" if found.pages_per_second else ""
    state = (
        "finished" if found.finished else f"{found.done:,} of {counted(found.documents, 'document')} in finished shards"
    )
    gone = f"; gone or damaged: {counted(found.files_gone, 'file')} of results, whose pages `raypipe run` reads again"
    return f"{state}: {counted(found.pages, 'page')}, {listed}{rate}{gone if found.files_gone else ''}"
