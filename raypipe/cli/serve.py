"""`raypipe serve`."""

from __future__ import annotations

from typing import Any

import click

from raypipe.cli.fields import build, options_of
from raypipe.cli.options import address_option, alone, chosen_pipeline, pipeline_options, pool_options
from raypipe.run.ports import url
from raypipe.serving import Arguments

ONLY_RAY = ("detectors", "recognizers", "batch_lines", "batch_seconds", "merge_ingress", "ingress_replicas", "address")
"""Options that only Ray Serve has."""


@click.command(epilog="Example: raypipe serve --port 8000")
@pipeline_options
@pool_options
@click.option(
    "--engine",
    type=click.Choice(["ray", "local"]),
    default="ray",
    show_default=True,
    help="Ray Serve, or this process alone: less memory and a faster start, but no second try if it dies.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@options_of(Arguments, leave_out=("pipeline", "toml", "key_digests"))
@address_option
def serve(engine: str, host: str, port: int, address: str | None, **values: Any) -> None:
    """Serves OCR over HTTP: a web page at /, the API at /docs. Ctrl-C stops it once all requests are answered."""
    alone("--engine local", engine == "local", *ONLY_RAY)
    arguments = build(Arguments, values)
    pipeline = arguments.limited(chosen_pipeline(**values))
    serving, jobs = arguments.with_keys(host), arguments.jobs_of(pipeline)
    if jobs and not address:  # What the machines of another cluster see is unknown here.
        jobs.check()

    def started() -> None:
        click.echo(f"raypipe: {url(host, port)}", err=True)

    from raypipe.run.served import ServedPipeline  # It loads the web application, which no other command needs.

    served = ServedPipeline(pipeline.graph, pipeline.drawings(), serving, jobs)
    if engine == "local":
        from raypipe.run import single

        single.run(served, host, port, started)
    else:
        from raypipe.run import server

        server.run(served, host, port, address, started)
