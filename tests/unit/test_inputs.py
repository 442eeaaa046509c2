from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import pytest
from listed import FILES, make, names
from making import tiff
from pyarrow import fs

from raypipe.errors import InputError, PageError
from raypipe.files import retries
from raypipe.files.paths import read_file, resolve
from raypipe.inputs import listing
from raypipe.inputs.pages import documents, named, page_rows, pages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "in", *FILES)


def test_a_folder_gives_its_pictures_in_order(folder: Path) -> None:
    found = list(documents(folder))
    assert names(found, folder) == ["a.jpg", "b.PNG", "sub/c.tiff", "sub/deeper/d.webp"]
    assert all(row["content"] is None for row in found)


def test_a_file_named_outright_is_taken_whatever_it_is_called(folder: Path) -> None:
    assert names(documents([f"{folder}/sub/e.doc", folder / ".hidden.png"]), folder) == ["sub/e.doc", ".hidden.png"]


def test_sources_keep_their_order(folder: Path) -> None:
    found = documents([folder / "sub", folder / "a.jpg", b"first", b"second"])
    assert [(row["path"], row["content"]) for row in found] == [
        (f"{folder}/sub/c.tiff", None),
        (f"{folder}/sub/deeper/d.webp", None),
        (f"{folder}/a.jpg", None),
        ("bytes-2", b"first"),
        ("bytes-3", b"second"),
    ]


def test_bytes_alone() -> None:
    assert list(documents(b"picture")) == [{"path": "bytes-0", "content": b"picture"}]


def test_uris_keep_their_scheme(folder: Path) -> None:
    assert names(documents(f"file://{folder}/sub"), folder) == [
        f"file://{folder}/sub/c.tiff",
        f"file://{folder}/sub/deeper/d.webp",
    ]


@pytest.mark.parametrize("source", ["gone.png", "gone/", "*.bmp", "gone/**/*.png", "empty"])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_what_names_nothing_is_an_error_that_names_it(folder: Path, source: str, scheme: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        list(documents([f"{scheme}{folder}/{source}"]))
    assert source.strip("/*") in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "source",
    [
        "",
        "file:///d/a b.jpg",
        "abc://x",
        "abc://x/*.jpg",
        "~$scan.jpg",
        "~$*.jpg",
        "a\0.jpg",
    ],
)
def test_what_cannot_be_listed_is_an_error_of_one_line(source: str) -> None:
    with pytest.raises(InputError) as caught:
        list(documents(source))
    assert source in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.remedy


def test_a_file_system_that_fails_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(uri: str) -> None:
        raise OSError("Network unreachable.\nSecond line")

    monkeypatch.setattr(listing, "resolve", unreachable)
    with pytest.raises(InputError, match=r"^s3://bucket/x cannot be listed: Network unreachable\. [^\n]*$"):
        list(documents("s3://bucket/x"))


def test_a_file_may_begin_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("~t.jpg", "~[1].jpg"):
        (tmp_path / name).write_bytes(b"x")
        assert names(documents(name), tmp_path) == [name]


def test_pictures_are_in_the_order_of_their_whole_paths(tmp_path: Path) -> None:
    make(
        tmp_path, "a/1.png", "a-b/1.png", "a.png", "a/b/1.png", "a/b.png", "a0.png", "A.png", "ä.png", "jpg", ".b/c.png"
    )
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone.png")
    found = names(documents(tmp_path), tmp_path)
    assert found == sorted(found)
    assert len(found) == 9


def test_an_unreadable_folder_is_a_row_and_the_rest_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is made here, for nothing is unreadable to root."""
    make(tmp_path, "a.png", "secret/b.png", "shared/c.png")
    scandir = os.scandir

    def guarded(path: str) -> object:
        if path.rstrip("/") == str(tmp_path / "secret"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    (tmp_path / "to itself.png").symlink_to(tmp_path / "to itself.png")
    found = list(documents(tmp_path))
    assert names(found, tmp_path) == ["a.png", "secret", "shared/c.png", "to itself.png"]
    with pytest.raises(PageError, match="secret cannot be read"):
        read_file(found[1]["path"])
    assert len(pages(found[1])) == 1
    with pytest.raises(InputError, match="Permission denied"):
        list(documents(tmp_path / "secret"))


def test_a_name_that_is_not_utf_8_is_a_row(tmp_path: Path) -> None:
    make(tmp_path, "a.png", os.fsdecode(b"b\xff.png"), os.fsdecode(b"c\xff/d.png"))
    for source in (tmp_path, f"{tmp_path}/**/*.png"):
        found = list(documents(source))
        assert names(found, tmp_path) == ["a.png", "b\ufffd.png", "c\ufffd/d.png"]
        with pytest.raises(PageError, match="cannot be read.*convmv"):
            read_file(found[1]["path"])


def test_links_list_each_folder_once(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "in/sub/b.png", "other/c.png")
    (tmp_path / "in" / "sub" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "twice").symlink_to(tmp_path / "in" / "sub")
    (tmp_path / "in" / "other").symlink_to(tmp_path / "other")
    (tmp_path / "in" / "z.png").symlink_to(tmp_path / "other" / "c.png")
    expected = ["a.png", "other/c.png", "sub/b.png", "z.png"]
    assert names(documents(tmp_path / "in"), tmp_path / "in") == expected
    assert names(documents(f"file://{tmp_path}/in"), f"file://{tmp_path}/in") == expected


def without(source: Path | str, left_out: Path | str) -> list[dict[str, object]]:
    """What is listed of a source, without a folder, as of a job without its output."""
    return [{"path": found.path} for found in listing.listed(str(source), str(left_out))]


@pytest.mark.parametrize("source", ["", "/**/*.png", "way://"])
def test_results_of_other_jobs_are_left_out_and_said(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "a.png", "old/pipeline.toml", "old/job.json", "old/overlays/a.png", "own/job.json", "own/b.png")
    if source == "way://":
        monkeypatch.setattr(
            listing, "resolve", lambda _: (fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()), "")
        )
    found = [each.path for each in listing.listed(source if "://" in source else f"{tmp_path}{source}", None)]
    assert [PurePosixPath(path).name for path in found] == ["a.png", "b.png"]
    assert "old is left out: it holds the results of a job" in caplog.text
    if not source:
        named = [each.path for each in listing.listed(str(tmp_path / "old"), None)]
        assert named == [str(tmp_path / "old" / "overlays" / "a.png")]


@pytest.mark.parametrize("pattern", ["", "/**/*.png", "/*"])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_may_be_left_out(tmp_path: Path, pattern: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "in/a.png", "in/out/b.png", "in/out/overlays/c.png", "in/output/d.png", "in/sub/out/e.png")
    (tmp_path / "in" / "sub" / "f.png").symlink_to(tmp_path / "in" / "out" / "b.png")
    (tmp_path / "in" / "sub" / "link").symlink_to(tmp_path / "in" / "out" / "overlays")
    (tmp_path / "way").symlink_to(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    for left_out in (tmp_path / "in" / "out", "in/out", "way/out", "in/sub/../out/"):
        for source in (f"{scheme}{tmp_path}/in", f"{scheme}{tmp_path}/way"):
            found = without(f"{source}{pattern}", left_out)
            assert names(found, source) == ["a.png", "output/d.png", "sub/out/e.png"]


def test_what_is_named_outright_is_never_left_out(tmp_path: Path) -> None:
    make(tmp_path, "out/b.png")
    assert names(without(tmp_path / "out" / "b.png", tmp_path / "out"), tmp_path) == ["out/b.png"]
    assert names(without(tmp_path, tmp_path / "gone"), tmp_path) == ["out/b.png"]
    for source in ("out", "out/*.png"):
        with pytest.raises(InputError, match="lies in"):
            without(f"{tmp_path}/{source}", tmp_path / "out")


@pytest.mark.parametrize("name", ["a b.png", "ü.png", "50%.png", "no#1.png", "what?.png", "%20.png", "a*[1].png"])
@pytest.mark.parametrize("options", ["", "?a=b&c=/*d"])
def test_files_found_below_a_uri_can_be_read(tmp_path: Path, name: str, options: str) -> None:
    make(tmp_path, name, f"ż #1/{name}")
    for pattern in ("", "/", "/**/*.png", f"/**/{quote(name[:-4])}*"):
        first, second = documents(f"file://{tmp_path}{pattern}{options}")
        assert first["path"] == f"file://{tmp_path}/{quote(name)}{options}"
        assert read_file(first["path"]) == read_file(second["path"]) == b"x"
    (row,) = documents(f"file://{tmp_path}/%C5%BC%20%231{options}")
    assert row["path"] == second["path"]
    assert list(documents(row["path"])) == [row]


def test_an_encoded_mark_in_a_uri_stands_for_itself(tmp_path: Path) -> None:
    make(tmp_path, "a*1.png", "ab1.png", "a[1.png", "a?1.png", "[b]2.png")
    for pattern, expected in (
        ("a%2a*", ["a%2A1.png"]),
        ("a%5B*", ["a%5B1.png"]),
        ("a%3F*", ["a%3F1.png"]),
        ("%5Bb]*", ["%5Bb%5D2.png"]),
    ):
        assert names(documents(f"file://{tmp_path}/{pattern}"), f"file://{tmp_path}") == expected


def test_a_question_mark_in_a_uri_begins_its_options(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png")
    assert names(documents(f"file://{tmp_path}/a.png?.png"), f"file://{tmp_path}") == ["a.png?.png"]


REGION = "?region=eu-west-1&endpoint_override=localhost:9000&scheme=http"


@pytest.mark.parametrize(
    ("source", "expected", "path"),
    [
        (f"s3://bucket{REGION}", f"s3://bucket/in/a%20b.png{REGION}", "bucket/in/a b.png"),
        (f"s3://bucket/{REGION}", f"s3://bucket/in/a%20b.png{REGION}", "bucket/in/a b.png"),
        (f"s3://bucket/in/{REGION}", f"s3://bucket/in/a%20b.png{REGION}", "bucket/in/a b.png"),
        (f"s3://bucket/i[n]/*{REGION}", f"s3://bucket/in/a%20b.png{REGION}", "bucket/in/a b.png"),
        (f"s3://key:secret@bucket/*/*{REGION}", f"s3://key:secret@bucket/in/a%20b.png{REGION}", "bucket/in/a b.png"),
        ("gs://anonymous@bucket/in", "gs://anonymous@bucket/in/a%20b.png", "bucket/in/a b.png"),
        (
            "abfs://bucket@account.dfs.core.windows.net",
            "abfs://bucket@account.dfs.core.windows.net/in/a%20b.png",
            "bucket/in/a b.png",
        ),
        (
            "abfs://account.dfs.core.windows.net/bucket/in/*",
            "abfs://account.dfs.core.windows.net/bucket/in/a%20b.png",
            "/bucket/in/a b.png",
        ),
    ],
)
def test_listed_uris_keep_their_account_and_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, expected: str, path: str
) -> None:
    make(tmp_path, "bucket/in/a b.png")
    local = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    monkeypatch.setattr(listing, "resolve", lambda uri: (local, resolve(uri)[1].strip("/")))
    (row,) = documents(source)
    assert row["path"] == expected
    kept, given = resolve(row["path"]), resolve(source.replace("[n]", "n").replace("*", "x"))
    assert kept[1] == path
    assert kept[0].equals(given[0])
    assert len(pages(row)) == 1
    assert named(row)["name"] == "a%20b.png"


@pytest.mark.parametrize(("scheme", "options"), [("s3", REGION), ("gs", "")])
def test_all_buckets_may_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, options: str) -> None:
    make(tmp_path, "bucket/a.png")
    local = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    monkeypatch.setattr(listing, "resolve", lambda uri: (local, resolve(uri)[1]))
    assert [row["path"] for row in documents(f"{scheme}://{options}")] == [f"{scheme}://bucket/a.png{options}"]


def test_a_busy_bucket_is_waited_out_while_it_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "bucket/a.png", "bucket/b/c.png")
    asked = list[object]()

    class Busy(fs.SubTreeFileSystem):  # type: ignore[misc]
        def get_file_info(self, what: object) -> object:
            asked.append(what)
            if len(asked) % 2:
                raise OSError("AWS Error SLOW_DOWN during ListObjectsV2 operation: Please reduce your request rate.")
            return super().get_file_info(what)

    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(listing, "resolve", lambda uri: (Busy(str(tmp_path), fs.LocalFileSystem()), resolve(uri)[1]))
    found = [row["path"] for row in documents(f"s3://bucket{REGION}")]
    assert found == [f"s3://bucket/{name}{REGION}" for name in ("a.png", "b/c.png")]
    assert len(asked) == 6, "the bucket, and its two folders"


@pytest.mark.parametrize("suffix", ["tif", "TIFF", "scan", "png"])
def test_a_tiff_of_pages_becomes_rows(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"minutes.{suffix}"
    path.write_bytes(tiff(3))
    (document,) = documents(path)
    expected = [(str(path), n, 3) for n in range(3)]
    assert [(row["path"], row["pagenum"], row["total_pages"]) for row in pages(document)] == expected
    assert [row["pagenum"] for row in pages({"path": "bytes-0", "content": tiff(3)})] == [0, 1, 2]


@pytest.mark.parametrize("content", [b"", b"no picture", b"II*\0garbage", tiff(3)[:300]])
def test_what_cannot_be_opened_is_one_page(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.tif"
    path.write_bytes(content)
    assert len(pages({"path": str(path), "content": None})) == 1
    assert len(pages({"path": "bytes-0", "content": content})) == 1


def test_a_missing_file_is_one_page() -> None:
    assert len(pages({"path": "/no/such/file.tif", "content": None})) == 1
    assert len(pages({"path": "nosuchscheme://file.tif", "content": None})) == 1


def test_names() -> None:
    assert named({"path": "/a/b/c.png"})["name"] == "c.png"
    assert named({"path": "s3://bucket/b/c.png"})["name"] == "c.png"
    assert named({"path": "/a/b/c.png", "name": "mine"})["name"] == "mine"


def test_a_name_that_is_not_utf8_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "ok.png").write_bytes(b"x")
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    outright = [str(path) for path in sorted(tmp_path.iterdir())]
    assert names(documents(outright), tmp_path) == names(documents(tmp_path), tmp_path) == ["caf\ufffd.png", "ok.png"]


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe: to open it without a writer waits for ever."""
    os.mkfifo(tmp_path / "pipe.png")
    return tmp_path / "pipe.png"


def test_what_is_neither_a_file_nor_a_folder_is_said(pipe: Path) -> None:
    for place, kind in {"/dev/null": "a device", str(pipe): "a pipe"}.items():
        with pytest.raises(InputError, match=f"^{place} is {kind}, not a file. Give"):
            list(documents(place))


def test_a_pipe_in_a_list_is_not_waited_for(pipe: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("pipe.png")
    (page,) = page_rows(documents(tmp_path / "list.txt"))
    with pytest.raises(PageError, match=r"pipe\.png cannot be read: it is a pipe, not a file\."):
        read_file(page["path"])


def test_files_that_a_folder_holds_and_that_are_left_out_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "a.png", "b.docx", "sub/c.DOCX", "d", ".hidden")
    (tmp_path / "e.png").symlink_to(tmp_path / "gone.png")
    os.mkfifo(tmp_path / "f.png")
    os.mkfifo(tmp_path / "g.png")
    assert names(documents(tmp_path), tmp_path) == ["a.png"]
    assert "6 files left out" in caplog.text
    for kind in ("2 .docx", "1 broken link", "2 special files"):
        assert kind in caplog.text
    caplog.clear()
    assert names(documents(f"{tmp_path}/*.png"), tmp_path) == ["a.png"]
    assert not caplog.text
