"""Jobs in this process: what is to be done, what is left of it, and what the output folder holds."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import raypipe as rp
from raypipe.errors import ConfigError, InputError, OutputError
from raypipe.job import local, plan
from raypipe.job.folder import OutputFolder
from raypipe.job.results import read_results
from raypipe.job.summary import Summary, summarize
from raypipe.pipeline import Pipeline

PIPELINE = Pipeline([rp.BinaryToImage()])
COLUMNS = PIPELINE.graph.columns


@pytest.fixture
def folder(tmp_path: Path, page_png: bytes) -> Path:
    for name in ("a.png", "sub/b.png", "sub/c.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page_png)
    (tmp_path / "in" / "sub" / "c.png").write_bytes(b"no picture")
    return tmp_path / "in"


def run(prepared: plan.Job) -> Summary:
    return local.run(prepared, lambda finished, failed: None, 2, 1)


def test_a_job_leaves_a_row_a_page_and_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    first = plan.prepare(PIPELINE, [str(folder / "sub")], output, False)
    told: list[tuple[int, int]] = []
    summary = local.run(first, lambda finished, failed: told.append((finished, failed)), 1, 1)
    assert (summary.pages, summary.resumed, told) == (2, 0, [(1, 0), (2, 1)])
    assert dict(summary.errors) == {"BinaryToImage image_unknown": 1}
    rest = plan.prepare(PIPELINE, [str(folder)], output, False)
    assert [row["path"] for row in rest.todo] == [f"{folder}/a.png"]
    assert run(rest).resumed == 2
    assert sorted(row["path"] for row in read_results(rest.folder.results, COLUMNS)) == [
        f"{folder}/a.png",
        f"{folder}/sub/b.png",
        f"{folder}/sub/c.png",
    ]
    assert plan.prepare(PIPELINE, [str(folder)], output, False).todo == []


def test_overwrite_drops_the_results(folder: Path, tmp_path: Path) -> None:
    run(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out", False))
    assert len(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out", True).todo) == 3


def test_a_file_that_a_killed_job_left_is_done_again(folder: Path, tmp_path: Path) -> None:
    prepared = plan.prepare(PIPELINE, [str(folder)], tmp_path / "out", False)
    run(prepared)
    (file,) = prepared.folder.results.glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    assert len(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out", False).todo) == 3
    assert not file.exists()


def test_overwrite_removes_nothing_that_no_job_made(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out/text").mkdir(parents=True)
    (tmp_path / "out/text/mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not made by raypipe"):
        plan.prepare(PIPELINE, [str(folder)], tmp_path / "out", overwrite=True)
    assert (tmp_path / "out/text/mine.txt").exists()


def test_overwrite_removes_no_input(folder: Path, tmp_path: Path) -> None:
    run(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out"))
    picture = tmp_path / "out/overlays/mine.png"
    picture.parent.mkdir()
    (folder / "a.png").rename(picture)
    with pytest.raises(ConfigError, match="is an input"):
        plan.prepare(PIPELINE, [str(picture)], tmp_path / "out", overwrite=True)
    with pytest.raises(InputError):
        plan.prepare(PIPELINE, [str(picture.parent)], tmp_path / "out", overwrite=True)
    assert picture.exists()


def test_a_strange_parquet_file_among_the_results_is_left_alone(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "out/results/mine.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table({"mine": [1]}), file)
    with pytest.raises(ConfigError, match=r"mine\.parquet"):
        plan.prepare(PIPELINE, [str(folder)], tmp_path / "out")
    assert file.exists()


def test_what_a_job_writes_into_its_inputs_is_no_input(folder: Path) -> None:
    run(plan.prepare(PIPELINE, [str(folder)], folder / "out"))
    (folder / "out/overlays").mkdir()
    (folder / "out/overlays/a.png").write_bytes((folder / "a.png").read_bytes())
    assert plan.prepare(PIPELINE, [str(folder)], folder / "out").todo == []


def test_documents_of_one_name_have_files_of_their_own(folder: Path, tmp_path: Path) -> None:
    """Also where the first is there from an earlier run, and where that run saw another part of the folders."""
    (folder / "sub/a.png").write_bytes((folder / "a.png").read_bytes())
    for source in ("sub/a.png", "a.png", "."):
        run(plan.prepare(PIPELINE, [str(folder / source)], tmp_path / "out"))
    found = {row["path"]: row["name"] for row in read_results(tmp_path / "out/results", COLUMNS)}
    assert found == {
        f"{folder}/sub/a.png": "a.png",
        f"{folder}/a.png": "a-2.png",
        f"{folder}/sub/b.png": "sub/b.png",
        f"{folder}/sub/c.png": "sub/c.png",
    }


def test_pages_that_failed_are_read_again_when_asked_for(folder: Path, tmp_path: Path) -> None:
    run(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out"))
    (folder / "sub/c.png").write_bytes((folder / "a.png").read_bytes())
    assert plan.prepare(PIPELINE, [str(folder)], tmp_path / "out").todo == []
    assert plan.prepare(PIPELINE, [str(folder / "a.png")], tmp_path / "out", retry_failed=True).todo == []
    assert len(list(read_results(tmp_path / "out/results", COLUMNS))) == 3, "what is not among the inputs stays"
    again = plan.prepare(PIPELINE, [str(folder)], tmp_path / "out", retry_failed=True)
    assert [row["name"] for row in again.todo] == ["sub/c.png"]
    assert not run(again).errors
    assert sorted(row["name"] for row in read_results(again.folder.results, COLUMNS)) == [
        "a.png",
        "sub/b.png",
        "sub/c.png",
    ]


def test_a_job_that_is_stopped_keeps_what_it_did(folder: Path, tmp_path: Path) -> None:
    def stop(finished: int, failed: int) -> None:
        if finished == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local.run(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out"), stop, 1, 1)
    assert len(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out").todo) == 1


@pytest.mark.parametrize(("pages", "rows"), [(0, 4), (30, 4), (200, 10), (1280, 64), (10**7, 64)])
def test_a_job_that_is_killed_loses_little(pages: int, rows: int) -> None:
    assert plan.Job(PIPELINE, OutputFolder(Path("out")), [{}] * pages, 0).rows_per_file == rows


def test_where_a_stage_runs_makes_no_other_pipeline(folder: Path, tmp_path: Path) -> None:
    first = Pipeline([rp.BinaryToImage(), rp.ImageTextDetector()])
    plan.prepare(first, [str(folder)], tmp_path / "out")
    run(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out"))
    moved = Pipeline([rp.BinaryToImage(pool=rp.Pool(size=3))])
    assert plan.prepare(moved, [str(folder)], tmp_path / "out").todo == []


@pytest.mark.parametrize("place", ["file", "s3://bucket/out"])
def test_an_output_that_is_no_folder(folder: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"cannot be written|is not a folder"):
        plan.prepare(PIPELINE, [str(folder)], tmp_path / "file" if place == "file" else Path(place))


def test_another_pipeline_needs_another_folder(folder: Path, tmp_path: Path) -> None:
    run(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out", False))
    other = Pipeline([rp.BinaryToImage(image_type="TYPE_BYTE_GRAY")])
    with pytest.raises(ConfigError, match=r"BinaryToImage\.image_type.*--overwrite"):
        plan.prepare(other, [str(folder)], tmp_path / "out", False)
    assert Pipeline.from_toml((tmp_path / "out" / "pipeline.toml").read_text()) == PIPELINE


def test_sources_that_name_nothing_leave_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        plan.prepare(PIPELINE, [str(tmp_path / "gone.png")], tmp_path / "out", False)
    assert not (tmp_path / "out").exists()


def test_results_have_the_columns_of_the_pipeline(folder: Path, tmp_path: Path) -> None:
    prepared = plan.prepare(PIPELINE, [str(folder)], tmp_path / "out", False)
    run(prepared)
    (file,) = prepared.folder.results.glob("*.parquet")
    assert pq.read_schema(file).names == list(PIPELINE.graph.columns)


def test_a_document_that_several_sources_name_is_read_once(folder: Path, tmp_path: Path) -> None:
    sources = [str(folder), str(folder / "a.png"), f"{folder}/*.png"]
    job = plan.prepare(PIPELINE, sources, tmp_path / "out")
    assert ([row["path"] for row in job.todo].count(f"{folder}/a.png"), len(job.todo), job.repeated) == (1, 3, 2)


def test_a_folder_has_one_job_at_a_time(folder: Path, tmp_path: Path) -> None:
    first = plan.prepare(PIPELINE, [str(folder)], tmp_path / "out")
    with pytest.raises(ConfigError, match="Another job is writing to"):
        plan.prepare(PIPELINE, [str(folder / "sub")], tmp_path / "out")
    run(first)
    assert plan.prepare(PIPELINE, [str(folder)], tmp_path / "out").todo == []


def test_a_job_that_died_keeps_no_lease(folder: Path, tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; import raypipe as rp; from raypipe.job import plan\n"
        f"plan.prepare(rp.Pipeline([rp.BinaryToImage()]), [{str(folder)!r}], Path({str(tmp_path / 'out')!r}))\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    assert len(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out").todo) == 3


def test_results_of_nobody_knows_which_pipeline_are_refused(folder: Path, tmp_path: Path) -> None:
    run(plan.prepare(PIPELINE, [str(folder)], tmp_path / "out"))
    (tmp_path / "out" / "pipeline.toml").unlink()
    with pytest.raises(ConfigError, match=r"no pipeline\.toml"):
        plan.prepare(PIPELINE, [str(folder)], tmp_path / "out")


def test_failures_of_other_inputs_are_not_this_jobs(folder: Path, tmp_path: Path) -> None:
    assert run(plan.prepare(PIPELINE, [str(folder / "sub")], tmp_path / "out")).errors.total() == 1
    assert run(plan.prepare(PIPELINE, [str(folder / "a.png")], tmp_path / "out")).errors.total() == 0


def test_a_page_whose_row_did_not_arrive_is_an_error(folder: Path, tmp_path: Path) -> None:
    job = plan.prepare(PIPELINE, [str(folder)], tmp_path / "out")
    elsewhere = replace(job, folder=OutputFolder(tmp_path / "another disk"))
    elsewhere.folder.results.mkdir(parents=True)
    local.run(elsewhere, lambda finished, failed: None, 2, 1)
    with pytest.raises(OutputError, match=r"3 of 3 pages have no row in .*out/results.*a\.png, page 0"):
        summarize(job, 1, 1, {})
