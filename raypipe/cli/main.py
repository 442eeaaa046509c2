"""The command line: parse, call, print."""

from __future__ import annotations

import atexit
import errno
import io
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from raypipe.errors import ExitStatus, RaypipeError
from raypipe.job import stop

COMMANDS = (
    "bench", "convert", "describe", "doctor", "models", "plan", "report", "run", "serve", "show", "status",
)  # fmt: skip
"""Each is a module of this package with a command of the same name."""


class Modules(Mapping[str, click.Command]):
    """The commands, whose modules are imported when they are called, so that none waits for what another needs."""

    def __getitem__(self, name: str) -> click.Command:
        if name not in COMMANDS:
            raise KeyError(name)
        command: click.Command = getattr(import_module(f"raypipe.cli.{name}"), name)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(click.Group):
    """Commands that signals end with the exit status of shells: click's own is that of an error in raypipe."""

    def invoke(self, ctx: click.Context) -> Any:
        """See `click.Group.invoke`."""
        try:
            stop.heed_signals()  # First of all: the first process of a container gets none that it does not handle.
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            click.echo("\nStopped.", err=True)
            ctx.exit(stop.status_of(interrupt))


@click.group(
    cls=Commands, commands=Modules(), context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="raypipe")
def cli() -> None:
    """Reads handwriting and print in pictures, on this machine or on a Ray cluster."""


def main() -> None:
    """The `raypipe` command, and the end of its process.

    Without what Python does last, taking objects apart: it aborts if a thread of a native library gives back one of
    them then, as Arrow's do, or if a page that was given up still uses a library.
    """
    try:
        run_command()
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        threading._shutdown()  # type: ignore[attr-defined]  # Waits for threads, as Python does before it takes apart.
        atexit._run_exitfuncs()
        with suppress(OSError):  # Python says which stream cannot be written.
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
            os._exit(end.code or 0)
        raise


def run_command() -> None:
    """Parses, calls and prints. An error that its user can fix becomes one line and an exit status.

    Raises:
        SystemExit: Always; its code is the exit status.
    """
    _speak_utf8()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # As standard error: other encodings lack some letters.
    try:
        cli()
    except RaypipeError as error:
        click.echo(f"raypipe: {error}", err=True)
        sys.exit(error.exit_status)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        click.echo(f"raypipe: {error}. Free space where the command writes.", err=True)
        sys.exit(ExitStatus.OUTPUT)


def _speak_utf8() -> None:
    """Restarts Python in UTF-8 mode where it decodes file names as anything else: the mode is fixed at its start."""
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"  # Ray's workers inherit it.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
