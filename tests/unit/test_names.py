"""What documents' files in the output folder are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raypipe.inputs.pages import documents
from raypipe.job.folder import OutputFolder
from raypipe.job.names import Naming


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "sub/b.png", "sub/c.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"never opened")
    return tmp_path / "in"


def names(*sources: Any) -> list[str]:
    naming = Naming(map(str, sources))
    return [naming(row["path"]) for row in documents(sources)]


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_names_are_paths_below_the_common_folder(folder: Path, scheme: str) -> None:
    assert names(f"{scheme}{folder}") == ["a.png", "sub/b.png", "sub/c.png"]
    assert names(f"{scheme}{folder}/sub") == ["b.png", "c.png"]
    assert names(f"{scheme}{folder}/sub/b.png") == ["b.png"]


def test_a_tilde_that_is_no_home_is_a_part_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Office programs name their temporary files so, and a shell leaves them alone."""
    monkeypatch.chdir(tmp_path)
    for name in ("~$scan.jpg", "~no such user.jpg"):
        Path(name).write_bytes(b"never opened")
        assert names(name) == [name]
    assert OutputFolder("~no such user/out").uri == str(tmp_path / "~no such user" / "out")


def test_names_have_no_options_of_a_uri() -> None:
    naming = Naming(["s3://bucket/scans/?region=eu-west-1"])
    assert [naming(f"s3://bucket/scans/{name}.jpg?region=eu-west-1") for name in ("a", "b")] == ["a.jpg", "b.jpg"]


def test_no_name_is_that_of_a_page_of_another_document() -> None:
    naming = Naming(["s3://bucket/"])
    given = ["book", "book.1", "book.1.jpg", "of.2/book", "19.04.1950"]
    assert [naming(f"s3://bucket/{name}") for name in given] == ["book", "book-1", *given[2:4], "19.04-1950"]


def test_names_stay_below_the_output_folder() -> None:
    """Keys in a bucket may have parts that lead up in a file system."""
    naming = Naming(["s3://bucket/scans"])
    assert naming("s3://bucket/scans/../../etc/a.jpg") == "_/_/etc/a.jpg"
    assert naming("s3://bucket/scans//a.jpg") == "a.jpg"


def test_names_of_different_kinds_of_sources_are_unlike(folder: Path) -> None:
    """Paths and URIs have no folder in common."""
    found = names(folder / "a.png", f"file://{folder}/sub/b.png")
    assert len(set(found)) == 2
    assert not any(name.startswith("/") or ".." in name for name in found)


def test_names_of_sources_above_the_working_folder_stay_below_the_output(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "sub")
    assert names("../a.png", "b.png") == ["a.png", "sub/b.png"]
    assert names("../*.png", "../sub/b.png") == ["a.png", "sub/b.png"]


def test_names_that_no_file_system_takes_with_a_suffix_are_shortened() -> None:
    long = [f"/in/{letter}{'統' * 80}.png" for letter in "ab"]
    names = list(map(Naming(["/in/c.png"]), [*long, "/in/c.png"]))
    assert [len(name.encode()) <= 220 for name in names] == [True] * 3
    assert len(set(names)) == 3 and names[0].startswith("a統統") and names[0].endswith(".png") and names[2] == "c.png"
