"""Files to be listed, and what is listed of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FILES = ["b.PNG", "a.jpg", "sub/c.tiff", "sub/deeper/d.webp", "notes.txt", ".hidden.png", "sub/e.doc", "._a.jpg"]


def make(folder: Path, *files: str) -> Path:
    """A folder with files of a byte each."""
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def names(found: Iterable[dict[str, object]], folder: Path | str) -> list[str]:
    """The paths that were found, below a folder."""
    return [str(row["path"]).removeprefix(f"{folder}/") for row in found]
