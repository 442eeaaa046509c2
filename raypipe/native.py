"""The C libraries of this package: `hatch_build.py` builds each from the sources beside it, at installation."""

from __future__ import annotations

import ctypes
import hashlib
from pathlib import Path

from raypipe.errors import ModelError, reason_of


def opened(path: Path, what: str) -> ctypes.CDLL:
    """A library; its functions release Python's lock.

    Args:
        path: The library, beside its sources.
        what: What it does, for errors.

    Raises:
        ModelError: It is missing, built for another kind of machine, or not from the sources beside it.
    """
    try:
        found = ctypes.CDLL(str(path))
        sources = getattr(found, f"{path.stem.removeprefix('lib')}_sources")
        sources.restype = ctypes.c_char_p
        if sources().decode() != digest(path.parent):
            raise AttributeError("it was built from other sources")
        return found
    except (OSError, AttributeError) as error:
        raise ModelError(
            f"The {what}, {path}, cannot be loaded: {reason_of(error)}.",
            "Install raypipe again, a checkout with `pip install .` in it; no compiler is needed.",
        ) from error


def digest(folder: Path) -> str:
    """The SHA-256 of the C sources in a folder, as `hatch_build.py` writes it into the library."""
    sources = sorted(folder.glob("*.[ch]"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
