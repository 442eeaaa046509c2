"""A process that ends itself, and what its successor knows of it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from raypipe.run.watchdog import Growth, Watchdog

HANG = """
import sys, time
from raypipe.run.watchdog import Watchdog
with Watchdog(0.2, "test").watch(eval(sys.argv[1])):
    time.sleep(60)
"""
WAYS = {"sleep": "time.sleep(60)", "loop": "while True: pass", "lock": "import ctypes; ctypes.PyDLL(None).sleep(60)"}
"""The last is native code that does not let go of Python's lock."""
GROW = """
from raypipe.run.watchdog import Growth
growth, kept = Growth(50_000_000), []
for task in range(9):
    for batch in range(2):
        growth.check(str(task))
        kept.append(b"x" * 20_000_000)
    print(task, flush=True)
"""
PAGE = ("actor", "caf\u00e9\n.png", 3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path


def hang(pages: list[object], how: str = "sleep") -> None:
    words = HANG.replace(WAYS["sleep"], WAYS[how])
    done = subprocess.run([sys.executable, "-c", words, repr(pages)], timeout=30)
    assert done.returncode == 1


@pytest.mark.parametrize("how", WAYS)
def test_the_successor_knows_the_page_that_hung_alone(how: str, folder: Path) -> None:
    hang([PAGE], how)
    watchdog = Watchdog(0.2, "test")
    assert not watchdog.is_hung(("actor", "other.png", 3))
    assert watchdog.is_hung(PAGE) and not watchdog.is_hung(PAGE), "the same page in another row gets a time of its own"
    assert list(folder.iterdir()) == []


def test_of_several_pages_none_is_known(folder: Path) -> None:
    hang([PAGE, ("actor", "other.png", 0)])
    assert Watchdog(0.2, "test").hung is None


def test_a_process_that_ends_otherwise_leaves_no_suspect(folder: Path) -> None:
    words = HANG.replace("time.sleep(60)", "import os; os._exit(1)")
    subprocess.run([sys.executable, "-c", words, repr([PAGE])], timeout=30)
    assert Watchdog(0.2, "test").hung is None


def test_pages_in_time_leave_nothing_behind(folder: Path) -> None:
    for seconds in (20, None):
        watchdog = Watchdog(seconds, "test")
        with watchdog.watch([PAGE]):
            pass
        with pytest.raises(KeyError), watchdog.watch([PAGE]):
            raise KeyError
        assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say how much memory a process has")
def test_a_process_that_has_grown_ends_at_the_begin_of_a_task() -> None:
    done = subprocess.run([sys.executable, "-c", GROW], capture_output=True, text=True, timeout=30)
    # 40 MB a task: the first is what all need; after two more it has grown by 80.
    assert done.stdout.split() == ["0", "1", "2"] and done.returncode == 1
    assert "Memory grew by 0.1 GB" in done.stderr


def test_a_process_that_has_not_grown_goes_on() -> None:
    growth = Growth(500_000_000)
    for task in "abc":
        growth.check(task)
