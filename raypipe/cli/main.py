"""The command line: parse, call, print."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from raypipe import presets
from raypipe.cli.models import models
from raypipe.client import Client
from raypipe.errors import ConfigError, RaypipeError
from raypipe.job import local, plan, ray
from raypipe.job.results import read_results
from raypipe.job.summary import Summary
from raypipe.outputs import documents
from raypipe.pipeline import Pipeline, load
from raypipe.stages.base import Pool
from raypipe.types import Page
from raypipe.web.settings import ServerSettings, read_keys

SOME_PAGES_FAILED = 6
"""Exit status of a job that finished, with an exception on some of its pages."""
DEVICES = {"auto": None, "cpu": False, "cuda": True}


class PoolSize(click.ParamType[Pool]):
    """`N`, or `MIN:MAX`."""

    name = "N|MIN:MAX"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Pool:
        """The pool that the text means."""
        parts = str(value).split(":")
        if len(parts) > 2 or not all(part.isdecimal() and int(part) for part in parts):
            self.fail(f"{value!r} is neither a number nor MIN:MAX", param, ctx)
        if len(parts) == 1:
            return Pool(size=int(parts[0]))
        if int(parts[0]) > int(parts[1]):
            self.fail(f"{value!r} has a MIN above its MAX", param, ctx)
        return Pool(min_size=int(parts[0]), max_size=int(parts[1]))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="raypipe")
def cli() -> None:
    """Text from pictures of handwriting and print, on this machine or on a Ray cluster."""


@cli.command(epilog="Example: raypipe run letters/ --output out --format json")
@click.argument("sources", nargs=-1, required=True)
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--pipeline", "file", type=click.Path(path_type=Path), help="TOML file that declares the pipeline.")
@click.option("--engine", type=click.Choice(["ray", "local"]), default="ray", show_default=True, help="Where it runs.")
@click.option("--format", "formats", multiple=True, type=click.Choice(list(documents.SUFFIXES)), default=["text"],
              show_default=True, help="A file a document in this format; may be repeated.")  # fmt: skip
@click.option("--overlay", type=click.Choice(["jpeg", "png", "none"]), default="jpeg", show_default=True,
              help="A picture a page with its regions and text.")  # fmt: skip
@click.option("--detector", default=presets.DETECTOR, show_default=True, help="Detection model.")
@click.option("--recognizer", default=presets.RECOGNIZER, show_default=True, help="Recognition model.")
@click.option("--device", type=click.Choice(list(DEVICES)), default="auto", show_default=True, help="Where models run.")
@click.option("--detectors", type=PoolSize(), help="Detector actors of their own on Ray.")
@click.option("--recognizers", type=PoolSize(), help="Recognizer actors of their own on Ray.")
@click.option("--batch-size", default=4, show_default=True, type=click.IntRange(1), help="Pages read together.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads of the local engine; default: all CPUs.")
@click.option("--address", envvar="RAY_ADDRESS", help="Ray cluster to join; default: one is started here.")
@click.option("--overwrite", is_flag=True, help="Drop the results that the folder holds already.")
@click.option("--retry-failed", is_flag=True, help="Read the pages again that failed before.")
def run(
    sources: tuple[str, ...],
    output: Path,
    file: Path | None,
    engine: str,
    formats: tuple[str, ...],
    overlay: str,
    detector: str,
    recognizer: str,
    device: str,
    detectors: Pool | None,
    recognizers: Pool | None,
    batch_size: int,
    threads: int | None,
    address: str | None,
    overwrite: bool,
    retry_failed: bool,
) -> None:
    """Reads files, folders, globs or URIs and leaves text, positions, confidences and overlay pictures.

    The same command goes on where a stopped one left off. Exit status: 0 all pages read, 6 some failed, others: the
    job did not run.
    """
    _alone("--pipeline", file, "detector", "recognizer", "device", "detectors", "recognizers")
    _alone("--engine local", engine == "local", "detectors", "recognizers", "address")
    use_gpu = DEVICES[device]
    pipeline = load(file) if file else presets.standard(detector, recognizer, "en", use_gpu, detectors, recognizers)
    if overlay != "none":
        pipeline = presets.with_overlays(pipeline, str((output / "overlays").absolute()), overlay)
    prepared = plan.prepare(pipeline, sources, output, overwrite, retry_failed)
    with _progress() as progress:
        task = progress.add_task("pages", total=len(prepared.todo), failed=0, rate=0.0)

        def tell(finished: int, failed: int) -> None:
            seconds = progress.tasks[0].elapsed or 0
            progress.update(task, completed=finished, failed=failed, rate=finished / seconds if seconds else 0)

        if engine == "local":
            summary = local.run(prepared, tell, batch_size, threads)
        else:
            summary = ray.run(prepared, tell, batch_size, address)
    documents.write(read_results(prepared.folder.results), output, formats)
    sys.exit(_report(summary, formats, overlay))


@cli.command(epilog="Example: raypipe show photo.jpg")
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="The overlay picture; default: IMAGE.overlay.png")
@click.option("--pipeline", "file", type=click.Path(path_type=Path), help="TOML file that declares the pipeline.")
@click.option("--device", type=click.Choice(list(DEVICES)), default="auto", show_default=True, help="Where models run.")
@click.option("--url", help="Let the `raypipe serve` at this address read it.")
@click.option("--api-key", envvar="RAYPIPE_API_KEY", help="The key of that server.")
def show(
    image: Path, output: Path | None, file: Path | None, device: str, url: str | None, api_key: str | None
) -> None:
    """Prints the text of one image, and writes a picture with its regions and text drawn over it."""
    _alone("--url", url, "file", "device")
    _alone("--pipeline", file, "device")
    image_format = "jpeg" if output and output.suffix.lower() in (".jpg", ".jpeg") else "png"
    if url:
        pages: Iterable[Page] = Client(url, api_key).read(image, overlay=image_format)
    else:
        pipeline = load(file) if file else presets.standard(use_gpu=DEVICES[device])
        pages = presets.with_drawing(pipeline, image_format).run(image)
    failed = False
    for page in pages:
        if page.exception:
            failed = True
            click.echo(page.exception, err=True)
            continue
        click.echo(page.text)
        target = output or image.with_name(f"{image.stem}.overlay.png")
        if page["total_pages"] > 1:
            target = target.with_stem(f"{target.stem}.{page.pagenum}")
        try:
            target.write_bytes(page["image_with_regions"])
        except OSError as error:
            raise ConfigError(f"{target} cannot be written: {error}.", "Give --output another place.") from error
        click.echo(f"{len(page.lines)} lines, mean confidence {page.confidence or 0:.2f}, overlay: {target}", err=True)
    sys.exit(SOME_PAGES_FAILED if failed else 0)


@cli.command(epilog="Example: raypipe serve --port 8000")
@click.option("--pipeline", "file", type=click.Path(path_type=Path), help="TOML file that declares the pipeline.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--device", type=click.Choice(list(DEVICES)), default="auto", show_default=True, help="Where models run.")
@click.option("--detectors", type=PoolSize(), help="Detector replicas of their own.")
@click.option("--recognizers", type=PoolSize(), help="Recognizer replicas of their own.")
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
    file: Path | None,
    host: str,
    port: int,
    device: str,
    detectors: Pool | None,
    recognizers: Pool | None,
    merge_ingress: bool,
    batch_lines: int | None,
    max_requests: int,
    body_seconds: float,
    request_seconds: float,
    api_key_file: Path | None,
    address: str | None,
) -> None:
    """Reads what is sent by HTTP: a page for people at /, the API at /docs. Stops at Ctrl-C when all is answered."""
    from raypipe.run import server
    from raypipe.run.online import Serving
    from raypipe.run.replicas import Batching

    _alone("--pipeline", file, "device", "detectors", "recognizers")
    pipeline = (
        load(file)
        if file
        else presets.standard(use_gpu=DEVICES[device], detector_pool=detectors, recognizer_pool=recognizers)
    )
    keys = read_keys(api_key_file) if api_key_file else ()
    settings = ServerSettings(
        max_requests=max_requests, body_seconds=body_seconds, request_seconds=request_seconds, key_digests=keys
    )
    batching = None if batch_lines is None else Batching(max_lines=batch_lines)
    serving = Serving(settings=settings, batching=batching, merge_ingress=merge_ingress)
    server.run(pipeline, serving, host, port, address, lambda: click.echo(f"raypipe: http://{host}:{port}/", err=True))


@cli.command(epilog="Example: raypipe describe --toml > pipeline.toml")
@click.option("--pipeline", "file", type=click.Path(path_type=Path), help="TOML file that declares the pipeline.")
@click.option("--toml", is_flag=True, help="Print the file that --pipeline takes.")
def describe(file: Path | None, toml: bool) -> None:
    """Prints a pipeline: its stages, columns, parameters and where they run."""
    pipeline: Pipeline = load(file) if file else presets.standard()
    click.echo(pipeline.to_toml() if toml else pipeline.describe())


@cli.command(epilog="Example: raypipe doctor")
def doctor() -> None:
    """Checks versions, providers, devices, threads and models."""
    from raypipe.doctor import checks

    rows = checks()
    table = Table("what", "found", "")
    for subject, finding, sound in rows:
        table.add_row(subject, finding, "ok" if sound else "WRONG")
    Console().print(table)
    sys.exit(0 if all(sound for *_, sound in rows) else 4)


def _alone(option: str, given: object, *others: str) -> None:
    """Refuses what an option would leave without effect.

    Raises:
        ConfigError: The option is given, and one of the other parameters too.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if given and parameter.name in others and source is ParameterSource.COMMANDLINE:
            raise ConfigError(f"{parameter.opts[0]} does not go with {option}.", "Leave out one of them.")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.2f} pages/s, {task.fields[failed]} failed"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _report(summary: Summary, formats: tuple[str, ...], overlay: str) -> int:
    """Prints the summary; returns the exit status."""
    failed = sum(summary.errors.values())
    seconds = summary.processing_seconds
    rate = f", {summary.pages / seconds:.2f} pages/s once started" if seconds else ""
    click.echo(f"{summary.pages} pages in {summary.seconds:.1f} s{rate}", err=True)
    if summary.resumed:
        click.echo(f"{summary.resumed} pages were done before", err=True)
    places = [*(f"{summary.folder}/{name}/" for name in formats)]
    places += [f"{summary.folder}/overlays/"] if overlay != "none" else []
    click.echo(f"results: {summary.folder}/results/  {'  '.join(places)}", err=True)
    for kind, count in summary.errors.most_common():
        click.echo(f"failed: {count} with {kind}", err=True)
    if failed:
        click.echo(f"The column `exception` in {summary.folder}/results/ says which pages, and what to do.", err=True)
        click.echo("When that is done, the same command with --retry-failed reads them again.", err=True)
    return SOME_PAGES_FAILED if failed else 0


cli.add_command(models)


def main() -> None:
    """The `raypipe` command: errors that a user can mend are one line and an exit status."""
    try:
        cli()
    except RaypipeError as error:
        click.echo(f"raypipe: {error}", err=True)
        sys.exit(error.exit_status)
