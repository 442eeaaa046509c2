"""Pictures in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from making import carried_out, worker

import raypipe as rp
from raypipe.stages.save import ImageSaver
from raypipe.types import Row


def save(folder: str, **row: Any) -> Row:
    (found,) = carried_out(
        worker(ImageSaver, rp.SaveImages(folder=folder)), [{"name": "a.png", "image_with_regions": b"x", **row}]
    )
    return found


def test_pictures_are_saved_and_replaced_by_their_path(tmp_path: Path) -> None:
    for row, name in (
        ({"pagenum": 0, "total_pages": 1}, "a.png.jpeg"),
        ({"pagenum": 1, "total_pages": 3}, "a.png.1.jpeg"),
        ({"pagenum": 0}, "a.png.jpeg"),
        ({"pagenum": 0, "total_pages": 1, "name": "sub/b.png"}, "sub/b.png.jpeg"),
    ):
        found = save(f"{tmp_path}/", **row)
        assert found["overlay"] == f"{tmp_path}/{name}"
        assert (tmp_path / name).read_bytes() == b"x"
        assert "image_with_regions" not in found


def test_a_page_count_that_is_not_known_is_one(tmp_path: Path) -> None:
    """Rows that came from elsewhere have null there."""
    assert save(str(tmp_path), pagenum=0, total_pages=None)["overlay"] == f"{tmp_path}/a.png.jpeg"


def test_a_folder_that_cannot_be_written_fails_the_page(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    found = save(str(tmp_path / "file" / "folder"), pagenum=0, total_pages=1)
    assert found["exception"].startswith("SaveImages file_unwritable")
    assert found["overlay"] is None
