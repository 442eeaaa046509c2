"""`raypipe run -`: one document from standard input to standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from raypipe.cli.options import alone
from raypipe.errors import ConfigError, ExitStatus, InputError, OutputError
from raypipe.outputs import formats as registry
from raypipe.outputs.base import Document
from raypipe.pipeline import Pipeline

STANDARD = "-"
NAME = "document"
FOR_JOBS = (
    "output", "engine", "overlay", "address", "overwrite", "retry_failed", "max_errors", "max_error_rate",
    "detectors", "recognizers",
)  # fmt: skip
"""Options that only a job with an output folder has."""


def is_asked_for(sources: Sequence[str]) -> bool:
    """Whether standard input is to be read.

    Raises:
        ConfigError: Other sources are given, too.
    """
    if STANDARD in sources and len(sources) > 1:
        raise ConfigError("Standard input (-) cannot be read with other sources.", "Give - alone.")
    return STANDARD in sources


def from_standard_input() -> bytes:
    """The bytes on standard input.

    Raises:
        InputError: There are none.
    """
    data = sys.stdin.buffer.read() if sys.stdin else b""  # Python has no stdin if it is closed.
    if not data:
        raise InputError("Standard input is empty.", "Pipe a file into it.")
    return data


def stream(
    pipeline: Pipeline, formats: Sequence[str], batch_size: int, threads: int | None, page_seconds: float | None
) -> ExitStatus:
    """Reads a document and prints it in a format.

    Raises:
        ConfigError: There are several formats, or one that holds a single page for a document of more.
        OutputError: Standard output is closed.
    """
    alone("standard input (-)", True, *FOR_JOBS)
    if len(formats) != 1:
        raise ConfigError("Standard output takes one format.", "Give --format once.")
    if not sys.stdout:  # As with standard input.
        raise OutputError("Standard output is closed.", "Send it to a file or a program.")
    form = registry.find(formats[0])
    row = {"path": NAME, "content": from_standard_input()}
    pages = list(pipeline.run([row], batch_size=batch_size, threads=threads, page_seconds=page_seconds))
    if form.one_page and len(pages) > 1:
        raise ConfigError(f"{form.name} holds one page, and the document has {len(pages)}.", "Choose another --format.")
    sys.stdout.buffer.write(form.encode(Document(path=NAME, name=NAME, pages=pages)))
    sys.stdout.buffer.flush()
    failures = [page.exception for page in pages if page.exception]
    for failure in failures:
        click.echo(failure, err=True)
    return ExitStatus.PAGES if failures else ExitStatus.DONE
