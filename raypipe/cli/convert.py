"""`raypipe convert`."""

from __future__ import annotations

import sys
from contextlib import ExitStack

import click

from raypipe.cli.options import FormatName, address_option, alone, passwords_option
from raypipe.cli.repeatable import Repeatable
from raypipe.errors import ExitStatus
from raypipe.job import convert as job
from raypipe.job.engine import Engine
from raypipe.job.folder import OutputFolder
from raypipe.job.local import LocalEngine
from raypipe.job.ray import RayEngine
from raypipe.job.writer import Writer
from raypipe.keys import public
from raypipe.pipeline import BATCH_SIZE, Pipeline
from raypipe.plurals import counted

STEPS = 1000
"""Of the progress bar."""


@click.command(epilog="Example: raypipe convert out --format hocr --format json")
@click.argument("output")
@click.option("--format", "formats", cls=Repeatable, required=True, type=FormatName(),
              help="Write one file per document in this format (repeatable).")  # fmt: skip
@click.option("--shards", type=click.IntRange(min=1), metavar="N",
              help="Pack each format's files into N TAR archives (jsonl: into N files of lines).")  # fmt: skip
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
              help="Write the files in this process or on Ray.")  # fmt: skip
@passwords_option
@address_option
def convert(output: str, formats: tuple[str, ...], shards: int | None, engine: str, address: str | None) -> None:
    """Writes files in further formats from the results of `raypipe run`, without reading the pages again.

    Exit status: 0 all files were written, 8 some could not be.
    """
    alone("--engine local", engine == "local" and address, "address")

    def engine_for(pipeline: Pipeline, writer: Writer) -> Engine:
        if engine == "local":
            return LocalEngine(pipeline.graph, writer, BATCH_SIZE)
        return RayEngine(pipeline.graph, writer, BATCH_SIZE, address, needs_models=False)

    with ExitStack() as shown:
        bar = click.progressbar(length=STEPS, label="writing", file=sys.stderr)

        def show(share: float) -> None:
            if not bar.entered:  # Nothing is shown of what cannot begin.
                shown.enter_context(bar)
            bar.update(round(share * STEPS) - bar.pos)

        done = job.convert(output, formats, engine_for, shards or 0, show)
    folders = "  ".join(f"{public(OutputFolder(output).documents(name))}/" for name in formats)
    where = f"{counted(done.shards, 'shard')} of each format in " if done.shards else ""
    click.echo(f"{counted(done.documents, 'document')}: {where}{folders}", err=True)
    if done.unwritten:
        click.echo(f"{counted(len(done.unwritten), 'file')} could not be written, first {done.unwritten[0]}.", err=True)
        sys.exit(ExitStatus.OUTPUT)
