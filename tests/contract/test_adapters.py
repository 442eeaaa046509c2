"""The same twelve pages through every adapter give the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import drawn
import pytest
from adapters import GROUPED_CRAFT, POOLS, SHARED, LocalRows, assert_equal_rows
from pipelines import Killer

import raypipe as rp


def ray_rows(pipeline: rp.Pipeline, dataset: Any) -> list[dict[str, Any]]:
    return sorted(pipeline.transform(dataset).take_all(), key=lambda row: (row["path"], row["pagenum"]))


@pytest.fixture(scope="module")
def shared_rows(pages: Path, ray_cluster: None) -> list[dict[str, Any]]:
    return ray_rows(SHARED, rp.read(pages))


def test_ray_data_gives_the_rows_of_the_local_run(
    shared_rows: list[dict[str, Any]], pages: Path, local_rows: LocalRows
) -> None:
    assert_equal_rows(local_rows(SHARED, pages), shared_rows)


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", [POOLS, GROUPED_CRAFT], ids=["two pools", "craft words"])
def test_other_pipelines_do_too(
    pipeline: rp.Pipeline, few_pages: Path, local_rows: LocalRows, ray_cluster: None
) -> None:
    assert_equal_rows(local_rows(pipeline, few_pages), ray_rows(pipeline, rp.read(few_pages)))


@pytest.mark.slow
def test_a_dataset_of_bytes_gives_the_rows_of_paths(pages: Path, shared_rows: list[dict[str, Any]]) -> None:
    import ray

    from_bytes = ray_rows(SHARED, ray.data.read_binary_files(str(pages), include_paths=True))
    assert_equal_rows(without_origin(shared_rows), without_origin(from_bytes))


def without_origin(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in ("image", "name")} for row in rows]


def test_columns_of_a_dataset_pass_or_give_way(pages: Path, ray_cluster: None) -> None:
    """A pipeline writes `text`; what stood there, such as the truth, would else be there twice."""
    dataset = rp.read(pages / "a_letter.png").add_column("text", lambda batch: ["truth"] * len(batch))
    dataset = dataset.add_column("archive", lambda batch: ["box 7"] * len(batch))
    (row,) = rp.Pipeline([Killer()]).transform(dataset).take_all()
    assert row["archive"] == "box 7"
    assert row["text"].startswith(f"read {pages}/a_letter.png by ")


def test_the_rows_are_the_documented_ones(pages: Path, local_rows: LocalRows) -> None:
    rows = {(Path(row["path"]).name, row["pagenum"]): row for row in local_rows(SHARED, pages)}
    assert len(rows) == 12
    corrupt = rows["f_corrupt.jpg", 0]
    assert corrupt["exception"].startswith("BinaryToImage image_truncated: ")
    assert "f_corrupt.jpg" in corrupt["exception"] and corrupt["text"] == "" and corrupt["lines"] == []
    healthy = [row for row in rows.values() if row is not corrupt]
    assert all(row["exception"] is None for row in healthy)
    assert rows["g_blank.png", 0]["text"] == "" and rows["g_blank.png", 0]["confidence"] == []
    for name in ("a_letter.png", "b_letter.jpg", "c_grey.png", "h_rotated.png"):
        assert rows[name, 0]["text"].split("\n") == drawn.LETTER, name
    assert rows["i_columns.png", 0]["text"].split("\n") == drawn.LEFT + drawn.RIGHT
    assert [rows["j_minutes.tif", n]["text"].split("\n")[0] for n in range(3)] == [
        f"Page number {n}" for n in ("one", "two", "three")
    ]
    assert rows["j_minutes.tif", 2]["total_pages"] == 3
    words = [word for line in rows["a_letter.png", 0]["lines"] for word in line["words"]]
    assert [word["text"] for word in words] == " ".join(drawn.LETTER).split()
    assert all(0.5 < word["confidence"] <= 1 for word in words)


def test_the_image_struct_crosses_without_pixels(shared_rows: list[dict[str, Any]]) -> None:
    row = shared_rows[0]
    assert Path(row["path"]).name == "a_letter.png" and row["image"]["data"] is None
    assert (row["image"]["width"], row["image"]["height"], row["image"]["mode"]) == (900, 500, 5)
    assert "crops" not in row and "content" not in row
