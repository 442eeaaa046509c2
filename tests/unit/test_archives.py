"""Pictures in archives, behind web addresses and in lists: what `raypipe run` takes besides files and folders."""

from __future__ import annotations

import io
import random
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from http_servers import Quiet, serving
from jobs import pages as rows_in
from jobs import run
from making import tiff
from PIL import Image

from raypipe.errors import InputError, PageError
from raypipe.files import archives, retries
from raypipe.files.paths import read_file
from raypipe.inputs.listing import listed
from raypipe.inputs.pages import documents, page_rows, pages


def png(grey: int = 9) -> bytes:
    file = io.BytesIO()
    Image.new("L", (40, 30), grey).save(file, "PNG")
    return file.getvalue()


FILES = {"a.png": png(), "b/c d.tif": tiff(3), "b/notes.txt": b"text", "__MACOSX/._a.png": b"", "../up.png": png(7)}
MODES = {"zip": "", "tar": "w", "tar.gz": "w:gz", "tgz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}


def archive(folder: Path, suffix: str) -> Path:
    path = folder / f"shard.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, data in FILES.items():
                zipped.writestr(name, data)
        return path
    with tarfile.open(path, MODES[suffix]) as tarred:  # type: ignore[call-overload]
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tarred.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("suffix", MODES)
def test_the_pictures_of_an_archive_are_documents(tmp_path: Path, suffix: str, scheme: str) -> None:
    path = archive(tmp_path, suffix)
    found = list(page_rows(documents(f"{scheme}{path}")))
    assert [(row["name"], row["pagenum"], row["total_pages"]) for row in found] == [
        ("a.png", 0, 1), *((f"c{'%20' if scheme else ' '}d.tif", n, 3) for n in range(3)), ("up.png", 0, 1)
    ]  # fmt: skip
    assert [read_file(row["path"]) for row in found[:2]] == [png(), tiff(3)]
    (again,) = documents(found[0]["path"])
    assert again["path"] == found[0]["path"]


def test_a_glob_may_name_archives_and_a_folder_does_not_give_them(tmp_path: Path) -> None:
    archive(tmp_path, "tar")
    (tmp_path / "x.png").write_bytes(png())
    assert [Path(found.path).name for found in listed(str(tmp_path), None)] == ["x.png"]
    assert len(list(listed(f"{tmp_path}/*.tar", None))) == 3


def test_a_job_reads_an_archive_and_writes_nothing_outside_its_folder(tmp_path: Path) -> None:
    done = run(archive(tmp_path, "zip"), tmp_path / "out" / "results")
    assert done.pages == 5 and not done.outcome.failed
    names = {page.name for page in rows_in(tmp_path / "out" / "results")}
    assert names == {"shard.zip/a.png", "shard.zip/b/c d.tif", "shard.zip/_/up.png"}
    assert run(tmp_path / "shard.zip", tmp_path / "out" / "results").pages == 0


@pytest.mark.parametrize("suffix", ["zip", "tar"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_of_one_name_in_an_archive_are_all_read(tmp_path: Path, suffix: str) -> None:
    path, pictures = tmp_path / f"s.{suffix}", [png(), tiff(1), tiff(2)]
    names = ["a/x.png", "a/x-2.png", "a/x.png"]
    if suffix == "zip":
        with zipfile.ZipFile(path, "w") as zipped:
            for name, data in zip(names, pictures, strict=True):
                zipped.writestr(name, data)
    else:
        with tarfile.open(path, "w") as tarred:
            for name, data in zip(names, pictures, strict=True):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tarred.addfile(info, io.BytesIO(data))
    found = [each.path for each in listed(str(path), None)]
    assert [each.rpartition("/")[2] for each in found] == ["x.png", "x-2.png", "x-3.png"]
    assert [read_file(each) for each in found] == pictures


@pytest.mark.parametrize(("suffix", "name"), [("tar.gz", "s.tar"), ("tar", "s.tgz"), ("tar", "s.tar.xz")])
def test_a_tar_may_be_packed_otherwise_than_its_name_says(tmp_path: Path, suffix: str, name: str) -> None:
    path = archive(tmp_path, suffix).rename(tmp_path / name)
    assert len(list(listed(str(path), None))) == 3


def test_a_tar_may_be_packed_by_zstandard(tmp_path: Path) -> None:
    path = tmp_path / "s.tar.zst"
    path.write_bytes(pa.compress(archive(tmp_path, "tar").read_bytes(), codec="zstd", asbytes=True))
    assert read_file(next(listed(str(path), None)).path) == png()


def test_what_an_archive_holds_that_is_left_out_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as zipped:
        for name in ("a.png", "b.zip", "c.ZIP", "scan", "__MACOSX/x", ".hidden"):
            zipped.writestr(name, png())
    assert len(list(listed(str(tmp_path / "s.zip"), None))) == 1
    assert "3 files left out" in caplog.text and "2 .zip, 1 without suffix" in caplog.text


def test_an_encrypted_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("a.png", png())
    data = bytearray(path.read_bytes())
    for place in (6, data.find(b"PK\1\2") + 8):  # The flags of the file and of its entry in the directory.
        data[place] |= 1
    path.write_bytes(data)
    (found,) = listed(str(path), None)
    with pytest.raises(PageError, match=r"encrypted\. Unpack it with its password"):
        read_file(found.path)


def test_what_is_wrong_with_an_archive_is_said(tmp_path: Path) -> None:
    path = archive(tmp_path, "zip")
    with pytest.raises(PageError, match="holds no z.png"):
        read_file(f"{path}!/z.png")
    (tmp_path / "empty.zip").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty\.zip is damaged: it is empty\. Copy it again"):
        list(listed(str(tmp_path / "empty.zip"), None))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match=r"shard\.zip.* Copy it again"):
        list(listed(str(path), None))
    for files in ({}, {"a.txt": "text"}):
        with zipfile.ZipFile(tmp_path / "none.zip", "w") as none:
            for name, text in files.items():
                none.writestr(name, text)
        with pytest.raises(InputError, match="holds no picture"):
            list(listed(str(tmp_path / "none.zip"), None))


def test_a_folder_may_be_named_like_a_place_in_an_archive(tmp_path: Path) -> None:
    folder = tmp_path / "scans.zip!"
    folder.mkdir()
    (folder / "a.png").write_bytes(png())
    for source in (folder, folder / "a.png", f"{folder}/"):
        (found,) = listed(str(source), None)
        assert read_file(found.path) == png()


@pytest.mark.parametrize(
    "columns",
    [
        {"content": [png(), tiff(3), None], "thumbnail": [b"x"] * 3},
        {"image": [{"bytes": png(), "path": "a"}, {"bytes": tiff(3), "path": None}, None]},
        {"scan": pa.array([png(), tiff(3), b""], pa.large_binary()), "label": ["a", "b", "c"]},
        {"scan": pa.array([png(), tiff(3), b""], pa.binary_view())},
        {"scan": pa.array([png(), tiff(3), b""]).dictionary_encode()},
    ],
    ids=["content", "struct", "only", "view", "dictionary"],
)
def test_each_row_of_a_table_is_a_document(tmp_path: Path, columns: dict[str, Any]) -> None:
    path = tmp_path / "t.parquet"
    try:
        pq.write_table(pa.table(columns), path, row_group_size=2)
    except pa.ArrowNotImplementedError as error:
        pytest.skip(f"this pyarrow cannot write such a column: {error}")
    done = run(path, tmp_path / "out")
    assert dict(done.outcome.failed) == {"BinaryToImage image_empty": 1}
    names = [(page.name, page.pagenum) for page in rows_in(tmp_path / "out")]
    assert names == [("t.parquet/0", 0), *(("t.parquet/1", n) for n in range(3)), ("t.parquet/2", 0)]


def test_a_table_without_pictures_is_said(tmp_path: Path) -> None:
    pq.write_table(pa.table({"label": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"t\.parquet.* Name the column of pictures"):
        list(listed(str(tmp_path / "t.parquet"), None))


class Site(Quiet, BaseHTTPRequestHandler):
    """A picture, a document, and addresses that go wrong."""

    busy = 1

    def do_GET(self) -> None:
        if self.path == "/busy.png" and Site.busy:
            Site.busy -= 1
            self.send_error(503)
        elif self.path == "/away.png":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        elif data := {"/a.png": png(), "/busy.png": png(), "/minutes.tif": tiff(3)}.get(self.path.partition("?")[0]):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)
        else:
            self.send_error(404)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.001)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


def test_documents_behind_web_addresses(site: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{site}/a.png?size=full\n{site}/busy.png\n{site}/minutes.tif\n{site}/no.png\n")
    done = run(tmp_path / "list.txt", tmp_path / "out")
    assert done.pages == 6 and dict(done.outcome.failed) == {"BinaryToImage file_missing": 1}
    assert "404" in done.outcome.reasons["BinaryToImage file_missing"]


@pytest.mark.parametrize(("path", "most", "says"), [("a.png", 5, "more than 5"), ("away.png", None, "302|unknown url")])
def test_a_web_address_has_limits(site: str, path: str, most: int | None, says: str) -> None:
    with pytest.raises(PageError, match=says) as caught:
        read_file(f"{site}/{path}", most)
    assert caught.value.code == ("image_too_large" if most else "file_missing")


def test_a_file_in_an_archive_has_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is only read as a whole, even to count its pages."""
    place = f"{archive(tmp_path, 'zip')}!/b/c d.tif"
    with pytest.raises(PageError, match="over the limit of 5") as caught:
        read_file(place, 5)
    assert caught.value.code == "image_too_large"
    monkeypatch.setattr(archives, "MOST_BYTES", 5)
    assert [page["total_pages"] for page in pages({"path": place})] == [1]


def test_a_file_that_is_larger_than_its_archive_says_is_not_unpacked_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.png", bytes(50_000_000))
    path.write_bytes(path.read_bytes().replace((50_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    tracemalloc.start()
    with pytest.raises(PageError, match="damaged"):
        read_file(f"{path}!/a.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("name", ["é.png", "Łódź.png"])
@pytest.mark.parametrize("encoding", ["latin-1", "iso8859-2", "utf-8"])
def test_names_in_a_tar_may_be_older_than_utf_8(tmp_path: Path, name: str, encoding: str) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding=encoding, errors="replace") as tarred:
        info = tarfile.TarInfo(name)
        info.size = len(png())
        tarred.addfile(info, io.BytesIO(png()))
    (row,) = page_rows(documents(path))
    assert row["name"].encode() and read_file(row["path"]) == png()
    assert encoding == "iso8859-2" or name[0] != "é" or row["name"] == name


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_names_in_a_zip_may_be_utf_8_although_it_does_not_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    def without_flag(self: zipfile.ZipInfo) -> tuple[bytes, int]:
        return self.filename.encode(encoding), self.flag_bits

    monkeypatch.setattr(zipfile.ZipInfo, "_encodeFilenameFlags", without_flag)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr("Größe/Straße.png", png())
    (row,) = page_rows(documents(tmp_path / "a.zip"))
    assert row["path"].endswith("!/Größe/Straße.png") and read_file(row["path"]) == png()


def test_a_part_of_an_archive_is_to_be_unpacked_with_the_others(tmp_path: Path) -> None:
    path = archive(tmp_path, "zip")
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\5\6") + 4] = 2
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"shard\.zip.* one of several parts\. Unpack it"):
        list(listed(str(path), None))


def test_links_in_a_tar_are_files(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo("a/x.png")
        info.size = len(png())
        tar.addfile(info, io.BytesIO(png()))
        for name, kind, target in (
            ("a/hard.png", tarfile.LNKTYPE, "a/x.png"),
            ("b/soft.png", tarfile.SYMTYPE, "../a/x.png"),
            ("b/away.png", tarfile.SYMTYPE, "/etc/passwd"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
    found = [each.path for each in listed(str(tmp_path / "a.tar"), None)]
    assert [each.partition("!/")[2] for each in found] == ["a/x.png", "a/hard.png", "b/soft.png"]
    assert {read_file(each) for each in found} == {png()}


def test_a_list_may_be_text(tmp_path: Path) -> None:
    path = archive(tmp_path, "zip")
    (tmp_path / "list.txt").write_text(f"\ufeffa.png\r\n\n# no\n  sub/gone.png \n{path}\ns3://bucket/x.png\n/b.png")
    found = [each.path for each in listed(str(tmp_path / "list.txt"), None)]
    inside = [f"{path}!/{name}" for name in ("a.png", "b/c d.tif", "../up.png")]
    assert found == [f"{tmp_path}/a.png", f"{tmp_path}/sub/gone.png", *inside, "s3://bucket/x.png", "/b.png"]


def test_a_document_of_a_list_has_one_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "list.txt").write_text(f"a.png\n./a.png\n../{tmp_path.name}/a.png\n{tmp_path}//a.png\n~/a.png\n")
    assert {each.path for each in listed(str(tmp_path / "list.txt"), None)} == {f"{tmp_path}/a.png"}


TABLES = {
    "a.csv": "id,uri,note\none,a.png,\ntwo/b,c.png,x\n",
    "a.tsv": "path\tid\na.png\tone\nc.png\ttwo/b\n",
    "a.jsonl": '{"file": "a.png", "name": "one"}\n\n{"path": "c.png", "id": "two/b"}\n',
    "metadata.jsonl": '{"file_name": "a.png", "id": "one"}\n{"image": {"path": "c.png"}, "id": "two/b"}\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_a_list_may_be_a_table_with_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TABLES[name])
    found = [(each.path, each.name) for each in listed(str(tmp_path / name), None)]
    assert found == [(f"{tmp_path}/a.png", "one"), (f"{tmp_path}/c.png", "two/b")]


def test_names_of_a_list_are_those_of_the_results(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png())
    (tmp_path / "a.csv").write_text("path,id\na.png,letter 7\nb.png,../../x\n")
    run(tmp_path / "a.csv", tmp_path / "out")
    assert [page.name for page in rows_in(tmp_path / "out")] == ["letter 7", "_/_/x"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "", "path or URI per line"),
        ("a.txt", "Größe.png\n", r"not in UTF-8\. Save it in UTF-8"),
        ("a.csv", "path;name\na.png;Größe\n", r"not in UTF-8\. Save it in UTF-8"),
        ("a.csv", "title\nx\n", "has none of path.* column"),
        ("a.csv", 'path\n"x\n', "column"),
        ("a.jsonl", "{", "object per line"),
        ("a.jsonl", "[1]", "object per line"),
        ("a.xml", "<a/>", "not METS"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=f"{name} .*{said}"):
        list(listed(str(tmp_path / name), None))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", '"a.png"\n"b.png"\n{"path":\n', r"a\.jsonl .* after b\.png: Expecting value at character 10 of"),
        ("a.csv", "path;id\na.png;\n;b\n", r"a\.csv .* after a\.png: a row has none of path"),
        ("a.txt", "a.png\0b.png\0", r"a\.txt .* documents: it has NUL characters"),
        ("a.txt", "".join(f"{each}\0" for each in "a.png\n"), "NUL characters"),
    ],
)
def test_where_a_list_is_wrong_is_said(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said):
        list(listed(str(tmp_path / name), None))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("path;id\nx.png;A\n", "utf-8"),
        ("sep=;\r\npath;id\r\nx.png;A\r\n", "utf-8-sig"),
        ("path\tid\nx.png\tA\n", "utf-16"),
        ("Path, ID\nx.png,A\n", "utf-8"),
        ("path;id\r\nx.png;A\r\n;\r\n;;\r\n\r\n", "utf-8"),
    ],
)
def test_tables_as_spreadsheets_write_them(tmp_path: Path, content: str, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(content.encode(encoding))
    ((path, _, _, name),) = listed(str(tmp_path / "a.csv"), None)
    assert (path, name) == (f"{tmp_path}/x.png", "A")


def test_paths_as_windows_writes_them(tmp_path: Path) -> None:
    (tmp_path / "c\\d.png").write_bytes(png())
    (tmp_path / "list.txt").write_text('"a b\\x.png"\r\nc\\d.png\r\n')
    assert [each.path for each in listed(str(tmp_path / "list.txt"), None)] == [
        f"{tmp_path}/a b/x.png", f"{tmp_path}/c\\d.png"
    ]  # fmt: skip


def test_the_rest_of_a_tar_that_cannot_be_read_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("a.png", "b.png"):
            member = tarfile.TarInfo(name)
            member.size = len(png())
            tar.addfile(member, io.BytesIO(png()))
    whole = (tmp_path / "a.tar").read_bytes()
    second = whole.index(b"b.png")
    for end, count, is_told in (
        (len(whole), 2, False),
        (2 * second, 2, False),
        (second + 9, 1, True),
        (second + 520, 2, True),
    ):
        (tmp_path / f"{end}.tar").write_bytes(whole[:end])
        caplog.clear()
        assert len(list(listed(str(tmp_path / f"{end}.tar"), None))) == count
        assert (f"{end}.tar is damaged" in caplog.text) == is_told


METS = """<mets xmlns="http://www.loc.gov/METS/" xmlns:x="http://www.w3.org/1999/xlink"><fileSec>
<fileGrp USE="THUMBS"><file ID="T1" MIMETYPE="image/png"><FLocat x:href="t1.png"/></file></fileGrp>
<fileGrp USE="MAX"><file ID="F1" MIMETYPE="image/tiff"><FLocat x:href="img/1.tif"/></file>
<file ID="F2" MIMETYPE="image/tiff"><FLocat x:href="https://example.org/2.tif"/></file></fileGrp>
<fileGrp USE="FULLTEXT"><file ID="X1" MIMETYPE="text/xml"><FLocat x:href="1.xml"/></file></fileGrp></fileSec>
<structMap TYPE="PHYSICAL"><div TYPE="physSequence">
<div TYPE="page" ORDER="1"><fptr FILEID="F2"/><fptr FILEID="X1"/></div>
<div TYPE="page" ORDER="2"><fptr FILEID="F1"/></div></div></structMap></mets>"""


def test_the_pages_of_a_mets_document(tmp_path: Path) -> None:
    (tmp_path / "mets.xml").write_text(METS)
    found = [each.path for each in listed(str(tmp_path / "mets.xml"), None)]
    assert found == ["https://example.org/2.tif", f"{tmp_path}/img/1.tif"]


@pytest.mark.parametrize(
    ("places", "path"),
    [
        ("<FLocat x:href='img/1%20a.tif'/>", "img/1 a.tif"),
        ("<FLocat LOCTYPE='URL' x:href='file:/in/1.tif'/>", "/in/1.tif"),
        ("<FLocat LOCTYPE='URN' x:href='urn:nbn:1'/><FLocat LOCTYPE='URL' x:href='1.tif'/>", "1.tif"),
        ("<FLocat LOCTYPE='URL' x:href='1.tif'/><FLocat LOCTYPE='URN' x:href='urn:nbn:1'/>", "1.tif"),
        ("<FLocat LOCTYPE='URN' x:href='urn:nbn:1'/>", "urn:nbn:1"),
        ("<FLocat LOCTYPE='URL'/>", "F1"),
        ("", "F1"),
    ],
)
def test_places_of_the_files_of_a_mets_document(tmp_path: Path, places: str, path: str) -> None:
    content = METS.replace('<FLocat x:href="img/1.tif"/>', places)
    (tmp_path / "mets.xml").write_text(content)
    assert [each.path for each in listed(str(tmp_path / "mets.xml"), None)][1] == str(tmp_path / path)


def test_files_of_a_mets_document_without_identifiers_and_in_pdf(tmp_path: Path) -> None:
    bare = METS.replace('ID="F1" ', "").replace('ID="F2" ', "")
    papers = METS.replace("image/tiff", "application/pdf").replace("image/png", "text/xml")
    for content in (bare, papers):
        (tmp_path / "mets.xml").write_text(content)
        assert len(list(listed(str(tmp_path / "mets.xml"), None))) == 2


@pytest.mark.parametrize("suffix", ["tar.gz", "tar.xz"])
def test_of_a_compressed_tar_that_is_cut_off_what_is_there_is_read(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"cut.{suffix}"
    noise = random.Random(0)
    with tarfile.open(path, MODES[suffix]) as tarred:  # type: ignore[call-overload]
        for name in ("a.png", "b.png", "c.png"):
            info = tarfile.TarInfo(name)
            info.size = 20_000
            tarred.addfile(info, io.BytesIO(noise.randbytes(info.size)))
    path.write_bytes(path.read_bytes()[:45_000])
    assert [Path(found.path).name for found in listed(str(path), None)] == ["a.png", "b.png", "c.png"]
    assert "cut off" in caplog.text
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match="damaged"):
        list(listed(str(path), None))
