"""`raypipe show`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from raypipe.cli import stream
from raypipe.cli.options import alone, chosen_pipeline, passwords_option, pipeline_options
from raypipe.cli.paths import LocalPath
from raypipe.client import Client
from raypipe.errors import ConfigError, ExitStatus, reason_of
from raypipe.images import passwords
from raypipe.plurals import counted
from raypipe.types import PageRecord

SUFFIXES = {"": "png", ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}


@click.command(epilog="Example: raypipe show photo.jpg")
@click.argument("image", type=LocalPath(exists=True, dir_okay=False, allow_dash=True))
@click.option("--output", "-o", type=LocalPath(), help="File for the copy; default: IMAGE.overlay.png")
@pipeline_options
@passwords_option
@click.option("--url", help="Address of a `raypipe serve` that is to read it.")
@click.option("--api-key", envvar="RAYPIPE_API_KEY", help="API key for that server.")
def show(image: Path, output: Path | None, url: str | None, api_key: str | None, **choice: Any) -> None:
    """Prints the text of one image, and saves a copy with its regions and text drawn on it.

    With -, the image is read from standard input, and the copy is saved only if --output is given.
    """
    alone("--url", url, *choice)
    alone("reading on this machine (no --url)", not url, "api_key")
    suffix = output.suffix.lower() if output else ""
    if suffix not in SUFFIXES:
        raise ConfigError(f"{output} is no name of a picture.", "Let it end with .png or .jpg; the text is printed.")
    image_format = SUFFIXES[suffix]
    is_piped = str(image) == stream.STANDARD
    source = stream.from_standard_input() if is_piped else image
    if url:
        keys = passwords.of(str(image))
        pages: Iterable[PageRecord] = Client(url, api_key).read(source, overlay=image_format, passwords=keys)
    else:
        document = source if is_piped else {"path": str(image)}  # Not what a list or an archive of that name holds.
        pages = chosen_pipeline(**choice).with_drawing(image_format).run([document])
    failed = False
    for page in pages:
        if page.exception:
            failed = True
            click.echo(page.exception, err=True)
            continue
        click.echo(page.text)
        if is_piped and not output:
            continue
        target = output or image.with_name(f"{image.stem}.overlay.png")
        if page["total_pages"] > 1:
            target = target.with_stem(f"{target.stem}.{page.pagenum}")
        try:
            target.write_bytes(page["image_with_regions"])
        except OSError as error:
            raise ConfigError(f"{target} cannot be written: {reason_of(error)}.", "Choose another --output.") from error
        lines = counted(len(page.lines), "line")
        click.echo(f"{lines}, mean confidence {page.confidence or 0:.2f}, overlay: {target}", err=True)
    sys.exit(ExitStatus.PAGES if failed else ExitStatus.DONE)
