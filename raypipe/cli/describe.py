"""`raypipe describe`."""

from __future__ import annotations

from pathlib import Path

import click

from raypipe import presets
from raypipe.pipeline import Pipeline, load


@click.command(epilog="Example: raypipe describe --toml > pipeline.toml")
@click.option("--pipeline", "file", type=click.Path(path_type=Path), help="TOML file that declares the pipeline.")
@click.option("--toml", is_flag=True, help="Print the file that --pipeline takes.")
def describe(file: Path | None, toml: bool) -> None:
    """Prints a pipeline: its stages, columns, parameters and where they run."""
    pipeline: Pipeline = load(file) if file else presets.standard()
    click.echo(pipeline.to_toml() if toml else pipeline.describe())
