"""`raypipe serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from raypipe.cli.options import chosen_pipeline, pipeline_options, pool_options
from raypipe.web.settings import ServerSettings, read_keys


@click.command(epilog="Example: raypipe serve --port 8000")
@pipeline_options
@pool_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--merge-ingress", is_flag=True, help="Detect in the process that speaks HTTP: faster, less robust.")
@click.option("--batch-lines", type=click.IntRange(0),
              help="Most lines that are read together, of many requests; default: 256 on GPUs, 0 on CPUs.")  # fmt: skip
@click.option("--max-requests", default=0, type=click.IntRange(0),
              help="Requests accepted at once; default: 8 for each page read at once.")  # fmt: skip
@click.option("--body-seconds", default=30.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Longest time that a request's body may take to arrive.")  # fmt: skip
@click.option("--request-seconds", default=120.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Longest time until a request is answered.")  # fmt: skip
@click.option(
    "--api-key-file", type=click.Path(path_type=Path), help="File of keys that clients must show, one a line."
)
@click.option("--address", envvar="RAY_ADDRESS", help="Ray cluster to join; default: one is started here.")
def serve(
    host: str,
    port: int,
    merge_ingress: bool,
    batch_lines: int | None,
    max_requests: int,
    body_seconds: float,
    request_seconds: float,
    api_key_file: Path | None,
    address: str | None,
    **choice: Any,
) -> None:
    """Reads what is sent by HTTP: a page for people at /, the API at /docs. Stops at Ctrl-C when all is answered."""
    from raypipe.run import server
    from raypipe.run.online import Serving
    from raypipe.run.replicas import Batching

    pipeline = chosen_pipeline(**choice)
    keys = read_keys(api_key_file) if api_key_file else ()
    settings = ServerSettings(
        max_requests=max_requests, body_seconds=body_seconds, request_seconds=request_seconds, key_digests=keys
    )
    batching = None if batch_lines is None else Batching(max_lines=batch_lines)
    serving = Serving(settings=settings, batching=batching, merge_ingress=merge_ingress)
    server.run(pipeline, serving, host, port, address, lambda: click.echo(f"raypipe: http://{host}:{port}/", err=True))
