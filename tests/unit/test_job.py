"""Jobs in this process: what they read, what they leave alone, and what they say."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jobs import PIPELINE, files, names, pages, run, run_and_stop, tiff
from PIL import Image

import raypipe as rp
from raypipe.cli.outcome import print_outcome
from raypipe.errors import ConfigError, InputError, OutputError, TooManyErrorsError
from raypipe.inputs.listing import Found
from raypipe.job import lease, loop, plan
from raypipe.job.engine import likely_pages
from raypipe.job.folder import OutputFolder
from raypipe.job.local import LocalEngine, rows_per_file
from raypipe.job.names import Naming
from raypipe.job.progress import FailureLimits, Progress
from raypipe.job.results import Results
from raypipe.job.shards import Ledger
from raypipe.job.status import status
from raypipe.pipeline import Pipeline


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_document_that_is_called_like_a_picture_has_all_of_its_pages(tmp_path: Path, scheme: str) -> None:
    """A file of a bucket is not opened to look for pages in it; it turns out when its first is read."""
    (tmp_path / "in").mkdir()
    Image.new("L", (40, 30), 9).save(tmp_path / "in" / "a.png")
    tiff(tmp_path / "in" / "b.tif", 1, 2, 3)
    (tmp_path / "in" / "b.tif").rename(tmp_path / "in" / "b.png")
    done = run(f"{scheme}{tmp_path}/in", tmp_path / "out")
    assert done.pages == 4 and not done.outcome.failed
    assert names(tmp_path / "out") == [("a.png", 0), ("b.png", 0), ("b.png", 1), ("b.png", 2)]
    assert [page["total_pages"] for page in pages(tmp_path / "out")] == [1, 3, 3, 3]


def test_a_job_leaves_a_row_a_page_and_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    said: list[tuple[int, int]] = []
    first = run(folder / "sub", tmp_path / "out", changed=lambda now: said.append((now.finished, now.failed)))
    assert (first.pages, first.resumed) == (2, 0)
    assert sorted(set(said)) == [(0, 0), (1, 0), (2, 1)]
    assert dict(first.outcome.failed) == {"BinaryToImage image_unknown": 1}
    assert "c.png" in first.outcome.reasons["BinaryToImage image_unknown"]
    rest = run(folder, tmp_path / "out")
    assert (rest.pages, rest.resumed) == (1, 2)
    assert names(tmp_path / "out") == [("a.png", 0), ("b.png", 0), ("c.png", 0)]
    before = files(tmp_path / "out")
    assert (run(folder, tmp_path / "out").pages, files(tmp_path / "out")) == (0, before)


def test_pages_that_were_read_with_a_warning_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    Image.new("L", (400, 300), 9).save(tmp_path / "in" / "sound.jpg")
    whole = (tmp_path / "in" / "sound.jpg").read_bytes()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "in" / name).write_bytes(whole[:-2])
    for done in (run(tmp_path / "in", tmp_path / "out"), run(tmp_path / "in", tmp_path / "out")):
        assert (done.outcome.warned, done.outcome.warning) == (2, f"{tmp_path}/in/a.jpg: it lacks its end.")
    print_outcome(done.outcome, OutputFolder(str(tmp_path / "out")))
    assert f"warning: 2 pages, such as {done.outcome.warning}\n" in capsys.readouterr().err
    some = run(tmp_path / "in" / "b.jpg", tmp_path / "out").outcome
    assert (some.warned, some.warning) == (1, f"{tmp_path}/in/b.jpg: it lacks its end.")


def test_status_knows_that_all_is_listed_while_pages_are_read(folder: Path, tmp_path: Path) -> None:
    found = list[int | None]()

    def look(now: Progress) -> None:
        if now.doing == "reading":
            found.append(status(str(tmp_path / "out")).listed)

    run(folder, tmp_path / "out", changed=look)
    assert set(found) == {3}


def test_a_run_that_ends_at_once_is_known_to_the_next(folder: Path, tmp_path: Path) -> None:
    """What a process leaves that is killed while it reads; a run that is stopped leaves nothing."""
    reading, seen = tmp_path / "out/.reading", list[bool]()
    run_and_stop(1, folder, tmp_path / "out")
    assert not reading.exists()
    run(folder, tmp_path / "out", changed=lambda now: seen.append(reading.exists()))
    assert True in seen and not reading.exists()
    reading.touch()
    job = plan.prepare(PIPELINE, [folder], tmp_path / "out")
    assert job.broke_off
    loop.run(job, lambda *_: LocalEngine(PIPELINE.graph, job.writer, 1, 1), Progress())
    assert not reading.exists(), "all is read"


def test_a_finished_job_starts_no_engine(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out", formats=["text"])
    job = plan.prepare(PIPELINE, [folder], tmp_path / "out", ["text"])

    def engine(*_: object) -> LocalEngine:
        raise AssertionError("nothing is left to read or to write")

    assert loop.run(job, engine, Progress()).resumed == 3


def test_overwrite_drops_the_results(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    assert run(folder, tmp_path / "out", overwrite=True).pages == 3
    assert len(pages(tmp_path / "out")) == 3


def test_overwrite_removes_nothing_that_no_job_made(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out/text").mkdir(parents=True)
    (tmp_path / "out/text/mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not made by raypipe"):
        run(folder, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out/text/mine.txt").exists()


def test_overwrite_removes_no_input(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    picture = tmp_path / "out/overlays/mine.png"
    picture.parent.mkdir()
    (folder / "a.png").rename(picture)
    for source, output in product((picture, f"file://{picture}"), (tmp_path / "out", f"file://{tmp_path}/out")):
        with pytest.raises(ConfigError, match="is an input"):
            run(source, output, overwrite=True)
    with pytest.raises(InputError):
        run(picture.parent, tmp_path / "out", overwrite=True)
    assert picture.exists()


def test_what_a_job_writes_into_its_inputs_is_no_input(folder: Path) -> None:
    run(folder, folder / "out")
    (folder / "out/overlays").mkdir()
    (folder / "out/overlays/a.png").write_bytes((folder / "a.png").read_bytes())
    assert run(folder, folder / "out").pages == 0


def test_documents_of_one_name_have_files_of_their_own(folder: Path, tmp_path: Path) -> None:
    """Also where the first is there from an earlier run, and where that run saw another part of the folders."""
    (folder / "sub/a.png").write_bytes((folder / "a.png").read_bytes())
    for source in ("sub/a.png", "a.png", "."):
        run(folder / source, tmp_path / "out")
    assert {page.path: page.name for page in pages(tmp_path / "out")} == {
        f"{folder}/sub/a.png": "a.png",
        f"{folder}/a.png": "a-2.png",
        f"{folder}/sub/b.png": "sub/b.png",
        f"{folder}/sub/c.png": "sub/c.png",
    }


@pytest.mark.parametrize(
    ("marks", "expected"),
    [((), ["a", "A", "\u00e9", "e\u0301"]), ((".LEASE",), ["a", "A-2", "\u00e9", "e\u0301-2"])],
    ids=["several", "one"],
)
def test_names_that_a_disk_takes_for_one_are_numbered(tmp_path: Path, marks: tuple[str], expected: list[str]) -> None:
    """Disks of macOS, where the lease is found in capitals, too, know neither cases nor kinds of accents."""
    for mark in marks:
        (tmp_path / mark).touch()
    ledger = Ledger(OutputFolder(tmp_path))
    ledger.add([Found(f"/{name}", name=f"{name}.jpg") for name in ("a", "A", "\u00e9", "e\u0301")], Naming(["/"]))
    assert ledger.documents(0)["name"].to_pylist() == [f"{name}.jpg" for name in expected]


def test_many_documents_of_one_name(tmp_path: Path) -> None:
    """A list gives them; each is numbered without looking at those of all others."""
    ledger, naming = Ledger(OutputFolder(tmp_path / "out")), Naming(["/in"])
    for shard in range(2):
        ledger.add([Found(f"/in/{shard}-{n}.jpg", name="page.jpg") for n in range(5000)], naming)
    names = [name for number in (0, 1) for name in ledger.documents(number)["name"].to_pylist()]
    assert names == ["page.jpg", *(f"page-{n}.jpg" for n in range(2, 10_001))]


def test_pages_that_failed_are_read_again_when_asked_for(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out", formats=["text"])
    again = run(folder / "a.png", tmp_path / "out", retry_failed=True, formats=["text"])
    assert again.pages == 0 and len(pages(tmp_path / "out")) == 3, "what is not among the inputs stays"
    written = (tmp_path / "out/text/a.png.txt").stat().st_mtime_ns
    again = run(folder, tmp_path / "out", retry_failed=True, formats=["text"])
    assert (again.pages, again.resumed, again.outcome.failed.total()) == (1, 2, 1)
    assert len(pages(tmp_path / "out")) == 3
    assert (tmp_path / "out/text/a.png.txt").stat().st_mtime_ns >= written


def test_a_file_that_has_changed_is_read_again(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also in the files of the documents: a picture replaced under its name kept its old text."""
    tiff(folder / "d.tif", 10, 20)
    run(folder, tmp_path / "out", formats=["json"])
    tiff(folder / "d.tif", 10, 20, 30)
    (folder / "sub/c.png").write_bytes((folder / "a.png").read_bytes())
    again = run(folder, tmp_path / "out", formats=["json"])
    assert (again.pages, again.resumed, again.outcome.failed.total()) == (4, 2, 0)
    assert "Read again because they have changed: 2 files" in caplog.text
    assert names(tmp_path / "out") == [
        ("a.png", 0),
        *(("d.tif", n) for n in range(3)),
        ("sub/b.png", 0),
        ("sub/c.png", 0),
    ]
    assert (tmp_path / "out/json/d.tif.json").read_text().count('"exception"') == 3
    assert run(folder, tmp_path / "out", formats=["json"]).pages == 0


def test_a_file_that_is_gone_is_told_and_its_row_stays(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(folder, tmp_path / "out")
    (folder / "sub/b.png").unlink()
    assert run(folder, tmp_path / "out").resumed == 2
    assert f"Gone since earlier runs: 1 file, first {folder}/sub/b.png. The rows stay" in caplog.text
    assert len(pages(tmp_path / "out")) == 3


def test_a_file_that_is_gone_before_its_turn_is_no_page_that_was_done(folder: Path, tmp_path: Path) -> None:
    run_and_stop(1, folder, tmp_path / "out")
    (folder / "sub/b.png").unlink()
    again = run(folder, tmp_path / "out")
    assert (again.pages, again.resumed, again.outcome.pages) == (2, 1, 2)


@pytest.mark.parametrize("stop_after", [1, 2, 3, 4])
def test_a_job_that_is_stopped_keeps_what_it_did(folder: Path, tmp_path: Path, stop_after: int) -> None:
    tiff(folder / "b.tif", 10, 20, 30)
    run_and_stop(stop_after, folder, tmp_path / "out", formats=["text"])
    assert len(pages(tmp_path / "out")) == stop_after
    again = run(folder, tmp_path / "out", formats=["text"])
    assert (again.pages, again.resumed) == (6 - stop_after, stop_after)
    assert len(set(names(tmp_path / "out"))) == len(names(tmp_path / "out")) == 6
    assert {path.name for path in (tmp_path / "out/text").rglob("*.txt")} == {
        "a.png.txt", "b.tif.txt", "b.png.txt", "c.png.txt",
    }  # fmt: skip


def test_a_resumed_job_knows_whether_more_follows_before_it_chooses_its_engine(folder: Path, tmp_path: Path) -> None:
    run_and_stop(1, folder, tmp_path / "out")
    job = plan.prepare(PIPELINE, [folder], tmp_path / "out")
    job.lister._found = (time.sleep(0.05) or found for found in job.lister._found)
    more_follows: list[bool] = []

    def engine_for(documents: pa.Table, more: bool) -> LocalEngine:
        more_follows.append(more)
        return LocalEngine(PIPELINE.graph, job.writer, 1, 1)

    loop.run(job, engine_for, Progress())
    assert more_follows == [False]


def test_other_sources_leave_the_rest_of_a_stopped_job_alone(folder: Path, tmp_path: Path) -> None:
    run_and_stop(1, folder, tmp_path / "out")
    other = run(folder / "sub/b.png", tmp_path / "out")
    assert (other.pages, other.resumed) == (1, 0)
    assert names(tmp_path / "out") == [("a.png", 0), ("sub/b.png", 0)]
    assert run(folder, tmp_path / "out").pages == 1


def test_many_shards(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypipe.job.lister.SHARD_DOCUMENTS", 2)
    for n in range(5):
        tiff(folder / f"{n}.tif", 10, 20)
    assert run([folder, folder / "a.png"], tmp_path / "out").pages == 13
    assert sorted(path.name for path in (tmp_path / "out/shards").glob("*.json")) == [f"{n:06}.json" for n in range(4)]
    tiff(folder / "2.tif", 10)
    assert run([folder, folder / "a.png"], tmp_path / "out").pages == 1
    assert len(set(names(tmp_path / "out"))) == len(names(tmp_path / "out")) == 12


def test_a_job_resumes_without_reading_the_results_of_finished_shards(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raypipe.job.lister.SHARD_DOCUMENTS", 1)
    run(folder, tmp_path / "out")
    (folder / "new.png").write_bytes((folder / "a.png").read_bytes())
    read: list[str] = []
    original = Results.read

    def noted(self: Results, name: str, *arguments: object) -> pa.Table:
        read.append(name)
        return original(self, name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Results, "read", noted)
    assert run(folder, tmp_path / "out").pages == 1
    assert {name[:6] for name in read} == {"000003"}


def test_a_format_that_comes_later_is_written_for_what_is_there(folder: Path, tmp_path: Path) -> None:
    tiff(folder / "d.tif", *range(9))
    run(folder, tmp_path / "out", formats=["text"])
    later = run(folder, tmp_path / "out", formats=["json"])
    assert later.pages == 0
    assert sorted(path.name for path in (tmp_path / "out/json").rglob("*.json")) == [
        "a.png.json", "b.png.json", "c.png.json", "d.tif.json",
    ]  # fmt: skip
    assert (tmp_path / "out/json/d.tif.json").read_text().count('"exception"') == 9


def test_too_many_failures_stop_a_job(folder: Path, tmp_path: Path) -> None:
    for n in range(200):
        (folder / f"{n}.png").write_bytes(b"no picture")
    with pytest.raises(TooManyErrorsError, match="6 of"):
        run(folder, tmp_path / "out", limits=FailureLimits(max_errors=5))
    with pytest.raises(TooManyErrorsError, match=r"\d+ of 100 pages"):
        run(folder, tmp_path / "out", limits=FailureLimits(max_error_rate=0.5))
    assert run(folder, tmp_path / "out", limits=FailureLimits(max_errors=300)).outcome.pages == 203


@pytest.mark.parametrize(("pages", "rows"), [(0, 4), (30, 4), (1000, 10), (6400, 64), (100_000, 1000)])
def test_a_job_that_is_killed_loses_little_and_writes_few_files(pages: int, rows: int) -> None:
    assert rows_per_file(pages) == rows


def test_long_documents_count_as_many_pages() -> None:
    sizes = {"/a.jpg": 9_000_000, "/b.PDF": 9_000_000, "s3://c/d.tiff?scheme=http": 1_000_000, "/e.pdf": -1}
    assert likely_pages(pa.table({"path": list(sizes), "size": list(sizes.values())})) == 4 + 45 + 5


def test_where_a_stage_runs_makes_no_other_pipeline(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    moved = Pipeline([rp.BinaryToImage(pool=rp.Pool(size=3))])
    assert run(folder, tmp_path / "out", moved).pages == 0


def test_an_output_that_is_no_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be written"):
        run(folder, tmp_path / "file")


def test_another_pipeline_needs_another_folder(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    other = Pipeline([rp.BinaryToImage(image_type="TYPE_BYTE_GRAY")])
    with pytest.raises(ConfigError, match=r"BinaryToImage\.image_type.*--overwrite"):
        run(folder, tmp_path / "out", other)
    (tmp_path / "out/pipeline.toml").write_text(Pipeline([rp.BinaryToImage(), rp.ImageTextDetector()]).to_toml())
    with pytest.raises(ConfigError, match="which has the stages BinaryToImage, ImageTextDetector, not BinaryToImage."):
        run(folder, tmp_path / "out")
    (tmp_path / "out/pipeline.toml").write_text(PIPELINE.to_toml())
    assert Pipeline.from_toml((tmp_path / "out" / "pipeline.toml").read_text()) == PIPELINE
    assert run(folder, tmp_path / "out").resumed == 3, "the folder is free again"


def test_sources_that_name_nothing_leave_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run(tmp_path / "gone.png", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_later_source_that_names_nothing_ends_the_job(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.png"):
        run([folder, tmp_path / "gone.png"], tmp_path / "out")


def test_results_have_the_columns_of_the_pipeline(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    (file,) = (tmp_path / "out/results").iterdir()
    assert pq.read_schema(file).names == list(PIPELINE.graph.columns)


def test_a_document_that_several_sources_name_is_read_once(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sources = [folder, folder / "a.png", f"{folder}/*.png", f"file://{folder}/a.png"]
    assert run(sources, tmp_path / "out").pages == 3
    assert "Several sources name 3 files; each is read once" in caplog.text
    run(folder, tmp_path / "out")
    caplog.clear()
    run(folder, tmp_path / "out")
    assert "more than one source" not in caplog.text


def test_a_folder_has_one_job_at_a_time(folder: Path, tmp_path: Path) -> None:
    job = plan.prepare(PIPELINE, [folder], tmp_path / "out")
    with pytest.raises(ConfigError, match="Another job is writing to"):
        run(folder / "sub", tmp_path / "out")
    loop.run(job, lambda *_: LocalEngine(PIPELINE.graph, job.writer, 1, 1), Progress())
    assert run(folder, tmp_path / "out").pages == 0


def test_a_lease_that_cannot_be_read_was_not_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SETTLE_SECONDS", 0)
    held = lease.take(f"file://{tmp_path}/out")
    held.check()
    (tmp_path / "out/.lease").unlink()
    (tmp_path / "out/.lease").mkdir()
    with pytest.raises(OutputError, match=r"out/\.lease cannot be read: .*the same command goes on"):
        held.check()
    (tmp_path / "out/.lease").rmdir()
    with pytest.raises(ConfigError, match="taken over by another job"):
        held.check()
    held.release()


def test_a_lease_that_is_given_back_while_it_is_looked_at_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SETTLE_SECONDS", 0)
    held, remove = lease.take(f"file://{tmp_path}/out"), lease.remove_file

    def give_back_first(uri: str) -> None:
        (tmp_path / "out/.lease").unlink(missing_ok=True)
        remove(uri)

    with monkeypatch.context() as patch:
        patch.setattr(lease, "remove_file", give_back_first)
        later = lease.take(f"file://{tmp_path}/out")
    later.check()
    later.release()
    held.release()


def test_a_job_that_died_keeps_no_lease(folder: Path, tmp_path: Path) -> None:
    program = (
        "import os; import raypipe as rp; from raypipe.job import plan\n"
        f"job = plan.prepare(rp.Pipeline([rp.BinaryToImage()]), [{str(folder)!r}], {str(tmp_path / 'out')!r})\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    assert run(folder, tmp_path / "out").pages == 3


def test_failures_of_other_inputs_are_not_this_jobs(folder: Path, tmp_path: Path) -> None:
    assert run(folder / "sub", tmp_path / "out").outcome.failed.total() == 1
    assert run(folder / "a.png", tmp_path / "out").outcome.failed.total() == 0
    assert run(folder / "sub/b.png", tmp_path / "out").outcome.failed.total() == 0


def test_a_job_says_what_it_leaves_out(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "notes.doc").write_text("x")
    with caplog.at_level(logging.WARNING):
        run(folder, tmp_path / "out")
    assert "1 file left out" in caplog.text


def test_reading_the_ledger_leaves_no_thread_to_the_end_of_the_process(folder: Path, tmp_path: Path) -> None:
    """One of Arrow's with bytes of Python's aborted every tenth `raypipe status` after it had printed."""
    run(folder, tmp_path / "out")
    program = f"""
import psutil
from raypipe.job.folder import OutputFolder
from raypipe.job.shards import Ledger
from raypipe.job.status import status
before = psutil.Process().num_threads()
ledger = Ledger(OutputFolder({str(tmp_path / "out")!r}))
assert ledger.documents(0).num_rows == 3
print(psutil.Process().num_threads() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
