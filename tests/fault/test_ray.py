"""Actors that die: no page is lost, none appears twice, and a page that kills its actor becomes a row."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import jobs
import psutil
import pytest
from pipelines import Hanger, Killer
from server import free_port

import raypipe as rp
from raypipe.errors import ConfigError, RaypipeError
from raypipe.job.progress import Progress
from raypipe.job.writer import Task


def rows_of(stage: Killer, folder: Path) -> list[dict[str, object]]:
    return rp.Pipeline([stage]).transform(rp.read(folder)).take_all()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for n in range(24):
        (tmp_path / f"{n:02}.jpg").write_bytes(b"never opened")
    return tmp_path


@pytest.mark.slow
def test_a_page_that_kills_its_actor_becomes_a_row(files: Path, ray_cluster: None) -> None:
    rows = rows_of(Killer(poison="07.jpg"), files)
    assert sorted(Path(str(row["path"])).name for row in rows) == [f"{n:02}.jpg" for n in range(24)]
    failed = [row for row in rows if row["exception"]]
    assert [Path(str(row["path"])).name for row in failed] == ["07.jpg"]
    assert str(failed[0]["exception"]).startswith("Killer worker_died: ")
    assert all(str(row["text"]).startswith("read ") for row in rows if row not in failed)


@pytest.mark.slow
def test_a_page_that_stands_many_times_in_a_dataset_is_no_suspect(files: Path, ray_cluster: None) -> None:
    same = [files / "00.jpg"] * 24
    rows = rp.Pipeline([Killer(seconds=0.2)]).transform(rp.read(same), batch_size=1).take_all()
    assert len(rows) == 24 and not [row for row in rows if row["exception"]]


@pytest.mark.slow
def test_an_actor_killed_from_outside_loses_no_page(files: Path, ray_cluster: None) -> None:
    coming = iter(rp.Pipeline([Killer(seconds=0.5)]).transform(rp.read(files)).iter_rows())
    rows = [next(coming)]
    os.kill(int(str(rows[0]["text"]).split()[-1]), signal.SIGKILL)  # It has begun the next pages.
    rows += coming
    assert len({row["text"].split()[-1] for row in rows}) == 3, "it was replaced"
    assert sorted(Path(str(row["path"])).name for row in rows) == [f"{n:02}.jpg" for n in range(24)]
    assert not [row for row in rows if row["exception"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "kind", "words"),
    [
        (Killer(refuses=True), ConfigError, "This stage never works. Take another."),
        (Killer(mistake="07.jpg"), RaypipeError, "KeyError: 'a mistake of the program'"),
    ],
    ids=["set up", "page"],
)
def test_a_job_that_cannot_run_says_why(
    stage: Killer, kind: type[RaypipeError], words: str, files: Path, tmp_path: Path, ray_cluster: None
) -> None:
    with pytest.raises(kind) as caught:
        jobs.run(files, tmp_path / "out", rp.Pipeline([stage]), engine="ray")
    assert words in str(caught.value) and "configure" not in str(caught.value)


@pytest.mark.slow
def test_a_job_that_failed_leaves_the_cluster_to_the_next(files: Path, tmp_path: Path, ray_cluster: None) -> None:
    """Even if one of its pages never ends, and somebody keeps the error with its frames, as notebooks do."""
    import ray

    def stop(now: Progress) -> None:
        if now.finished:
            raise KeyboardInterrupt

    kept = list[BaseException]()
    mistakes = "3.jpg", "no such page"  # Three pages: one of them waits behind no page that hangs.
    for number, mistake in enumerate(mistakes):
        stages, out = rp.Pipeline([Hanger(page="00.jpg"), Killer(mistake=mistake)]), tmp_path / f"out{number}"
        with pytest.raises((RaypipeError, KeyboardInterrupt)) as caught:
            jobs.run(files, out, stages, stop if mistake == "no such page" else lambda now: None, engine="ray")
        kept.append(caught.value)
        deadline = time.monotonic() + 20
        while ray.available_resources().get("CPU") != ray.cluster_resources()["CPU"]:
            assert time.monotonic() < deadline, ray.available_resources()
            time.sleep(0.1)
    assert [type(error) for error in kept] == [RaypipeError, KeyboardInterrupt]
    assert jobs.run(files, tmp_path / "out", rp.Pipeline([Killer()]), engine="ray").outcome.pages == 24


SAYING = """
import sys, jobs, raypipe as rp
from pipelines import Killer
for name, stage in ("whole", Killer()), ("broken", Killer(poison="07.jpg")), ("refused", Killer(refuses=True)):
    for stream in sys.stdout, sys.stderr:
        print("#", name, file=stream, flush=True)
    jobs.run(sys.argv[1], f"{sys.argv[2]}/{name}", rp.Pipeline([stage]), engine="ray")
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What three jobs over a page say on standard error, on a cluster of their own; on standard output nothing."""
    folder = tmp_path_factory.mktemp("said")
    (folder / "07.jpg").write_bytes(b"never opened")
    folders = [str(Path(__file__).parent), str(Path(jobs.__file__).parent), os.environ.get("PYTHONPATH", "")]
    env = {name: value for name, value in os.environ.items() if name != "RAY_BACKEND_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", SAYING, folder / "07.jpg", folder],
        env=env | {"PYTHONPATH": os.pathsep.join(folders)}, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "# whole\n# broken\n# refused\n"), done.stderr
    before, *parts = done.stderr.split("# ")
    assert not before
    return dict(part.split("\n", 1) for part in parts)


@pytest.mark.slow
def test_a_job_whose_actors_do_not_start_says_why_and_no_more(said: dict[str, str]) -> None:
    """Ray printed the traceback of each try on standard output, and asked to report an error of its own."""
    assert said["refused"].endswith("ConfigError: This stage never works. Take another.\n")
    assert "please open an issue" not in said["refused"]


@pytest.mark.slow
def test_a_job_says_briefly_what_ray_says_at_length(said: dict[str, str]) -> None:
    """A page that kills three processes; the first and the second death are said."""
    assert not said["whole"]
    lines = said["broken"].splitlines()
    assert len(lines) == 2 and all("of Ray's died; others take over. A page broke them" in line for line in lines)


@pytest.mark.slow
def test_a_document_that_kills_what_writes_it_leaves_the_others_written(tmp_path: Path, ray_cluster: None) -> None:
    """It stopped the job, and each that went on with it."""
    from raypipe.run.jobs import convert

    def write(name: str) -> list[str]:
        if name == "b":
            os.kill(os.getpid(), signal.SIGKILL)
        (tmp_path / name).touch()
        return []

    def of(names: str) -> Task:
        each = [partial(write, name) for name in names]
        return Task(names, lambda: [said for one in each for said in one()], lambda: list(map(of, names)))

    alone = Task("b", partial(write, "b"))
    ended = list[int]()
    unwritten = convert([of("a"), Task("bc", of("bc").write, lambda: [alone, of("c")])], ended.append)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]
    assert unwritten == ["b: the process that wrote it died 4 times, by a fault or for lack of memory"]
    assert ended[-1] == 2


LOSING = """
import sys, jobs, raypipe as rp
from pipelines import Killer
jobs.run(sys.argv[1], sys.argv[2], rp.Pipeline([Killer(seconds=0.3)]), engine="ray")
"""


@pytest.mark.slow
def test_a_job_that_loses_ray_says_so_and_goes_on_later(files: Path, tmp_path: Path) -> None:
    """As when memory runs out: Ray ended the process 15 seconds later, with the exit status 1 and no more."""
    folders = [str(Path(__file__).parent), str(Path(jobs.__file__).parent), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, "-c", LOSING, files, tmp_path / "out"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out/results").glob("*.parquet")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    (raylet,) = (each for each in psutil.Process(process.pid).children() if each.name() == "raylet")
    raylet.kill()
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 1 and "then reads the rest" in said
    assert said.count("Ray stopped on this machine") == 1 and "Raylet is terminated" not in printed
    rest = jobs.run(files, tmp_path / "out", rp.Pipeline([Killer(seconds=0.3)]))
    assert (rest.outcome.pages, rest.pages < 24) == (24, True)


@pytest.mark.slow
def test_a_head_node_is_lost_when_it_has_not_answered_for_long(
    ray_cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from raypipe.run import presence

    monkeypatch.setattr(presence, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(presence, "SILENT_SECONDS", 0.5)
    watched = presence.Presence()

    def lost(times: int) -> list[bool]:
        found = []
        for _ in range(times):
            time.sleep(0.2)
            found.append(watched.lost() is not None)
        return found

    try:
        assert not any(lost(4))
        watched._head = f"127.0.0.1:{free_port()}"
        assert lost(1) == [False], "it may come back"
        assert any(lost(4))
    finally:
        watched.close()


@pytest.mark.slow
def test_a_page_that_kills_its_replica_costs_no_other_page(ray_cluster: None) -> None:
    """Ten requests at once, one of which kills the only replica twice: that one fails, the others are read."""
    from ray import serve

    handle = serve.run(
        rp.Pipeline([Killer(poison="7.jpg", seconds=0.2)]).deployment(), name="killer", route_prefix=None
    )
    try:
        rows = [{"path": f"{n}.jpg", "pagenum": 0, "exception": None} for n in range(10)]
        found = [answer.result() for answer in [handle.read.remote(row) for row in rows]]
        assert [row["path"] for row in found] == [row["path"] for row in rows]
        assert [row["path"] for row in found if row["exception"]] == ["7.jpg"]
        assert found[7]["exception"].startswith("Killer worker_died: ")
        assert all(row["text"].startswith(f"read {row['path']} by ") for row in found if row is not found[7])
    finally:
        serve.shutdown()


@pytest.mark.slow
def test_a_second_server_leaves_what_runs_on_a_cluster_alone(ray_cluster: None) -> None:
    """It neither replaces the application that is there, nor deletes it when it stops."""
    import ray
    from ray import serve

    handle = serve.run(rp.Pipeline([Killer()]).deployment(), name="raypipe", route_prefix=None)
    try:
        address = ray.get_runtime_context().gcs_address
        command = [sys.executable, "-m", "raypipe", "serve", "--address", address, "--port", str(free_port())]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200)
        assert (done.returncode, "already serves raypipe" in done.stderr) == (2, True), done.stderr
        row = {"path": "a.jpg", "name": "a.jpg", "content": b"x", "pagenum": 0, "total_pages": 1, "exception": None}
        assert handle.read.remote(row).result()["text"].startswith("read a.jpg")
    finally:
        serve.shutdown()


@pytest.mark.slow
def test_a_server_on_the_cluster_of_its_process_leaves_it_as_it_was(ray_cluster: None) -> None:
    """The second listens where it says: Serve keeps the address that the first gave it, unless that one ended it."""
    import ray
    from ray import serve

    from raypipe.run import server
    from raypipe.run.served import ServedPipeline
    from raypipe.run.settings import Serving

    pipeline, handler = rp.Pipeline([Killer()]), signal.getsignal(signal.SIGTERM)

    def run(port: int) -> None:
        def stop() -> None:
            socket.create_connection(("127.0.0.1", port), 10).close()
            os.kill(os.getpid(), signal.SIGTERM)

        server.run(ServedPipeline(pipeline.graph, {}, Serving()), "127.0.0.1", port, None, stop)

    for port in free_port(), free_port():
        run(port)
        assert ray.is_initialized() and signal.getsignal(signal.SIGTERM) is handler
    serve.start(http_options={"port": free_port()})
    try:
        with pytest.raises(ConfigError, match="Ray Serve already runs on the cluster"):
            run(free_port())
    finally:
        serve.shutdown()


@pytest.mark.parametrize("command", [["run", "a.png", "-o", "out"], pytest.param(["serve"], marks=pytest.mark.slow)])
def test_an_address_where_nobody_answers_is_one_line(
    command: list[str], page_png: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(page_png)
    port = free_port()
    words = [sys.executable, "-m", "raypipe", *command, "--address", f"127.0.0.1:{port}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and last.startswith(f"raypipe: No Ray cluster answers at 127.0.0.1:{port}")
    assert "Traceback" not in done.stderr
