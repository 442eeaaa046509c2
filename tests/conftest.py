"""Fixtures that all tests share."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cluster import ray_cluster
from machine import hub, machine
from PIL import Image, ImageDraw
from server import each_server, local_server, server
from store import bucket, bucket_server

from raypipe.plurals import counted
from raypipe.zoo import manifest

__all__ = ["bucket", "bucket_server", "hub", "each_server", "local_server", "machine", "ray_cluster", "server"]

TESTS = Path(__file__).parent
LONGEST_FIRST = ("fault", "browser", "contract", "gpu", "unit")
"""Folders of tests."""
SLOW_AND_SERVED = re.compile(r"mark\.slow\n(?:@.+\n)*def test_\w+\((?:.*\b)?(?:each_)?server: Server")
LEFT_OUT = pytest.StashKey[int]()
"""How many tests with the mark `slow` do not run."""

MANIFEST = """
[[model]]
name = "some_detector"
aliases = ["other_detector"]
task = "detection"
family = "craft"
file = "detector.onnx"
input = { channels = "RGB", mean = [1, 2, 3], deviation = [4, 5, 6], multiple = 32 }
finds = "words"
bytes = 5
sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
licence = "MIT"
provenance = "made up"

[[model]]
name = "db_detector"
task = "detection"
family = "db"
file = "detector.onnx"
input = { channels = "BGR", mean = [0, 0, 0], deviation = [1, 1, 1] }
finds = "lines"
licence = "MIT"
provenance = "made up"

[[model]]
name = "some_reader"
aliases = ["other_reader", "third_reader"]
task = "recognition"
family = "ctc"
file = "reader.onnx"
input = { channels = "BGR", mean = [127.5, 127.5, 127.5], deviation = [127.5, 127.5, 127.5], height = 48 }
languages = ["en", "fr"]
licence = "Apache-2.0"
provenance = "made up"

[[model]]
name = "absent_reader"
task = "recognition"
family = "ctc"
file = ""
licence = "MIT"
provenance = "made up"
advice = "Take some_reader."

[[model]]
name = "lost_reader"
task = "recognition"
family = "ctc"
file = "lost.onnx"
licence = "MIT"
provenance = "made up"
"""


def pytest_configure(config: pytest.Config) -> None:
    """Threads of NumPy's matrix products spin while they wait: several processes would take each other's cores."""
    if config.getoption("numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # Before the processes start.


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long tests first: processes that share them then end at about the same time."""
    items.sort(key=lambda item: LONGEST_FIRST.index(item.path.relative_to(TESTS).parts[0]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where there are several processes (`pytest -n 2`), those share the files, but a cluster or a server is in one."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False  # It would put files with many tests first, however short those are.

    class SharersTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            shared = "" if "/unit/" in file else shared_by(config.rootpath / file, config.option.markexpr == "slow")
            return shared or file

    return SharersTogether(config, log)


@cache
def shared_by(file: Path, slow: bool) -> str:
    """What the tests of a file, or fixtures beside it, start and share with others: a cluster, a server, or nothing.

    Most of the slow tests need a cluster: each process has one. A server takes more of the CPU even when it idles.
    """
    text = "".join(path.read_text("utf-8") for path in (file, file.with_name("conftest.py")) if path.exists())
    if slow:
        return "server" if SLOW_AND_SERVED.search(text) else ""
    return next((name for name in ("server: Server", "ray_cluster") if name in text), "")


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        item.config.stash[LEFT_OUT] = item.config.stash.get(LEFT_OUT, 0) + bool(item.get_closest_marker("slow"))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(f"Left out, since slow: {counted(count, 'test')}. To run them: pytest -m slow")


@pytest.fixture
def shared_data() -> Path:
    """The folder of real pages beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.exists():
        pytest.skip("../shared/data is absent")
    return folder


@pytest.fixture
def fake_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A models folder with the manifest above, and files that hold the word `hello`."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "manifest.toml").write_text(MANIFEST, encoding="utf-8")
    for name in ("detector.onnx", "reader.onnx"):
        (folder / name).write_bytes(b"hello")
    monkeypatch.setattr(manifest, "models_folder", lambda: folder)
    manifest.models.cache_clear()
    yield folder
    manifest.models.cache_clear()


@pytest.fixture
def page_png() -> bytes:
    """A small white page with two black bars, as a PNG file."""
    picture = Image.new("RGB", (200, 100), "white")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((20, 20, 119, 39), fill="black")
    pen.rectangle((20, 60, 169, 79), fill="black")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
