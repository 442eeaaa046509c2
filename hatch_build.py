"""Builds the C libraries beside their sources, and adds them and the models to the wheel.

Python takes the package from a checkout in which it is started, such as Ray's workers: it needs the libraries, too.

The system's C compiler does it. Where there is none, or one that does not know all instructions that the sources use
(GCC before 11, Clang before 12), the one in the package `ziglang` does, which is fetched for the build. Either makes
code for the platform's oldest CPU, without fused operations: what is read does not depend on where a library was built
or runs.
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

LIBRARIES = (
    Path("raypipe", "recognition", "ctc", "libctc.so"),
    Path("raypipe", "engine", "operators", "liboperators.so"),
)
"""Each is made of the sources in its folder."""
NOT_SHIPPED = ("recipes", "README.md")
FLAGS = ("-std=c99", "-O3", "-ffp-contract=off", "-fPIC", "-fvisibility=hidden", "-shared")


class LibraryHook(BuildHookInterface[Any]):
    """What hatch calls before it packs a wheel."""

    def dependencies(self) -> list[str]:
        """The compiler, as a package, where the system has none that will do."""
        return [] if has_compiler(Path(self.root)) else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles the libraries."""
        root = Path(self.root)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform()}"
        if version != "editable":
            build_data["force_include"] |= models(root)
        for library in LIBRARIES:
            build(root, library.parent, root / library)
            build_data["artifacts"].append(library.as_posix())


def models(root: Path) -> dict[str, str]:
    """The files of the models and their places in the wheel, which needs no recipes."""
    return {
        str(path): f"raypipe/models/{path.name}" for path in (root / "models").iterdir() if path.name not in NOT_SHIPPED
    }


def platform() -> str:
    """The platform's tag; on Linux the plain one, since the library is made for this machine's C library."""
    return next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))


def has_compiler(root: Path) -> bool:
    """Whether the system has a C compiler that takes all sources."""
    files = [str(path) for library in LIBRARIES for path in (root / library.parent).glob("*.c")]
    checked = ["cc", *FLAGS, "-DSOURCES=0", "-fsyntax-only", *files]
    return shutil.which("cc") is not None and subprocess.run(checked, capture_output=True).returncode == 0


def compiler(root: Path) -> list[str]:
    """The command of the compiler: the system's, or that of the package."""
    return ["cc"] if has_compiler(root) else [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"]


def build(root: Path, folder: Path, target: Path) -> None:
    """Compiles the sources in a folder into `target`; renamed into place, since another process may have it open."""
    with tempfile.TemporaryDirectory(dir=target.parent) as made_in:
        made = Path(made_in, target.name)
        sources = sorted((root / folder).glob("*.[ch]"))
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()  # `native.py` compares.
        files = [str(path) for path in sources if path.suffix == ".c"]
        subprocess.run([*compiler(root), *FLAGS, f'-DSOURCES="{digest}"', *files, "-o", str(made), "-lm"], check=True)
        made.replace(target)
