"""Patterns of names, and names that look like patterns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from listed import FILES, make, names
from pyarrow import fs

from raypipe.inputs import listing
from raypipe.inputs.pages import documents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "in", *FILES)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["a.jpg"]),
        ("*", ["a.jpg", "b.PNG", "sub/c.tiff", "sub/deeper/d.webp"]),
        ("?.jpg", ["a.jpg"]),
        ("[ab].*", ["a.jpg", "b.PNG"]),
        ("*.*", ["a.jpg", "b.PNG"]),
        ("*/*", ["sub/c.tiff", "sub/deeper/d.webp"]),
        ("*/*.*", ["sub/c.tiff"]),
        ("sub/*", ["sub/c.tiff", "sub/deeper/d.webp"]),
        ("*/deeper", ["sub/deeper/d.webp"]),
        ("[s]*/", ["sub/c.tiff", "sub/deeper/d.webp"]),
        ("**/deeper", ["sub/deeper/d.webp"]),
        ("sub/**", ["sub/c.tiff", "sub/deeper/d.webp"]),
        ("**/*", ["a.jpg", "b.PNG", "sub/c.tiff", "sub/deeper/d.webp"]),
        ("**/*.webp", ["sub/deeper/d.webp"]),
        ("sub/**/*.*", ["sub/c.tiff", "sub/deeper/d.webp"]),
        ("s*/**/d.*", ["sub/deeper/d.webp"]),
    ],
)
def test_globs(folder: Path, pattern: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(documents(f"{folder}/{pattern}"), folder) == expected
    uri_pattern = pattern.replace("?", "[!.]")
    assert names(documents(f"file://{folder}/{uri_pattern}"), f"file://{folder}") == expected
    monkeypatch.chdir(folder)
    assert names(documents(pattern), folder) == expected
    assert names(documents(f"./{pattern}"), folder) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**/b/**/*.jpg", ["a/b/2.jpg", "a/b/c/3.jpg", "a/b/c/d/4.jpg"]),
        ("**/a/**/c/**/*.jpg", ["a/b/c/3.jpg", "a/b/c/d/4.jpg"]),
        ("**/**/4.jpg", ["a/b/c/d/4.jpg"]),
        ("**/*/**/d", ["a/b/c/d/4.jpg"]),
        ("a/**/**/[12].*", ["a/1.jpg", "a/b/2.jpg"]),
        ("x*", ["x1/y/5.jpg"]),
    ],
)
def test_globs_of_folders(tmp_path: Path, pattern: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "gl/0.jpg", "gl/a/1.jpg", "gl/a/b/2.jpg", "gl/a/b/c/3.jpg", "gl/a/b/c/d/4.jpg", "gl/x1/y/5.jpg")
    assert names(documents(f"{tmp_path}/gl/{pattern}"), f"{tmp_path}/gl") == expected
    bucket = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    monkeypatch.setattr(listing, "resolve", lambda uri: (bucket, uri.removeprefix("s3://")))
    assert names(documents(f"s3://gl/{pattern}"), "s3://gl") == expected


def test_a_glob_looks_only_where_it_may_match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/x/1.png", "a/y/1.png", "b/x/1.png", "c/1.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "w").symlink_to(tmp_path / "a" / "x")
    scandir, listed = os.scandir, []

    def noted(path: str) -> object:
        listed.append(str(path).rstrip("/").removeprefix(str(tmp_path)))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    assert names(documents(f"{tmp_path}/a/[xz]/*.png"), tmp_path) == ["a/x/1.png"]
    assert listed == ["/a", "/a/x"]
    assert names(documents(f"{tmp_path}/**/x/*.png"), tmp_path) == ["a/x/1.png", "b/x/1.png"]


@pytest.mark.parametrize("name", ["c[1].png", "what?.png", "a*.png"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_may_be_called_like_a_pattern(folder: Path, name: str, kind: type) -> None:
    (folder / name).write_bytes(b"x")
    assert names(documents(kind(f"{folder}/{name}")), folder) == [name]


def test_a_folder_may_be_called_like_a_pattern(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "box [1]").mkdir()
    (folder / "box [1]" / "a.png").write_bytes(b"x")
    assert names(documents(folder / "box [1]"), folder) == ["box [1]/a.png"]
    monkeypatch.chdir(folder / "box [1]")
    assert names(documents("*.png"), folder) == ["box [1]/a.png"]


def test_a_file_that_is_removed_while_its_folder_is_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.png", "b.png", "sub/a.png", "sub/b.png")
    scandir = os.scandir

    @contextmanager
    def removing(path: str) -> Iterator[list[os.DirEntry[str]]]:
        with scandir(path) as entries:
            found = list(entries)
        Path(path, "a.png").unlink()
        yield found

    monkeypatch.setattr(os, "scandir", removing)
    assert names(documents(tmp_path), tmp_path) == ["b.png", "sub/b.png"]
