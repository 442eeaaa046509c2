"""Builds the C library of CTC decoding into the wheel, or beside its sources for an editable install; adds the models.

The system's C compiler does it, and where there is none, the one in the package `ziglang`, which is fetched for the
build. Either makes code for the platform's oldest CPU, without fused operations: what is read does not depend on where
the library was built or runs.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

FOLDER = Path("raypipe", "recognition", "ctc")
LIBRARY = "libctc.so"
NOT_SHIPPED = ("recipes", "README.md")
FLAGS = ("-std=c99", "-O3", "-ffp-contract=off", "-fPIC", "-fvisibility=hidden", "-shared")


class LibraryHook(BuildHookInterface[Any]):
    """What hatch calls before it packs a wheel."""

    def dependencies(self) -> list[str]:
        """The compiler, as a package, where the system has none."""
        return [] if shutil.which("cc") else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles the library; an editable install finds it in the source folder."""
        root = Path(self.root)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform()}"
        if version != "editable":
            build_data["force_include"] |= models(root)
        if version == "editable":
            build(root, root / FOLDER / LIBRARY)
            return
        self._folder = tempfile.TemporaryDirectory()
        build(root, Path(self._folder.name, LIBRARY))
        build_data["force_include"][str(Path(self._folder.name, LIBRARY))] = (FOLDER / LIBRARY).as_posix()


def models(root: Path) -> dict[str, str]:
    """The files of the models and their places in the wheel, which needs no recipes."""
    return {
        str(path): f"raypipe/models/{path.name}" for path in (root / "models").iterdir() if path.name not in NOT_SHIPPED
    }


def platform() -> str:
    """The platform's tag; on Linux the plain one, since the library is made for this machine's C library."""
    return next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))


def build(root: Path, target: Path) -> None:
    """Compiles the sources below `root` into `target`; renamed into place, since another process may have it open."""
    compiler = ["cc"] if shutil.which("cc") else [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"]
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder, LIBRARY)
        sources = sorted((root / FOLDER).glob("*.[ch]"))
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()  # `library.py` compares.
        files = [str(path) for path in sources if path.suffix == ".c"]
        subprocess.run([*compiler, *FLAGS, f'-DSOURCES="{digest}"', *files, "-o", str(made), "-lm"], check=True)
        made.replace(target)
