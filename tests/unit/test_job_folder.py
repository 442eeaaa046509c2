from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import raypipe as rp
from raypipe import job
from raypipe.errors import ConfigError, InputError
from raypipe.inputs import documents
from raypipe.pipeline import Pipeline

PIPELINE = Pipeline([rp.BinaryToImage()])


@pytest.fixture
def folder(tmp_path: Path, page_png: bytes) -> Path:
    for name in ("a.png", "sub/b.png", "sub/c.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page_png)
    (tmp_path / "in" / "sub" / "c.png").write_bytes(b"no picture")
    return tmp_path / "in"


def names(*sources: Any) -> list[str]:
    return [row["name"] for row in job.with_names(documents(sources))]


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_names_are_paths_below_the_common_folder(folder: Path, scheme: str) -> None:
    assert names(f"{scheme}{folder}") == ["a.png", "sub/b.png", "sub/c.png"]
    assert names(f"{scheme}{folder}/sub") == ["b.png", "c.png"]
    assert names(f"{scheme}{folder}/sub/b.png") == ["b.png"]


def test_names_of_different_kinds_of_sources_are_unlike(folder: Path) -> None:
    """Paths, URIs and bytes have no folder in common."""
    for sources in ([folder / "a.png", f"file://{folder}/sub/b.png"], [folder / "a.png", b"x"], [b"x", b"y"]):
        found = names(*sources)
        assert len(set(found)) == 2
        assert not any(name.startswith("/") or ".." in name for name in found)


def test_names_of_sources_above_the_working_folder_stay_below_the_output(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "sub")
    assert names("../a.png", "b.png") == ["a.png", "sub/b.png"]
    assert names("../*.png", "../sub/b.png") == ["a.png", "sub/b.png"]


def run(prepared: job.Job) -> job.Summary:
    return job.run_local(prepared, lambda finished, failed: None, 2, 1)


def test_a_job_leaves_a_row_a_page_and_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    first = job.prepare(PIPELINE, [str(folder / "sub")], output, False)
    told: list[tuple[int, int]] = []
    summary = job.run_local(first, lambda finished, failed: told.append((finished, failed)), 1, 1)
    assert (summary.pages, summary.resumed, told) == (2, 0, [(1, 0), (2, 1)])
    assert dict(summary.errors) == {"BinaryToImage image_unknown": 1}
    rest = job.prepare(PIPELINE, [str(folder)], output, False)
    assert [row["path"] for row in rest.todo] == [f"{folder}/a.png"]
    assert run(rest).resumed == 2
    assert sorted(row["path"] for row in job.read_results(rest.results)) == [
        f"{folder}/a.png",
        f"{folder}/sub/b.png",
        f"{folder}/sub/c.png",
    ]
    assert job.prepare(PIPELINE, [str(folder)], output, False).todo == []


def test_overwrite_drops_the_results(folder: Path, tmp_path: Path) -> None:
    run(job.prepare(PIPELINE, [str(folder)], tmp_path / "out", False))
    assert len(job.prepare(PIPELINE, [str(folder)], tmp_path / "out", True).todo) == 3


def test_a_file_that_a_killed_job_left_is_done_again(folder: Path, tmp_path: Path) -> None:
    prepared = job.prepare(PIPELINE, [str(folder)], tmp_path / "out", False)
    run(prepared)
    (file,) = prepared.results.glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    assert len(job.prepare(PIPELINE, [str(folder)], tmp_path / "out", False).todo) == 3
    assert not file.exists()


def test_another_pipeline_needs_another_folder(folder: Path, tmp_path: Path) -> None:
    job.prepare(PIPELINE, [str(folder)], tmp_path / "out", False)
    other = Pipeline([rp.BinaryToImage(image_type="TYPE_3BYTE_BGR")])
    with pytest.raises(ConfigError, match="--overwrite"):
        job.prepare(other, [str(folder)], tmp_path / "out", False)
    assert Pipeline.from_toml((tmp_path / "out" / "pipeline.toml").read_text()) == PIPELINE


def test_sources_that_name_nothing_leave_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        job.prepare(PIPELINE, [str(tmp_path / "gone.png")], tmp_path / "out", False)
    assert not (tmp_path / "out").exists()


def test_results_have_the_columns_of_the_pipeline(folder: Path, tmp_path: Path) -> None:
    prepared = job.prepare(PIPELINE, [str(folder)], tmp_path / "out", False)
    run(prepared)
    (file,) = prepared.results.glob("*.parquet")
    assert pq.read_schema(file).names == list(PIPELINE.columns_between()[-1])
