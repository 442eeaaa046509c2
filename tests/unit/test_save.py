"""Pictures in a folder."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from making import carried_out, worker

import raypipe as rp
from raypipe.errors import OutputError
from raypipe.stages import save as saving
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


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError("When initiating multiple part upload for key 'a': AWS Error UNKNOWN (ExpiredToken)"),
    ],
    ids=str,
)
def test_where_no_page_can_be_saved_the_job_stops(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(saving, "write_file", full)
    with pytest.raises(OutputError, match=r"overlays/a\.png\.jpeg cannot be written: .*the same command then goes on"):
        save("overlays", pagenum=0, total_pages=1)
