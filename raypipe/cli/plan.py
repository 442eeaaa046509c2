"""`raypipe plan`."""

from __future__ import annotations

import json
from typing import Any

import click

from raypipe.cli import progress
from raypipe.cli.options import (
    chosen_pipeline,
    job_options,
    overlay_for,
    passwords_option,
    pipeline_options,
    with_overlays,
)
from raypipe.job import forecast as job
from raypipe.job.folder import OutputFolder
from raypipe.job.forecast import Cluster, Forecast
from raypipe.job.plan import found
from raypipe.job.progress import FailureLimits
from raypipe.job.sample import FEWEST, draw
from raypipe.pipeline import Pipeline
from raypipe.plurals import counted

BUSY = 0.8
"""Least share of the CPUs that reading uses if nothing else runs and no page waits for its file."""


@click.command(epilog="Example: raypipe plan s3://bucket/letters --cluster 8x4gpu --price 12.5")
@click.argument("sources", nargs=-1, required=True)
@pipeline_options
@passwords_option
@job_options
@click.option("--sample", default=500, show_default=True, type=click.IntRange(FEWEST), help="Pages in the sample.")
@click.option("--cluster", metavar="NODESxNgpu|NODESxNcpu",
              help="Cluster that would run the job, such as 8x4gpu; default: one process here.")  # fmt: skip
@click.option("--price", type=click.FloatRange(0), help="Price of a node per hour, in any currency.")
@click.option("--json", "as_json", is_flag=True, help="Print the forecast as JSON.")
def plan(
    sources: tuple[str, ...],
    formats: tuple[str, ...],
    overlay: str,
    batch_size: int,
    sample: int,
    cluster: str | None,
    price: float | None,
    as_json: bool,
    **choice: Any,
) -> None:
    """Forecasts how long `raypipe run` would take, by reading a sample of the pages on this machine.

    It assumes that the cluster's CPUs or GPUs are like this machine's, and that nothing else runs on either.
    """
    nodes = Cluster.parse(cluster) if cluster else None
    pipeline = chosen_pipeline(**choice)
    overlay = overlay_for(pipeline, overlay)
    job.check(pipeline, nodes)

    def pipeline_for(folder: OutputFolder) -> Pipeline:
        return with_overlays(pipeline, folder, overlay)

    with progress.shown(FailureLimits()) as shown:
        places, listed = found(sources)
        drawn = draw(listed, places, sample, lambda count: shown.update(listed=count))
        measured = job.measure(drawn, pipeline_for, formats, batch_size, shown)
    made = job.forecast(drawn, measured, nodes, price)
    click.echo(json.dumps(vars(made), indent=1) if as_json else summary(made, measured.seconds))


def summary(made: Forecast, seconds: float) -> str:
    """A forecast, and the seconds of a page that it is drawn from, in words."""
    lines = [
        f"{counted(made.pages, 'page')} in {counted(made.documents, 'document')}, {made.sampled} of them read: "
        f"{seconds:.2f} s a page",
        f"time: {progress.duration(made.hours * 3600)}, give or take {made.doubt:.0%} (95 % confidence), "
        f"with {made.actors} at once",
        f"memory: {made.memory / 1e9:.1f} GB in all processes that read",
        f"output: {made.output / 1e9:.3g} GB",
    ]
    if made.hours_joined is not None:
        saved = (made.hours - made.hours_joined) * 3600
        lines.append(f"start: {counted(round(saved), 'second')} less where Ray runs already (--address)")
    if made.busy is not None and made.busy < BUSY:
        lines.append(f"busy: {made.busy:.0%} of the CPUs; if other programs had the rest, measure again without them")
    if made.failed:
        lines.append(f"about {counted(made.failed, 'page')} may fail")
    if made.money is not None:
        lines.append(f"money: {made.money:,.2f}")
    return "\n".join(lines)
