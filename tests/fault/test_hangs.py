"""Pages that hang, and actors whose memory grows: no other page is lost, and none is read into two rows."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jobs
import psutil
import pytest
from adapters import EACH_ENGINE_RAY_LATER
from cluster import workers
from pipelines import TRIED, Hanger, Leaker

import raypipe as rp
from raypipe.job.progress import Progress
from raypipe.run.batch import transform
from raypipe.stages.base import Stage

NAMES = [f"{n:02}.jpg" for n in range(24)]
ONE = rp.Pool(size=1)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).write_bytes(b"never opened")
    return tmp_path


@pytest.fixture(autouse=True)
def heeds_no_lease() -> Iterator[None]:
    """Without this, the signal that somebody waits for the end of a lease would end the process."""
    heeded = signal.signal(signal.SIGIO, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGIO, heeded)


def rows_of(stage: Stage, folder: Path, batch_size: int = 4, **options: Any) -> list[dict[str, Any]]:
    return transform(rp.Pipeline([stage]).graph, rp.read(folder), batch_size, **options).take_all()


def check(rows: list[dict[str, Any]], seconds: str) -> None:
    assert sorted(Path(row["path"]).name for row in rows) == NAMES
    failed = [row for row in rows if row["exception"]]
    assert [Path(row["path"]).name for row in failed] == ["07.jpg"]
    assert failed[0]["exception"].startswith("Hanger page_timeout: ")
    assert f"07.jpg, page 1, was not finished within {seconds} seconds" in failed[0]["exception"]
    assert all(row["text"] == f"read {row['path']}" for row in rows if row not in failed)


@pytest.mark.slow
def test_a_page_that_hangs_in_an_actor_becomes_a_row(files: Path, ray_cluster: None) -> None:
    check(rows_of(Hanger(page="07.jpg", how="lock", pool=ONE), files, page_seconds=1.5), "1.5")


@pytest.mark.slow
def test_a_page_that_hangs_alone_takes_its_time_once(files: Path, ray_cluster: None) -> None:
    check(rows_of(Hanger(page="07.jpg", pool=ONE), files, batch_size=1, page_seconds=3), "3")
    assert (files / "07.jpg").read_bytes().count(TRIED) == 1


@pytest.mark.slow
def test_a_document_that_hangs_before_its_pages_are_known_becomes_a_row(files: Path, ray_cluster: None) -> None:
    from ray import data

    (files / "07.jpg").rename(files / "07.pdf")
    found = data.from_items([{"path": str(path), "box": path.name} for path in sorted(files.iterdir())])
    with leased(files / "07.pdf"):
        rows = rp.Pipeline([Hanger(page="none", pool=ONE)]).transform(found, batch_size=2, page_seconds=2).take_all()
    assert sorted(row["box"] for row in rows) == [name.replace("07.jpg", "07.pdf") for name in NAMES]
    assert all(row["path"].endswith(row["box"]) for row in rows)
    (failed,) = [row for row in rows if row["exception"]]
    assert failed["box"] == "07.pdf" and (failed["pagenum"], failed["total_pages"]) == (0, 1)
    assert failed["exception"].startswith(f"Hanger page_timeout: {files / '07.pdf'} was not finished within 2 seconds")


@EACH_ENGINE_RAY_LATER
def test_a_document_that_hangs_when_its_pages_are_counted_becomes_a_row_of_a_job(
    engine: str, files: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> None:
    if engine == "ray":
        request.getfixturevalue("ray_cluster")
    output = tmp_path_factory.mktemp("out")
    with stuck(files / "07.pdf") as swap:
        jobs.run(files, output, rp.Pipeline([Hanger(page="none")]), swap, engine=engine, page_seconds=1)
    check_opening(output, f"page_timeout: {files / '07.pdf'} was not finished within 1 second")


@pytest.mark.slow
def test_a_document_that_kills_what_counts_its_pages_becomes_a_row_of_a_job(
    files: Path, tmp_path_factory: pytest.TempPathFactory, ray_cluster: None
) -> None:
    """The kernel kills it, as it does where memory ends."""
    output, ended = tmp_path_factory.mktemp("out"), threading.Event()

    def kill() -> None:
        while not ended.wait(4):  # As long as a process may take to begin.
            for process in workers("page_rows"):
                with contextlib.suppress(psutil.Error):
                    process.kill()

    with stuck(files / "07.pdf") as swap:
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            jobs.run(files, output, rp.Pipeline([Hanger(page="none")]), swap, engine="ray")
        finally:
            ended.set()
            killer.join()
    check_opening(output, f"worker_died: {files / '07.pdf'} was being processed when its")


@contextlib.contextmanager
def leased(path: Path) -> Iterator[None]:
    """Who opens the file meanwhile waits for the end of a lease on it, 45 seconds at most."""
    with path.open("rb") as file:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)


@contextlib.contextmanager
def stuck(path: Path) -> Iterator[Callable[[Progress], None]]:
    """What lets a document hang when it is opened, once it is listed."""
    path.with_suffix(".jpg").rename(path)
    with contextlib.ExitStack() as leases:

        def lease(now: Progress) -> None:
            if now.doing == "reading" and not is_leased.is_set():
                leases.enter_context(leased(path))
                is_leased.set()

        is_leased = threading.Event()
        yield lease
        assert is_leased.is_set()


def check_opening(output: Path, words: str) -> None:
    rows = jobs.pages(output, rp.Pipeline([Hanger(page="none")]))
    assert sorted(Path(row.path).stem for row in rows) == [name[:2] for name in NAMES]
    (failed,) = [row for row in rows if row.exception]
    assert failed.path.endswith("07.pdf") and (failed.pagenum, failed["total_pages"]) == (0, 1)
    assert failed.exception and failed.exception.startswith(f"Opening {words}")


LOCALLY = """
import sys, raypipe as rp
from pipelines import Hanger
stage = Hanger(page="07.jpg", how=sys.argv[2])
for page in rp.Pipeline([stage]).run(sys.argv[1], threads=int(sys.argv[3]), page_seconds=0.5):
    print(page.path[-6:], page.exception and page.exception.split(":")[0], page.text[:4])
print("the end")
"""


@pytest.mark.parametrize("how", ["sleep", pytest.param("loop", marks=pytest.mark.slow)])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_a_page_that_hangs_in_this_process_becomes_a_row_and_the_process_ends(
    how: str, threads: str, files: Path
) -> None:
    words = [sys.executable, "-c", LOCALLY, str(files), how, threads]
    done = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120)
    hung = "07.jpg Hanger page_timeout "
    expected = [hung if name == "07.jpg" else f"{name} None read" for name in NAMES]
    assert done.stdout.splitlines() == [*expected, "the end"], done.stderr
    assert done.returncode == 0


@pytest.mark.slow
def test_an_actor_whose_memory_grows_is_replaced_between_its_tasks(files: Path, ray_cluster: None) -> None:
    size = 50_000_000
    rows = rows_of(Leaker(bytes_a_page=size, pool=ONE), files, most_growth=6 * size)
    assert sorted(Path(row["path"]).name for row in rows) == NAMES
    assert not [row for row in rows if row["exception"]]
    pages = Counter(row["text"].split()[0] for row in rows)
    assert len(pages) >= 2, "the actor was never replaced"
    assert max(pages.values()) <= 4 + 2 * 4 + 4, "it was replaced too late"
    most = max(int(row["text"].split()[1]) for row in rows)
    assert most == max(pages.values()), "a page was read twice, or into no row"
