"""The local store: a folder for each model that does not come with raypipe, with a record of where its files came from.

`RAYPIPE_MODELS` sets its folder; by default it is in the user's data folder. On a Ray cluster, set it to a folder that
all nodes share; workers read it and never download.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, ValidationError

from raypipe.errors import ModelError, reason_of
from raypipe.files.paths import with_home
from raypipe.plurals import counted

VARIABLE = "RAYPIPE_MODELS"
RECORD = "raypipe.json"


class StoredFile(BaseModel):
    """The size and digest of a model's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


class Record(BaseModel):
    """Where a stored model came from, and its files by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    """A repository on the hub, or a folder."""
    revision: str = ""
    """Commit of the repository."""
    changes: str = ""
    """What was done to the fetched files."""
    files: dict[str, StoredFile]


def folder() -> Path:
    """The store: `RAYPIPE_MODELS`, else `raypipe/models` in the platform's folder for a user's data."""
    chosen = os.environ.get(VARIABLE)
    return Path(with_home(chosen)) if chosen else user_data_path("raypipe", appauthor=False) / "models"


def location(name: str) -> Path:
    """The folder of a model, whether it exists or not."""
    return folder() / name


def record(name: str) -> Record | None:
    """The record of a model; None if it is not stored.

    Raises:
        ModelError: The record is damaged.
    """
    path = location(name) / RECORD
    return read_record(path) if path.exists() else None


def read_record(path: Path) -> Record:
    """A record from its file.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise ModelError(
            f"{path} is not the record of a model: {reason_of(error)}.", "Pull or import the model again."
        ) from error


def damage(name: str) -> str | None:
    """What is wrong with a stored model; None if each file has the size and sha256 in the record."""
    found = record(name)
    if found is None:
        return "missing"
    for file, expected in found.files.items():
        if wrong := difference(location(name) / file, expected):
            return f"{file}: {wrong}"
    return None


def difference(path: Path, expected: StoredFile) -> str | None:
    """What is wrong with a file; None if it has the size and sha256 that it should have."""
    if not path.exists():
        return "missing"
    if (size := path.stat().st_size) != expected.bytes:
        return f"{counted(size, 'byte')} instead of {expected.bytes:,}"
    digest = sha256_of(path)
    return None if digest == expected.sha256 else f"sha256 {digest} instead of {expected.sha256}"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder inside the store, removed afterwards unless `install` put it in place.

    Raises:
        ModelError: The store cannot be written.
    """
    try:
        folder().mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder()))
    except OSError as error:
        raise ModelError(f"The store {folder()} cannot be written: {error}.", f"Set {VARIABLE} to a folder.") from error
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def install(temporary: Path, name: str, source: str, revision: str = "", changes: str = "") -> Record:
    """Puts the files of a temporary folder in place as a model, all at once, with their record."""
    paths = sorted(path for path in temporary.iterdir() if path.is_file())
    files = {path.name: StoredFile(bytes=path.stat().st_size, sha256=sha256_of(path)) for path in paths}
    made = Record(name=name, source=source, revision=revision, changes=changes, files=files)
    (temporary / RECORD).write_text(made.model_dump_json(indent=2), encoding="utf-8")
    temporary.chmod(0o755)
    with temporary_folder() as old:
        if location(name).exists():
            location(name).rename(old / name)
        temporary.rename(location(name))
    return made


def sha256_of(path: Path) -> str:
    """The hexadecimal SHA-256 digest of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
