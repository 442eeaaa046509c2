from __future__ import annotations

import pwd
import threading
from pathlib import Path

import pytest
from pyarrow import fs

from raypipe.errors import PageError
from raypipe.files.paths import (
    names_in,
    open_file,
    read_file,
    remove_file,
    resolve,
    split_options,
    without_scheme,
    write_file,
)


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_what_is_written_is_read(tmp_path: Path, prefix: str) -> None:
    uri = f"{prefix}{tmp_path}/new/folder/a.bin"
    write_file(uri, b"\x00hello")
    assert read_file(uri) == b"\x00hello"
    with open_file(uri) as file:
        file.seek(1)
        assert file.read() == b"hello"


def test_writing_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    for data in (b"longer than", b"short"):
        write_file(f"{tmp_path}/a.bin", data)
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"short"


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """Part of it stayed, and took the last space of a full disk."""
    (tmp_path / "taken/by/a folder").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        write_file(f"{tmp_path}/taken", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_compressed_suffixes_are_left_alone(tmp_path: Path) -> None:
    write_file(f"{tmp_path}/a.gz", b"plain")
    assert (tmp_path / "a.gz").read_bytes() == read_file(f"{tmp_path}/a.gz") == b"plain"


@pytest.mark.parametrize("name", ["gone.png", ".", "file:///no/such/file.png", "nosuchscheme://x/y.png"])
def test_what_cannot_be_read_names_itself(tmp_path: Path, name: str) -> None:
    uri = name if "://" in name else str(tmp_path / name)
    with pytest.raises(PageError) as caught:
        read_file(uri)
    assert caught.value.code == "file_missing"
    assert str(caught.value).startswith(uri)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///d/a%20b.png?x=1", "/d/a b.png"),
        ("file:///d/a.zip!/b%23.png", "/d/a.zip!/b#.png"),
        ("/d/a%20b.png?x=1", "/d/a%20b.png?x=1"),
        ("s3://d/a%20b.png?x=1", "s3://d/a%20b.png?x=1"),
    ],
)
def test_a_file_uri_is_a_path(uri: str, path: str) -> None:
    assert without_scheme(uri) == path


def test_relative_paths_and_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert resolve("a.png") == (fs.LocalFileSystem(), str(tmp_path / "a.png"))
    assert resolve("~/a.png")[1] == str(tmp_path / "home" / "a.png")


def test_a_tilde_that_is_no_home_is_a_part_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("~$scan.jpg", "~no such user/a.png", "a~.png"):
        assert resolve(name)[1] == str(tmp_path / name)
    assert resolve("~")[1] == str(tmp_path / "home")
    user = pwd.getpwuid(0)
    assert resolve(f"~{user.pw_name}/a.png")[1] == f"{user.pw_dir}/a.png"
    (tmp_path / f"~{user.pw_name}").write_bytes(b"x")
    assert read_file(f"~{user.pw_name}") == b"x"


def test_names_with_unusual_characters(tmp_path: Path) -> None:
    for name in ("a b.bin", "ü#%20?.bin", "c[1]*.bin"):
        write_file(f"{tmp_path}/{name}", b"x")
        assert read_file(f"{tmp_path}/{name}") == b"x"


def test_options_begin_at_a_question_mark_of_a_uri() -> None:
    assert split_options("s3://bucket/a%3Fb.png?region=x#y?z") == ("s3://bucket/a%3Fb.png", "?region=x#y?z")
    assert split_options("file:///a.png#b") == ("file:///a.png", "#b")
    assert split_options("file:///a.png") == ("file:///a.png", "")
    assert split_options("/a?b#c.png") == ("/a?b#c.png", "")


def test_what_comes_and_goes_meanwhile_is_listed_and_removed(tmp_path: Path) -> None:
    folder, ended = tmp_path / "folder", threading.Event()

    def flicker() -> None:
        while not ended.is_set():
            folder.mkdir()
            (folder / "file").touch()
            (folder / "file").unlink(missing_ok=True)
            folder.rmdir()

    thread = threading.Thread(target=flicker)
    thread.start()
    try:
        for _ in range(2000):
            assert names_in(str(folder)) in ([], ["file"])
            remove_file(str(folder / "file"))
    finally:
        ended.set()
        thread.join()
