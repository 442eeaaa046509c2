"""`raypipe describe`."""

from __future__ import annotations

from typing import Any

import click

from raypipe.cli.options import chosen_pipeline, pipeline_options, pool_options


@click.command(epilog="Example: raypipe describe --toml > pipeline.toml")
@pipeline_options
@pool_options
@click.option("--toml", is_flag=True, help="Print it as a TOML file for --pipeline.")
def describe(toml: bool, **choice: Any) -> None:
    """Prints a pipeline: its stages, columns, parameters and where they run."""
    pipeline = chosen_pipeline(**choice)
    click.echo(pipeline.to_toml() if toml else pipeline.describe())
