"""Jobs in this process and on Ray: the same rows and files, whatever stops them."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import jobs
import pytest
from adapters import EACH_ENGINE_RAY_LATER
from PIL import Image
from pipelines import Hanger, Killer

import raypipe as rp
from raypipe.errors import TooManyErrorsError
from raypipe.job.progress import FailureLimits
from raypipe.pipeline import Pipeline

PIPELINE = Pipeline([rp.BinaryToImage()])


@pytest.fixture
def folder(tmp_path: Path, page_png: bytes) -> Path:
    """Pictures, damaged files, and documents of so many pages that no block of rows holds them."""
    made = tmp_path / "in"
    (made / "sub").mkdir(parents=True)
    for n in range(12):
        (made / f"{n}.png").write_bytes(page_png if n % 4 else b"no picture")
    for pages in (1, 3, 40):
        first, *rest = [Image.new("L", (40, 30), n) for n in range(pages)]
        first.save(made / "sub" / f"{pages}.tif", save_all=True, append_images=rest)
    (made / "empty.tif").write_bytes(b"")
    return made


def found(output: Path) -> list[tuple[str, int, int | None, str | None]]:
    return [(page.name, page.pagenum, page.total_pages, page.exception) for page in jobs.pages(output)]


def files(output: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (output / "json").rglob("*.json")}


@pytest.fixture
def handler() -> Iterator[logging.Handler]:
    """A handler that a program has put on the log of Ray Data."""
    own, log = logging.StreamHandler(), logging.getLogger("ray.data")
    log.addHandler(own)
    yield own
    log.removeHandler(own)


def test_both_engines_leave_the_same_and_the_programs_handlers_alone(
    folder: Path, tmp_path: Path, ray_cluster: None, handler: logging.Handler
) -> None:
    for engine in ("local", "ray"):
        summary = jobs.run(folder, tmp_path / engine, PIPELINE, engine=engine, formats=["json"])
        assert (summary.pages, summary.outcome.failed.total()) == (57, 4)
    assert found(tmp_path / "local") == found(tmp_path / "ray")
    assert files(tmp_path / "local") == files(tmp_path / "ray")
    assert len(files(tmp_path / "ray")) == 16
    assert handler.level == logging.NOTSET


@pytest.mark.slow
def test_what_one_engine_began_the_other_ends(folder: Path, tmp_path: Path, ray_cluster: None) -> None:
    jobs.run_and_stop(30, folder, tmp_path / "out", PIPELINE, formats=["json"])
    rest = jobs.run(folder, tmp_path / "out", PIPELINE, engine="ray", formats=["json"])
    assert (rest.pages, rest.resumed) == (27, 30)
    jobs.run(folder, tmp_path / "whole", PIPELINE, formats=["json"])
    assert found(tmp_path / "out") == found(tmp_path / "whole")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.slow
def test_changed_files_are_read_again_on_ray(folder: Path, tmp_path: Path, page_png: bytes, ray_cluster: None) -> None:
    jobs.run(folder, tmp_path / "out", PIPELINE)
    (folder / "0.png").write_bytes(page_png)
    again = jobs.run(folder, tmp_path / "out", PIPELINE, engine="ray")
    assert (again.pages, again.resumed, again.outcome.failed.total()) == (1, 56, 3)


@pytest.fixture
def in_background() -> Iterator[None]:
    """Ignores Ctrl-C, as what a shell runs in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@EACH_ENGINE_RAY_LATER
def test_too_many_failures_stop_a_job(tmp_path: Path, engine: str, ray_cluster: None, in_background: None) -> None:
    for n in range(16):
        (tmp_path / f"{n:02}.png").write_bytes(b"no picture")
    slow = Pipeline([Killer(seconds=0.2), rp.BinaryToImage()])
    with pytest.raises(TooManyErrorsError, match=r"\d+ of \d+ pages failed"):
        jobs.run(tmp_path, tmp_path / "out", slow, engine=engine, limits=FailureLimits(max_errors=3))
    rest = jobs.run(tmp_path, tmp_path / "out", slow, engine=engine)
    assert rest.outcome.pages == 16


@EACH_ENGINE_RAY_LATER
def test_a_page_that_hangs_becomes_a_row(tmp_path: Path, engine: str, ray_cluster: None) -> None:
    for n in range(8):
        (tmp_path / f"{n}.png").write_bytes(b"never opened")
    hanging = Pipeline([Hanger(page="5.png")])
    summary = jobs.run(tmp_path, tmp_path / "out", hanging, engine=engine, page_seconds=2)
    assert dict(summary.outcome.failed) == {"Hanger page_timeout": 1}
    assert [page.name for page in jobs.pages(tmp_path / "out", hanging) if page.exception] == ["5.png"]
