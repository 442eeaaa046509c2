"""`raypipe serve`."""

from __future__ import annotations

from typing import Any

import click

from raypipe.cli.fields import build, options_of
from raypipe.cli.options import chosen_pipeline, pipeline_options, pool_options
from raypipe.serving import Arguments


@click.command(epilog="Example: raypipe serve --port 8000")
@pipeline_options
@pool_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@options_of(Arguments, leave_out=("pipeline", "toml", "key_digests"))
@click.option("--address", envvar="RAY_ADDRESS", help="Ray cluster to join; default: one is started here.")
def serve(host: str, port: int, address: str | None, **values: Any) -> None:
    """Reads documents over HTTP: a web page at /, the API at /docs. Ctrl-C stops it once all requests are answered."""
    from raypipe.run import server

    pipeline, serving = chosen_pipeline(**values), build(Arguments, values).with_keys()

    def started() -> None:
        click.echo(f"raypipe: http://{host}:{port}/", err=True)

    server.run(pipeline.graph, pipeline.drawings(), serving, host, port, address, started)
