"""Writes docs/reference/ from the code: `python docs/reference.py [FOLDER]`, or `make reference`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pages.columns import columns
from pages.commands import command_line
from pages.failures import failures
from pages.formats import formats
from pages.http import http
from pages.models import models
from pages.stages import stages
from pages.visual import visual

FOLDER = Path(__file__).parent / "reference"
PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "stages": stages,
    "columns": columns,
    "command-line": command_line,
    "http": http,
    "formats": formats,
    "errors": failures,
    "models": models,
    "visual-nlp": visual,
}


def write(folder: Path) -> None:
    """Writes all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / f"{name}.md").write_text("".join(page()), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
