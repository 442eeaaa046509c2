"""A round of another program, which reads the same files and prints how long that took."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypipe.bench.setting import Round
from raypipe.errors import ConfigError, reason_of

REMEDY = 'Its last line must be JSON: {"pages": 9, "seconds": 4.5}, and "cpu_seconds" if it knows them.'


class _Report(BaseModel):
    """The last line that the program prints."""

    model_config = ConfigDict(extra="forbid")

    pages: int = Field(ge=1)
    seconds: float = Field(gt=0)
    cpu_seconds: float | None = None


def read(command: str, paths: Sequence[str]) -> Round:
    """Lets a program read files.

    Args:
        command: As for a shell, without the files, which are added at its end.

    Raises:
        ConfigError: It cannot be run, fails, or does not say how long it took.
    """
    try:
        done = subprocess.run([*shlex.split(command), *paths], capture_output=True, text=True, check=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{command} cannot be run: {reason_of(error)}.", "See --beside.") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it printed nothing"]
        raise ConfigError(f"{command} ended with {done.returncode}: {lines[-1]}", "Run it by itself to see why.")
    last = done.stdout.strip().rpartition("\n")[2]
    try:
        report = _Report.model_validate_json(last)
    except ValidationError as error:
        raise ConfigError(f"{command} printed {last!r}.", REMEDY) from error
    return Round(pages=report.pages, seconds=report.seconds, cpu_seconds=report.cpu_seconds, sums={})
