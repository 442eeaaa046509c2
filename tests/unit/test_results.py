"""The folder of a job's results: files that are cut off, strange, old or doubled."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jobs import PIPELINE, files, names, pages, run, run_and_stop, tiff

from raypipe.errors import ConfigError, OutputError, TooManyErrorsError
from raypipe.files import retries
from raypipe.job import lister, loop, plan, results
from raypipe.job.folder import OutputFolder
from raypipe.job.local import LocalEngine
from raypipe.job.progress import FailureLimits, Progress
from raypipe.job.results import Results
from raypipe.job.status import status
from raypipe.job.writer import Writer


def test_a_file_that_a_killed_job_left_incomplete_is_removed(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    (file,) = (tmp_path / "out/results").iterdir()
    file.rename(file.with_name(f"{file.name}.part"))
    (tmp_path / "out/shards/000000.json").unlink()
    assert run(folder, tmp_path / "out").pages == 3
    assert files(tmp_path / "out") == {file.name}


def test_what_a_power_failure_cut_off_is_read_again(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(folder, tmp_path / "out")
    (file,) = (tmp_path / "out/results").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    (tmp_path / "out/shards/000000.json").unlink()
    assert run(folder, tmp_path / "out").pages == 3
    assert len(pages(tmp_path / "out")) == 3 and f"{file.name} is cut off" in caplog.text


@pytest.mark.parametrize("damage", [b"", b"PAR1", bytes(10_000)])
def test_damaged_files_of_finished_shards_are_read_again(
    folder: Path, tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    run(folder, tmp_path / "out")
    (file,) = (tmp_path / "out/results").iterdir()
    file.write_bytes(damage)
    found = status(str(tmp_path / "out"))
    assert (found.finished, found.pages, found.files_gone) == (False, 0, 1)
    again = run(folder, tmp_path / "out")
    assert (again.pages, len(pages(tmp_path / "out"))) == (3, 3)
    assert f"{file.name} is cut off or damaged" in caplog.text and "Waiting" not in caplog.text
    assert status(str(tmp_path / "out")).finished and run(folder, tmp_path / "out").pages == 0


def test_files_of_other_sizes_that_are_whole_stay(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    (file,) = (tmp_path / "out/results").iterdir()
    pq.write_table(pq.read_table(file), file, compression="none")
    assert run(folder, tmp_path / "out").pages == 0 and status(str(tmp_path / "out")).finished
    assert len(pages(tmp_path / "out")) == 3


def test_status_says_why_pages_failed_of_a_job_that_stopped(folder: Path, tmp_path: Path) -> None:
    """The message of a job that was stopped after too many errors says that it does."""
    for n in range(8):
        (folder / f"bad{n}.png").write_bytes(b"no picture")
    with pytest.raises(TooManyErrorsError, match="See their reasons with `raypipe status`"):
        run(folder, tmp_path / "out", limits=FailureLimits(max_errors=4))
    found = status(str(tmp_path / "out"))
    assert not found.finished and found.outcome.failed["BinaryToImage image_unknown"] == 5
    assert "bad" in found.outcome.reasons["BinaryToImage image_unknown"]


def test_status_lists_the_results_as_often_for_many_shards_as_for_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a bucket, each listing of many files takes seconds."""
    times, sizes_in = list[str](), results.sizes_in
    monkeypatch.setattr(results, "sizes_in", lambda place: times.append(place) or sizes_in(place))
    found = list[int]()
    for documents in (100_000, 1):
        monkeypatch.setattr(lister, "SHARD_DOCUMENTS", documents)
        output = tmp_path / f"out-{documents}"
        run(folder, output)
        for outcome in (output / "shards").glob("*.json"):
            outcome.unlink()
        times.clear()
        assert status(str(output)).pages == 3
        found.append(len(times))
    assert found[0] == found[1]


@pytest.mark.parametrize("hours", [-5, 0, 5])
def test_a_disk_may_have_another_clock(folder: Path, tmp_path: Path, hours: int) -> None:
    """A few rows in five minutes by the disk's clock are not many a second, whatever the time is here."""
    tiff(folder / "many.tif", *range(10))
    run_and_stop(12, folder, tmp_path / "out")
    now = time.time() + hours * 3600
    for number, file in enumerate((tmp_path / "out/results").iterdir()):
        os.utime(file, (now - 300 * number,) * 2)
    rate = status(str(tmp_path / "out")).pages_per_second
    assert rate is None if hours < 0 else rate and rate < 1


def test_a_folder_of_documents_that_is_gone_is_written_again(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out", formats=["text", "json"])
    shutil.rmtree(tmp_path / "out/text")
    assert run(folder, tmp_path / "out", formats=["text"]).pages == 0
    assert len([*(tmp_path / "out/text").rglob("*.txt")]) == 3


def test_pages_of_a_file_that_vanished_are_read_again(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LATE_SECONDS", 0)
    run(folder, tmp_path / "out")
    (file,) = (tmp_path / "out/results").iterdir()
    file.unlink()
    found = status(str(tmp_path / "out"))
    assert (found.finished, found.pages, found.files_gone) == (False, 0, 1)
    again = run(folder, tmp_path / "out")
    assert (again.pages, again.resumed) == (3, 0) and "1 file, with names that begin with" in caplog.text
    assert files(tmp_path / "out") == {file.name} and status(str(tmp_path / "out")).files_gone == 0


def test_a_broken_file_that_is_not_ours_is_left_alone(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "out/results/half-written.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"PAR1 and then the power went")
    assert run(folder, tmp_path / "out").pages == 3
    assert file.exists() and "half-written.parquet is not a Parquet file" in caplog.text


@pytest.mark.parametrize("name", ["mine.parquet", "000007-0123456789abcdef.parquet"])
def test_a_strange_parquet_file_among_the_results_is_left_alone(folder: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "out/results" / name
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table({"mine": [1]}), file)
    with pytest.raises(ConfigError, match=name):
        run(folder, tmp_path / "out")
    assert file.exists()


def test_results_of_an_older_version_go_on(tmp_path: Path) -> None:
    """They lack a column that new ones have, and a document may have pages in both."""
    tiff(tmp_path / "a.tif", 1, 2, 3)
    run_and_stop(2, tmp_path / "a.tif", tmp_path / "out", formats=["json"])
    for file in (tmp_path / "out/results").iterdir():
        pq.write_table(pq.read_table(file).drop_columns("reading_seconds"), file)
    assert run(tmp_path / "a.tif", tmp_path / "out", formats=["json"]).resumed == 2
    assert [page.reading_seconds is None for page in pages(tmp_path / "out")] == [True, True, False]
    assert len(list((tmp_path / "out/json").iterdir())) == 1


def test_results_of_nobody_knows_which_pipeline_are_refused(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    (tmp_path / "out" / "pipeline.toml").unlink()
    with pytest.raises(ConfigError, match=r"no pipeline\.toml"):
        run(folder, tmp_path / "out")


def test_rows_that_did_not_arrive_are_an_error(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a node whose disk is not the driver's."""
    monkeypatch.setattr(loop, "LATE_SECONDS", 0)
    job = plan.prepare(PIPELINE, [folder], tmp_path / "out")
    elsewhere = Writer(OutputFolder(tmp_path / "another disk"), job.writer.columns, ())
    with pytest.raises(OutputError, match=r"3 of 3 rows cannot be found in .*out/results"):
        loop.run(job, lambda *_: LocalEngine(PIPELINE.graph, elsewhere, 1, 1), Progress())


def test_what_writes_files_can_be_divided_into_documents(folder: Path, tmp_path: Path) -> None:
    tiff(folder / "long.tif", *range(1, 9))
    run(folder, tmp_path / "out")
    out = OutputFolder(tmp_path / "out")
    names, split = Results(out).all_names(), Results(out).of(0).split
    assert list(split) == [f"{folder}/long.tif"]
    tasks = Writer(out, PIPELINE.graph.columns, ("text",)).tasks(names, split)
    documents = [part for task in tasks for part in task.parts()]
    assert {part.what for part in documents} == {str(path) for path in folder.rglob("*.*")}
    assert not [part for task in documents for part in task.parts()]
    for task in (*documents, *tasks[len(names) :]):
        assert task() == []
    assert len([*(tmp_path / "out/text").rglob("*.txt")]) == 4


def test_rows_that_are_listed_late_are_waited_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on NFS, whose clients keep listings for up to a minute."""
    monkeypatch.setattr(loop, "LOOK_SECONDS", 0.01)
    left, sizes_in = iter(range(3)), results.sizes_in

    def late(place: str) -> dict[str, int]:
        found = sizes_in(place)
        return found if not found or next(left, None) is None else {}

    monkeypatch.setattr(results, "sizes_in", late)
    assert run(folder, tmp_path / "out").pages == 3
    assert next(left, None) is None and len(names(tmp_path / "out")) == 3


def test_results_on_a_handle_that_became_stale_are_opened_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(folder, tmp_path / "out")
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0)
    left, read_metadata, whole = iter(range(4)), pq.read_metadata, pq.ParquetFile

    def stale(file: Any) -> Any:
        if next(left, None) is not None:
            raise OSError(errno.ESTALE, "Stale file handle")
        return read_metadata(file)

    def stale_file(file: Any) -> Any:
        stale(file)
        return whole(file)

    monkeypatch.setattr(pq, "ParquetFile", stale_file)
    assert len(pages(tmp_path / "out")) == 3
    left = iter(range(4))
    monkeypatch.undo()
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0)
    monkeypatch.setattr(pq, "read_metadata", stale)
    (tmp_path / "out/shards/000000.json").unlink()
    assert status(str(tmp_path / "out")).pages == 3


def test_a_page_that_was_written_twice_stays_once(folder: Path, tmp_path: Path) -> None:
    """As when a node dies after it wrote and before it said so, and its work is cut into other files."""

    for n in range(3):
        (folder / f"{n}.png").write_bytes((folder / "a.png").read_bytes())
    tiff(folder / "x.tif", 10, 20)

    def copy(now: Progress) -> None:
        for file in list((tmp_path / "out/results").glob("000000-*.parquet")) if now.finished == 7 else []:
            file.with_name(f"000000-{'0' * 15}{file.name[-9]}.parquet").write_bytes(file.read_bytes())

    run(folder, tmp_path / "out", changed=copy)
    assert len(names(tmp_path / "out")) == len(set(names(tmp_path / "out"))) == 8


def test_a_full_disk_is_told_in_a_line_and_the_job_goes_on_after_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("raypipe.job.results.write_file", full)
    with pytest.raises(OutputError, match=r"No space left on device.*the same command then goes on"):
        run(folder, tmp_path / "out")
    monkeypatch.undo()
    assert run(folder, tmp_path / "out").pages == 3
