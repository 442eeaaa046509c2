"""The same twelve pages through every adapter give the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import drawn
import pytest

import raypipe as rp
from raypipe import presets
from raypipe.rows import to_table


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn.twelve_pages(tmp_path_factory.mktemp("pages"))


SHARED = presets.standard()
POOLS = presets.standard(detector_pool=rp.Pool(size=1), recognizer_pool=rp.Pool(min_size=1, max_size=2))
GROUPED_CRAFT = rp.Pipeline(
    [
        rp.BinaryToImage(),
        rp.ImageTextDetector(model="image_text_detector_v2_opt", width=640),
        rp.ImageToText(group_images=False, line_tolerance=0, output_format="text_with_positions"),
        rp.ImageDrawRegions(rect_color="red"),
    ]
)


def local_rows(pipeline: rp.Pipeline, pages: Path) -> list[dict[str, Any]]:
    found = [dict(page) for page in pipeline.run(pages)]
    return to_table(found, pipeline.columns_between()[-1]).to_pylist()


def ray_rows(pipeline: rp.Pipeline, dataset: Any) -> list[dict[str, Any]]:
    return sorted(pipeline.transform(dataset).take_all(), key=lambda row: (row["path"], row["pagenum"]))


def assert_equal_rows(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert_equal(our, their, our["path"])


def assert_equal(ours: Any, theirs: Any, where: str) -> None:
    """Equality, but for the last digits of floats: other thread counts add in another order."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            assert_equal(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), where
        for n, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(*pair, f"{where}[{n}]")
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=0.02), where
    else:
        assert ours == theirs, where


@pytest.mark.parametrize("pipeline", [SHARED, POOLS, GROUPED_CRAFT], ids=["one pool", "two pools", "craft words"])
def test_ray_data_gives_the_rows_of_the_local_run(pipeline: rp.Pipeline, pages: Path, ray_cluster: None) -> None:
    assert_equal_rows(local_rows(pipeline, pages), ray_rows(pipeline, rp.read(pages)))


def test_a_dataset_of_bytes_gives_the_rows_of_paths(pages: Path, ray_cluster: None) -> None:
    import ray

    from_bytes = ray_rows(SHARED, ray.data.read_binary_files(str(pages), include_paths=True))
    from_paths = ray_rows(SHARED, rp.read(pages))
    for row in (*from_bytes, *from_paths):
        row.pop("image"), row.pop("name")
    assert_equal_rows(from_paths, from_bytes)


def test_columns_of_a_dataset_pass_or_give_way(pages: Path, ray_cluster: None) -> None:
    """A pipeline writes `text`; what stood there, such as the truth, would else be there twice."""
    dataset = rp.read(pages / "a_letter.png").add_column("text", lambda batch: ["truth"] * len(batch))
    dataset = dataset.add_column("archive", lambda batch: ["box 7"] * len(batch))
    (row,) = SHARED.transform(dataset).take_all()
    assert row["archive"] == "box 7"
    assert row["text"].split("\n") == drawn.LETTER


def test_the_rows_are_the_documented_ones(pages: Path) -> None:
    rows = {(Path(row["path"]).name, row["pagenum"]): row for row in local_rows(SHARED, pages)}
    assert len(rows) == 12
    corrupt = rows["f_corrupt.jpg", 0]
    assert corrupt["exception"].startswith("ImageTextDetector image_truncated: ")
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


def test_the_image_struct_crosses_without_pixels(pages: Path, ray_cluster: None) -> None:
    row = ray_rows(SHARED, rp.read(pages / "a_letter.png"))[0]
    assert row["image"]["data"] is None
    assert (row["image"]["width"], row["image"]["height"], row["image"]["mode"]) == (900, 500, 5)
    assert "crops" not in row and "content" not in row
