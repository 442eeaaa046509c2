"""The versions of what raypipe runs on."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "raypipe",
    "ray",
    "onnxruntime-gpu",
    "onnxruntime",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "pypdfium2",
    "pyarrow",
    "pydantic",
)
"""The packages on which what is read, or how fast, may depend."""


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that are installed, by name."""
    found = {"python": f"{platform.python_version()} on {platform.platform()}"}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
