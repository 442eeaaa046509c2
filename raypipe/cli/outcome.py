"""What failed in a job and what to do about it, and what its results warn of."""

from __future__ import annotations

import click

from raypipe.job.folder import OutputFolder
from raypipe.job.shards import Outcome
from raypipe.keys import public
from raypipe.plurals import counted


def print_outcome(outcome: Outcome, folder: OutputFolder) -> None:
    """Prints how often each kind of failure and warnings occurred, with the first of each, on standard error."""
    for kind, count in outcome.failed.most_common():
        click.echo(f"failed: {count:,} with {kind}, such as: {outcome.reasons[kind]}", err=True)
    if outcome.failed:
        click.echo(
            f"The column `exception` in {public(folder.results)}/ says why each page failed and what to do.", err=True
        )
        click.echo("After that, the same command with --retry-failed reads those pages again.", err=True)
    if outcome.warned:
        click.echo(f"read with a warning: {counted(outcome.warned, 'page')}, such as {outcome.warning}", err=True)
        click.echo(f"The column `warning` in {public(folder.results)}/ has them all.", err=True)
    if outcome.unwritten:
        click.echo(
            f"{counted(outcome.unwritten, 'file')} could not be written, first {outcome.why_unwritten[0]}. What was "
            "read is in the results: the same command, or `raypipe convert`, writes the files again.",
            err=True,
        )
