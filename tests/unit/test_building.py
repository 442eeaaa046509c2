"""What compiles the C libraries at installation."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KNOWS_LESS = """#!/bin/sh
case "$*" in *-fsyntax-only*) echo "error: attribute 'target' argument 'avxvnni' is unknown" >&2; exit 1;; esac
"""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "hatch_build", module)
    spec.loader.exec_module(module)
    return module


def test_the_compiler_of_the_system_is_used_if_it_knows_all_instructions(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("cc"):
        assert hook.has_compiler(ROOT) and not hook.compiler(ROOT)[1:]
    old = tmp_path / "cc"
    old.write_text(KNOWS_LESS)
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not hook.has_compiler(ROOT) and "ziglang" in hook.compiler(ROOT)
    old.unlink()
    assert not hook.has_compiler(ROOT)


@pytest.mark.parametrize("version", ["standard", "editable"])
def test_a_checkout_has_the_libraries_whatever_is_installed_from_it(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    built, data = list[Path](), dict[str, Any](force_include={}, artifacts=[])
    monkeypatch.setattr(hook, "build", lambda root, folder, target: built.append(target))
    hook.LibraryHook(str(ROOT), {}, None, None, "", "wheel").initialize(version, data)
    assert built == [ROOT / library for library in hook.LIBRARIES]
    assert data["artifacts"] == [library.as_posix() for library in hook.LIBRARIES]
