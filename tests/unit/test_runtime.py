from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raypipe.engine.runtime import TELEMETRY

SUPPRESSES = (TELEMETRY, "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "XDG_CACHE_HOME")
"""Where one of these is set, ONNX Runtime sends nothing in any case, or keeps its files elsewhere."""


def files_after(code: str, home: Path) -> list[Path]:
    environment = {name: value for name, value in os.environ.items() if name not in SUPPRESSES}
    subprocess.run([sys.executable, "-c", code], env={**environment, "HOME": str(home)}, check=True)
    return [path for path in home.rglob("*") if path.is_file()]


def test_onnx_runtime_neither_reports_nor_keeps_an_identifier_of_the_machine(tmp_path: Path) -> None:
    assert not files_after("from raypipe.engine.devices import versions; versions()", tmp_path)


def test_one_who_wants_to_report_can(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = f"""
import os
os.environ["{TELEMETRY}"] = "0"
from raypipe.engine.runtime import runtime
runtime().disable_telemetry_events = None  # would raise if it were called
runtime()
print(os.environ["{TELEMETRY}"])
"""
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "HOME": str(tmp_path), "CI": "true"},
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "0\n"
