"""The command line without a process of its own."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path
from unittest import mock

from raypipe.cli.main import run_command


def raypipe(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What `raypipe ARGUMENTS` prints, and its exit status; an error that no user can mend is raised.

    `run` takes the cluster that this process has joined, if there is one.
    """
    words = ["raypipe", *map(str, arguments)]
    printed, errors = io.StringIO(), io.StringIO()
    status = 0
    streams = contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors)
    with mock.patch("sys.argv", words), streams[0], streams[1]:
        try:
            run_command()
        except SystemExit as end:
            status = int(end.code or 0)
    return subprocess.CompletedProcess(words, status, printed.getvalue(), errors.getvalue())
