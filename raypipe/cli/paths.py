"""Paths that commands are given: files and folders on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from raypipe.files.paths import with_home


class LocalPath(click.Path):
    """A path on this machine. `~` is the user's home, also where shells leave it: in `--pipeline=~/a.toml`."""

    def __init__(self, **how: Any) -> None:
        super().__init__(path_type=Path, **how)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path itself."""
        path = with_home(os.fspath(value))
        if "://" in path:
            self.fail(f"{path!r} is a URI. Give a path on this machine.", param, ctx)
        return super().convert(path, param, ctx)
