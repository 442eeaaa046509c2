"""Jobs that read from a bucket and write to one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jobs
import pytest
from adapters import EACH_ENGINE_RAY_LATER
from PIL import Image
from refusing import DENIED, EXPIRED, gate
from store import Bucket

import raypipe as rp
from raypipe.errors import ConfigError, InputError, OutputError, RaypipeError
from raypipe.files.paths import exists, read_file, write_file
from raypipe.inputs.pages import documents
from raypipe.job import lease, loop, plan, report
from raypipe.job.folder import OutputFolder
from raypipe.job.local import LocalEngine
from raypipe.job.progress import Progress
from raypipe.job.status import status
from raypipe.job.stop import Stopped, heed_signals
from raypipe.presets import with_overlays

PIPELINE = jobs.PIPELINE
UNWRITTEN = "out/results/.* cannot be written: .*Free space there, or correct"
UNREAD = r"in/.* cannot be read: .*Renew the credentials: the same command"


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SETTLE_SECONDS", 0.1)


@pytest.fixture
def scans(bucket: Bucket, page_png: bytes, tmp_path: Path) -> Bucket:
    for name in ("a.png", "b é.png", "sub/c.png", "sub/deeper/d.png", "sub/notes.txt"):
        bucket.put(f"in/{name}", page_png if not name.startswith("a") else b"no picture")
    first, *rest = [Image.new("L", (40, 30), n) for n in range(5)]
    first.save(tmp_path / "five.tif", save_all=True, append_images=rest)
    bucket.put("in/five.tif", (tmp_path / "five.tif").read_bytes())
    return bucket


def test_an_object_is_written_by_one_request_and_large_ones_in_parts(bucket: Bucket, bucket_server: int) -> None:
    with gate(bucket_server) as before:
        there, large = Bucket(bucket.name, before.port), os.urandom(11_000_000)
        there.put("small.bin", b"x" * 1000)
        assert before.passed == 1
        there.put("large.bin", large)
        assert (read_file(bucket.uri("small.bin")), read_file(bucket.uri("large.bin"))) == (b"x" * 1000, large)
        before.passed = 0
        write_file(f"{there.uri('parts.bin')}&allow_delayed_open=false", b"y")
        assert before.passed == 3, "what the URI itself says holds"
        before.refusal = DENIED
        for data in (b"x", large):
            with pytest.raises(OSError, match="ACCESS_DENIED"):
                there.put("refused.bin", data)
    assert bucket.names("") == ["large.bin", "parts.bin", "small.bin"]


def test_a_bucket_is_listed_folder_by_folder(scans: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    found = [str(row["path"]) for row in documents(scans.uri("in"))]
    names = ["a.png", "b%20%C3%A9.png", "five.tif", "sub/c.png", "sub/deeper/d.png"]
    assert found == [f"s3://{scans.name}/in/{name}{scans.options}" for name in names]
    assert f"{scans.name}/in: 1 file left out, whose names are not those of pictures (1 .txt)" in caplog.text
    assert [str(row["path"]) for row in documents(scans.uri("in/sub/*.png").replace("%2A", "*"))] == found[3:4]


def test_what_a_job_writes_into_its_inputs_is_no_input(scans: Bucket, page_png: bytes) -> None:
    first = jobs.run(scans.uri("in"), scans.uri("in/out"))
    scans.put("in/out/overlays/a.png", page_png)
    again = jobs.run(scans.uri("in"), scans.uri("in/out"))
    assert (first.pages, again.pages, again.resumed) == (9, 0, 9)
    with pytest.raises(InputError, match="lies in"):
        jobs.run(scans.uri("in/out/overlays"), scans.uri("in/out"))


@EACH_ENGINE_RAY_LATER
def test_a_job_from_bucket_to_bucket(scans: Bucket, engine: str, request: pytest.FixtureRequest) -> None:
    if engine == "ray":
        request.getfixturevalue("ray_cluster")
    first = jobs.run(scans.uri("in/sub"), scans.uri("out"), engine=engine, formats=["text"])
    rest = jobs.run(scans.uri("in"), scans.uri("out"), engine=engine, formats=["text"])
    assert (first.pages, rest.pages, rest.resumed, rest.outcome.failed.total()) == (2, 7, 2, 1)
    rows = [(page.name, page.pagenum) for page in jobs.pages(scans.uri("out"))]
    assert len(rows) == len(set(rows)) == 9
    assert len([name for name in scans.names("out/text") if name.endswith(".txt")]) == 5
    again = jobs.run(scans.uri("in"), scans.uri("out"), engine=engine, formats=["text"])
    assert (again.pages, again.resumed) == (0, 9)
    found = status(scans.uri("out"))
    assert (found.finished, found.pages, found.listed) == (True, 9, 5)
    assert not [name for name in scans.names("out") if ".lease" in name or name.endswith(".part")]


def test_overlays_and_pages_of_html_find_each_other(scans: Bucket) -> None:
    pipeline = rp.Pipeline([rp.BinaryToImage(), rp.ImageTextDetector(), rp.ImageToText()])
    output = scans.uri("out").replace("s3://", "s3://user:hush@")
    pipeline = rp.Pipeline(with_overlays(pipeline, OutputFolder(output).overlays, "jpeg").stages)
    jobs.run(scans.uri("in/sub/c.png"), output, pipeline, formats=["html"])
    report.write(output)
    assert scans.names("out/overlays") == ["c.png.jpeg"]
    assert b'src="../overlays/c.png.jpeg"' in read_file(scans.uri("out/html/c.png.html"))
    assert b"data:image/jpeg" in read_file(scans.uri("out/report.html"))
    assert not [name for name in scans.names("out") if b"hush" in read_file(scans.uri(f"out/{name}"))]
    (page,) = jobs.pages(output, pipeline)
    assert (page.path, page.overlay) == (scans.uri("in/sub/c.png"), scans.uri("out/overlays/c.png.jpeg"))


def test_a_bucket_has_one_job_at_a_time(scans: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    job = plan.prepare(PIPELINE, [scans.uri("in")], scans.uri("out"))
    with pytest.raises(ConfigError, match=r"Another job is writing to .*: process \d+ on "):
        jobs.run(scans.uri("in"), scans.uri("out"))
    monkeypatch.setattr(lease, "DEAD_SECONDS", -1)
    assert jobs.run(scans.uri("in"), scans.uri("out")).pages == 9, "the first job has died, as it seems"
    monkeypatch.undo()
    with pytest.raises(ConfigError, match="taken over"):
        loop.run(job, lambda *_: LocalEngine(PIPELINE.graph, job.writer, 1, 1), Progress())
    assert len(jobs.pages(scans.uri("out"))) == 9


def test_a_job_that_was_killed_on_this_machine_keeps_no_lease_of_a_bucket(scans: Bucket) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    job = plan.prepare(PIPELINE, [scans.uri("in")], scans.uri("out"))
    said = json.loads(read_file(scans.uri("out/.lease")))
    for space, others in ((said["space"], False), ("another machine", True)):
        scans.put("out/.lease", json.dumps({**said, "process": ended.pid, "space": space}).encode())
        if others:
            with pytest.raises(ConfigError, match="Another job is writing"):
                lease.take(scans.uri("out"))
        else:
            lease.take(scans.uri("out")).release()
    job.lease.release()


def test_a_job_that_is_stopped_while_its_lease_settles_gives_it_back(
    scans: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SETTLE_SECONDS", 60)
    before = signal.getsignal(signal.SIGTERM)
    heed_signals()

    def stop() -> None:
        while not exists(scans.uri("out/.lease")):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    stopping = threading.Thread(target=stop)
    stopping.start()
    try:
        with pytest.raises(Stopped):
            lease.take(scans.uri("out"))
    finally:
        stopping.join()
        signal.signal(signal.SIGTERM, before)
    assert not exists(scans.uri("out/.lease"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "refusal", "methods", "kind", "words"),
    [
        ("local", DENIED, ("PUT", "POST"), OutputError, UNWRITTEN),
        ("ray", EXPIRED, ("PUT", "POST"), OutputError, UNWRITTEN),
        *((engine, EXPIRED, ("GET", "HEAD"), InputError, UNREAD) for engine in ("local", "ray")),
    ],
)
def test_a_bucket_that_refuses_stops_a_job_in_a_line_and_it_goes_on_later(
    scans: Bucket,
    bucket_server: int,
    engine: str,
    refusal: tuple[int, str],
    methods: tuple[str, ...],
    kind: type[RaypipeError],
    words: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if engine == "ray":
        request.getfixturevalue("ray_cluster")
    with gate(bucket_server) as before:
        there = Bucket(scans.name, before.port)

        def refuse(now: Progress) -> None:
            if now.finished == (0 if engine == "ray" else 2) and now.doing == "reading":
                before.refusal, before.methods = refusal, methods

        with pytest.raises(kind, match=words) as caught:
            jobs.run(there.uri("in"), there.uri("out"), changed=refuse, engine=engine)
        assert "\n" not in str(caught.value)
        before.refusal = None
        monkeypatch.setattr(lease, "DEAD_SECONDS", -1)  # Without a key nobody can give it back.
        rest = jobs.run(there.uri("in"), there.uri("out"), engine=engine)
        assert (rest.outcome.pages, rest.outcome.failed.total()) == (9, 1)


@pytest.mark.slow
def test_a_key_that_expires_at_any_request_stops_a_job_in_a_line(
    bucket: Bucket, bucket_server: int, page_png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "DEAD_SECONDS", -1)  # Without a key nobody can give it back.
    for name in ("a.png", "b.png", "c.png"):
        bucket.put(f"in/{name}", page_png)
    with gate(bucket_server) as before:
        there = Bucket(bucket.name, before.port)
        jobs.run(there.uri("in"), there.uri("whole"), formats=["text"])
        requests = before.passed
        assert requests > 50
        for moment in range(0, requests - 6, 11):  # The last ones give the lease back.
            before.passed, before.last, before.refusal = 0, moment, EXPIRED
            with pytest.raises(RaypipeError, match=r"HTTP status 400.*credentials") as caught:
                jobs.run(there.uri("in"), there.uri(f"out-{moment}"), formats=["text"])
            assert "\n" not in str(caught.value)
            before.last, before.refusal = 0, None
            rest = jobs.run(there.uri("in"), there.uri(f"out-{moment}"), formats=["text"])
            assert (rest.outcome.pages, rest.outcome.failed.total(), rest.outcome.unwritten) == (3, 0, 0)
            assert len(bucket.names(f"out-{moment}/text")) == 3


def test_a_bucket_that_is_not_there_is_told(scans: Bucket, tmp_path: Path, page_png: bytes) -> None:
    (tmp_path / "a.png").write_bytes(page_png)
    with pytest.raises(ConfigError, match="cannot be written"):
        jobs.run(tmp_path / "a.png", f"s3://no-such-bucket/out{scans.options}")
    assert not exists(scans.uri("out"))
