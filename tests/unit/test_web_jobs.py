"""Jobs of a server without models: who sees them, what they answer, and what is taken up again."""

from __future__ import annotations

import errno
import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from job_server import ANNA, BERT, KEYS, PIPELINE, Reader, finished, place_of, serving, until
from making import tiff
from starlette.testclient import TestClient

from raypipe import presets
from raypipe.cli.main import cli
from raypipe.errors import ConfigError
from raypipe.job import lease
from raypipe.job.folder import OutputFolder
from raypipe.job.same import declared_pipeline
from raypipe.pipeline import Pipeline
from raypipe.web.app import create
from raypipe.web.settings import JobSettings, ServerSettings
from raypipe.web_jobs.manager import JobManager
from raypipe.web_jobs.store import JobStore


def test_a_job_is_read_after_its_answer_and_given_in_any_format(tmp_path: Path) -> None:
    reader = Reader()
    reader.may.clear()
    with serving(tmp_path, reader) as client:
        files = [("file", ("scan.tif", tiff(3))), ("file", ("/etc/note", b"broken"))]
        begun = client.post("/v1/jobs", files=files)
        place, said = place_of(begun), begun.json()
        assert begun.status_code == 202 and place == f"/v1/jobs/{said['id']}"
        assert (said["pages"], said["done"], said["names"]) == (4, 0, ["scan.tif", "note"])
        early = client.get(f"{place}/result")
        assert (early.status_code, early.json()["code"]) == (409, "job_unfinished")
        reader.may.set()
        done = finished(client, place)
        assert (done["state"], done["done"]) == ("done", 4) and done["expires"] > done["created"]
        failure = {"kind": "SomeStage image_unknown", "pages": 1, "message": "note is no picture."}
        assert done["failures"] == [failure], "the server's own path is nobody's business"
        pages = client.get(f"{place}/result").json()["pages"]
        expected = [("scan.tif", 0), ("scan.tif", 1), ("scan.tif", 2), ("note", 0)]
        assert [(page["name"], page["pagenum"]) for page in pages] == expected
        assert str(tmp_path) not in client.get(f"{place}/result?output_format=jsonl").text
        assert client.get(f"{place}/result?output_format=text&pages=2").text.strip() == "page 1"
        pdf = client.get(f"{place}/result", headers={"Accept": "application/pdf"})
        assert pdf.content.startswith(b"%PDF"), pdf.text
        refused = client.get(f"{place}/result?overlay=png").json()
        said = "overlay is not an option here; there are output_format, include_confidence, pages."
        assert (refused["code"], refused["detail"]) == ("option_invalid", said)


def test_warnings_are_counted_while_a_job_is_read_and_after_it(tmp_path: Path) -> None:
    """As `raypipe run` does; they stood in the pages alone."""
    reader = Reader(most=4)
    with serving(tmp_path, reader) as client:
        documents = (b"worn", b"x", b"worn", *[b"x"] * 9)
        place = place_of(
            client.post("/v1/jobs", files=[("file", (f"{n}.png", each)) for n, each in enumerate(documents)])
        )
        expected = {"warned": 2, "warning": "0.png lacks letters."}
        until(lambda: client.get(place).json()["warned"] == 2)
        assert client.get(place).json()["state"] == "reading"
        reader.most = 1000
        assert expected.items() <= finished(client, place).items()
        ((_, outcome),) = [(path, json.loads(path.read_text())) for path in tmp_path.glob("*/outcome.json")]
        earlier = {name: value for name, value in outcome.items() if not name.startswith("warn")}
        next(tmp_path.glob("*/outcome.json")).write_text(json.dumps(earlier))
        assert client.get(place).json()["warned"] == 0


def test_each_key_sees_its_own_jobs_only(tmp_path: Path) -> None:
    with serving(tmp_path, Reader(), {"key_digests": KEYS}) as client:
        place = place_of(client.post("/v1/jobs", content=tiff(1), headers=ANNA))
        finished(client, place, headers=ANNA)
        for method, path in (("GET", place), ("GET", f"{place}/result"), ("DELETE", place)):
            assert client.request(method, path, headers=BERT).json()["code"] == "no_such_job"
            assert client.request(method, path).status_code == 401
        assert client.delete(place, headers=ANNA).status_code == 204
        assert client.get(place, headers=ANNA).status_code == 404 and not list(tmp_path.glob("[0-9a-f]*"))


def test_what_a_server_left_is_taken_up_and_each_page_is_read_once(tmp_path: Path) -> None:
    first, second = Reader(most=7), Reader()
    with serving(tmp_path, first) as client:
        place = place_of(client.post("/v1/jobs", content=tiff(20)))
        until(lambda: client.get(place).json()["done"] >= 4)
    with serving(tmp_path, second) as client:
        assert finished(client, place)["done"] == 20
        pages = client.get(f"{place}/result").json()["pages"]
    assert [page["pagenum"] for page in pages] == list(range(20))
    assert len(second.pages) < 17, "what was written is not read again"


def test_a_job_is_read_by_one_ingress(tmp_path: Path) -> None:
    readers = Reader(), Reader()
    with serving(tmp_path, readers[0]) as one, serving(tmp_path, readers[1]) as other:
        places = [place_of(client.post("/v1/jobs", content=tiff(5))) for client in (one, other, one)]
        for place in places:
            assert finished(other, place)["done"] == finished(one, place)["done"] == 5
    read = readers[0].pages + readers[1].pages
    assert len(read) == 15 and set(read.values()) == {1}


def test_a_job_that_is_removed_while_it_is_read_leaves_nothing(tmp_path: Path) -> None:
    reader = Reader(most=3)
    with serving(tmp_path, reader) as client:
        place = place_of(client.post("/v1/jobs", content=tiff(9)))
        until(lambda: reader.pages.total() == 3)
        assert client.delete(place).status_code == 204 and client.get(place).status_code == 404
        reader.most = 1000
        until(lambda: not list(tmp_path.glob("[0-9a-f]*")))
        assert reader.pages.total() < 9


def test_jobs_are_bounded_and_expire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypipe.web_jobs.manager.LOOK_SECONDS", 0.02)
    reader = Reader()
    with serving(tmp_path, reader, max_jobs=1, max_job_pages=3, job_seconds=0.01, max_jobs_bytes=9000) as client:
        assert client.post("/v1/jobs", content=tiff(4)).json()["code"] == "too_many_pages"
        assert client.post("/v1/jobs", content=bytes(9001)).json()["code"] == "too_many_jobs"
        assert client.post("/v1/jobs?pages=1", content=tiff(1)).json()["code"] == "option_invalid"
        reader.may.clear()
        place = place_of(client.post("/v1/jobs", content=tiff(1)))
        refused = client.post("/v1/jobs", content=tiff(1))
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
        reader.may.set()
        until(lambda: client.get(place).status_code == 404)
        assert client.post("/v1/jobs", content=tiff(1)).status_code == 202


def test_requests_go_first(tmp_path: Path) -> None:
    """Pages of jobs take the room that requests leave, and one at least."""
    reader = Reader(most=0, at_once=3)
    with serving(tmp_path, reader) as client:
        state: Any = client.app._app.state  # type: ignore[attr-defined]
        place = place_of(client.post("/v1/jobs", content=tiff(9)))
        until(lambda: state.jobs._slots._running == 3)
        state.service.admission._taken["somebody"] = 2
        reader.most = 3
        until(lambda: state.jobs._slots._running == 1)
        state.service.admission._taken["somebody"], reader.most = 0, 1000
        assert finished(client, place)["done"] == 9


def test_servers_with_different_pipelines_share_a_folder_but_no_job(tmp_path: Path) -> None:
    readers = Reader(most=1), Reader()
    with serving(tmp_path, readers[0]) as one, serving(tmp_path, readers[1], pipeline=presets.fast()) as other:
        first = [place_of(one.post("/v1/jobs", content=tiff(3))) for _ in range(5)]
        second = place_of(other.post("/v1/jobs", content=tiff(2)))
        assert finished(one, second)["done"] == 2 and readers[1].pages.total() == 2
        readers[0].most = 1000
        for place in first:
            assert finished(other, place)["done"] == 3
            assert len(other.get(f"{place}/result").json()["pages"]) == 3
        assert (readers[0].pages.total(), readers[1].pages.total()) == (15, 2)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    folder.write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written.*--jobs"), serving(folder, Reader()):
        pass
    folder.unlink()
    with serving(folder, Reader()) as client:
        place = place_of(client.post("/v1/jobs", content=tiff(1)))
        finished(client, place)
        folder.rename(tmp_path / "elsewhere")
        folder.write_text("a file")
        refused = client.post("/v1/jobs", content=tiff(1))
        assert (refused.status_code, refused.json()["code"]) == (503, "jobs_not_written")
        assert str(tmp_path) not in refused.text and refused.headers["Retry-After"] == "60"
        folder.unlink()
        (tmp_path / "elsewhere").rename(folder)
        assert client.get(place).json()["state"] == "done"
        assert client.post("/v1/jobs", content=tiff(1)).status_code == 202


def test_a_full_disk_keeps_nothing_of_what_it_could_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: str, content: bytes) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    with serving(tmp_path, Reader()) as client:
        before = sorted(tmp_path.iterdir())
        with monkeypatch.context() as full:
            full.setattr("raypipe.web_jobs.store.write_file", write)
            refused = client.post("/v1/jobs", content=tiff(1))
        assert (refused.status_code, refused.json()["code"]) == (503, "jobs_not_written")
        assert sorted(tmp_path.iterdir()) == before
        assert finished(client, place_of(client.post("/v1/jobs", content=tiff(1))))["state"] == "done"


def test_a_folder_that_is_removed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypipe.web_jobs.pipelines.ALIVE_SECONDS", 0)
    monkeypatch.setattr("raypipe.web_jobs.manager.LOOK_SECONDS", 0.01)
    folder = tmp_path / "jobs"
    with serving(folder, Reader()) as client:
        finished(client, place_of(client.post("/v1/jobs", content=tiff(1))))
        folder.rename(tmp_path / "elsewhere")
        assert finished(client, place_of(client.post("/v1/jobs", content=tiff(1))))["state"] == "done"


@pytest.mark.parametrize("engine", ["ray", "local"])
def test_a_server_does_not_start_with_a_folder_that_cannot_be_written(engine: str, tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file")
    ran = CliRunner().invoke(cli, ["serve", "--engine", engine, "--jobs", str(tmp_path / "jobs")])
    assert isinstance(ran.exception, ConfigError) and "--jobs" in str(ran.exception)


def test_a_job_of_another_pipeline_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypipe.web_jobs.pipelines.LEFT_SECONDS", -1)
    with serving(tmp_path, Reader(most=1)) as client:
        place = place_of(client.post("/v1/jobs", content=tiff(3)))
        until(lambda: list(tmp_path.glob("*/output/shards/*.parquet")))
    with serving(tmp_path, Reader(), pipeline=presets.fast()) as client:
        said = finished(client, place)
        assert said["state"] == "failed" and "another pipeline" in said["problem"]
        assert str(tmp_path) not in said["problem"]
        assert client.get(f"{place}/result").json()["code"] == "job_failed"


def test_a_server_without_a_folder_takes_no_jobs() -> None:
    with TestClient(create(Reader(), ServerSettings())) as client:
        answer = client.post("/v1/jobs", content=tiff(1))
        assert (answer.status_code, answer.json()["code"]) == (404, "no_jobs") and "--jobs" in answer.json()["detail"]
    with pytest.raises(ConfigError, match="max_jobs has no effect"):
        JobSettings(max_jobs=3)
    with pytest.raises(ConfigError, match="not of a bucket"):
        JobSettings(jobs=Path("s3://bucket/jobs"))


def test_what_died_while_it_arrived_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypipe.web_jobs.manager.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("raypipe.web_jobs.store.NEW_SECONDS", -1)
    for name in ("new-0", "0" * 32, "1" * 32, "of others"):
        (tmp_path / name).mkdir()
    held = lease.take(str(tmp_path / ("1" * 32)))
    with serving(tmp_path, Reader()):
        until(lambda: not (tmp_path / "new-0").exists() and not (tmp_path / ("0" * 32)).exists())
        assert (tmp_path / ("1" * 32)).exists() and (tmp_path / "of others").exists()
    held.release()


@pytest.mark.parametrize(
    ("name", "record"),
    [("job", ""), ("job", "{"), ("job", '{"later": 1}'), ("outcome", ""), ("outcome", "{"), ("delivery", "")],
)
def test_a_record_that_is_cut_off_or_of_another_version_stops_no_other_job(
    tmp_path: Path, name: str, record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No job was read or taken any more."""
    monkeypatch.setattr("raypipe.web_jobs.manager.LOOK_SECONDS", 0.02)
    with serving(tmp_path, Reader()) as client:
        first = place_of(client.post("/v1/jobs", content=tiff(2)))
        finished(client, first)
        folder = tmp_path / first.rpartition("/")[2]
        (folder / f"{name}.json").write_text(record)
        assert finished(client, place_of(client.post("/v1/jobs", content=tiff(1))))["done"] == 1
        if name != "job":
            assert finished(client, first)["done"] == 2
        elif "later" not in record:
            assert client.get(first).json()["code"] == "no_such_job"
            until(lambda: not folder.exists())


@pytest.mark.parametrize("query", ["", "?output_format=ndjson"])
def test_a_job_that_is_removed_while_its_result_is_asked_for_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    def removed_first(folder: OutputFolder) -> Pipeline:
        shutil.rmtree(Path(folder.uri).parent)
        return declared_pipeline(folder)

    with serving(tmp_path, Reader()) as client:
        place = place_of(client.post("/v1/jobs", content=tiff(1)))
        finished(client, place)
        monkeypatch.setattr("raypipe.web_jobs.manager.declared_pipeline", removed_first)
        assert client.get(f"{place}/result{query}").json()["code"] == "no_such_job"


def test_a_folder_that_gets_its_name_while_the_store_is_swept_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = JobStore(tmp_path, JobSettings(jobs=tmp_path), PIPELINE)
    (tmp_path / "new-0").mkdir()

    def rename() -> float:
        (tmp_path / "new-0").rename(tmp_path / "named")
        return time.time()

    monkeypatch.setattr("raypipe.web_jobs.store.time", SimpleNamespace(time=rename))
    store.sweep()
    assert (tmp_path / "named").exists()


def test_a_job_may_end_while_the_next_one_is_chosen(tmp_path: Path) -> None:
    service: Any = None
    manager = JobManager(PIPELINE, JobSettings(jobs=tmp_path), service, tmp_path, None)

    class Ending:
        @property
        def owner(self) -> str:
            jobs.pop("second", None)
            return "anna"

    jobs: Any = {"first": Ending(), "second": Ending()}
    manager._mine = jobs
    assert manager._next() is None
