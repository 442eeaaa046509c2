"""Every kind of input gives the same rows in this process, on Ray and, where it can be sent, over HTTP."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import hostile
import jobs
import pikepdf
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from adapters import assert_equal_rows
from http_servers import Quiet, serving
from pipelines import Decoder
from starlette.testclient import TestClient

import raypipe as rp
from raypipe.rows import to_table
from raypipe.run import single
from raypipe.run.served import ServedPipeline
from raypipe.run.settings import Serving

PIPELINE = rp.Pipeline([rp.BinaryToImage(), Decoder()])
HEIC = Path(__file__).parents[1] / "data" / "pictures" / "quarters.heic"
PAM = b"P7\nWIDTH 3\nHEIGHT 2\nDEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\n" + bytes((0, 50, 100, 150, 200, 255))
FORMATS = {
    ".apng": "PNG", ".avif": "AVIF", ".bmp": "BMP", ".gif": "GIF", ".jp2": "JPEG2000", ".jpg": "JPEG", ".mpo": "MPO",
    ".pcx": "PCX", ".pfm": "PFM", ".pgm": "PPM", ".png": "PNG", ".tga": "TGA", ".webp": "WEBP",
}  # fmt: skip
"""Pillow's, by the suffix of their files."""
METS = """<mets xmlns="http://www.loc.gov/METS/" xmlns:x="http://www.w3.org/1999/xlink"><fileSec><fileGrp USE="MAX">
<file ID="F1" MIMETYPE="image/tiff"><FLocat x:href="page.tif"/></file></fileGrp></fileSec>
<structMap TYPE="PHYSICAL"><div TYPE="physSequence"><div TYPE="page" ORDER="1"><fptr FILEID="F1"/></div></div>
</structMap></mets>"""
PASSWORD = "sesame"


def pictures() -> dict[str, bytes]:
    """A file of each kind, with a document that is called like a picture."""
    file = io.BytesIO()
    hostile.picture(1).save(file, "PDF", save_all=True, append_images=[hostile.picture(2)])
    made = {f"a{suffix}": hostile.encoded(name, number) for number, (suffix, name) in enumerate(FORMATS.items())
            if name != "PFM"}  # fmt: skip
    made |= {"a.pfm": hostile.encoded("PPM", mode="F")}
    return made | {
        "a.heic": HEIC.read_bytes(), "a.pam": PAM, "a.pdf": file.getvalue(), "a.tif": hostile.pages(3),
        "pages.png": hostile.pages(2), "broken.jpg": b"no picture",
    }  # fmt: skip


def locked() -> bytes:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(72, 36))
        file = io.BytesIO()
        pdf.save(file, encryption=pikepdf.Encryption(user=PASSWORD, owner="x"))
    return file.getvalue()


def archives(folder: Path) -> Iterator[Path]:
    """A ZIP archive, a TAR archive and a shard of WebDataset's."""
    png, text = hostile.encoded("PNG", 20), b"{}"
    with zipfile.ZipFile(folder / "a.zip", "w") as zipped:
        zipped.writestr("sub/a.png", png)
        zipped.writestr("a.tif", hostile.pages(2))
    for name, files in {"a.tar.gz": {"a.png": png}, "shard-000.tar": {"0001.png": png, "0001.json": text}}.items():
        with tarfile.open(folder / name, "w:gz" if name.endswith("gz") else "w") as tarred:
            for member, data in files.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tarred.addfile(info, io.BytesIO(data))
    yield from (folder / name for name in ("a.zip", "a.tar.gz", "shard-000.tar"))


def lists(folder: Path, site: str) -> Iterator[Path]:
    """A table of pictures, lists of several formats, one of them of web addresses, and a METS document."""
    (folder / "locked.pdf").write_bytes(locked())
    (folder / "page.tif").write_bytes(hostile.pages(2))
    (folder / "named.png").write_bytes(hostile.encoded("PNG", 21))
    pq.write_table(pa.table({"content": [hostile.encoded("WEBP", 22, "RGB"), hostile.pages(2)]}), folder / "t.parquet")
    (folder / "web.txt").write_text(f"{site}/page.tif\n{site}/gone.png\n")
    (folder / "ids.csv").write_text(f"path,id,password\nlocked.pdf,box 7,{PASSWORD}\n")
    (folder / "ids.jsonl").write_text(json.dumps({"file": "named.png", "id": "letter 8"}))
    (folder / "mets.xml").write_text(METS)
    yield from (folder / name for name in ("t.parquet", "web.txt", "ids.csv", "ids.jsonl", "mets.xml"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server for the folder `beside`."""

    class Folder(Quiet, SimpleHTTPRequestHandler):
        pass

    handler = partial(Folder, directory=str(tmp_path / "beside"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def sources(tmp_path: Path, site: str) -> list[Path]:
    """A folder of pictures and documents, and all that has to be named outright."""
    for name in ("in", "beside"):
        (tmp_path / name).mkdir()
    for name, data in pictures().items():
        (tmp_path / "in" / name).write_bytes(data)
    return [tmp_path / "in", *archives(tmp_path / "beside"), *lists(tmp_path / "beside", site)]


def rows(pages: Sequence[rp.Page]) -> list[dict[str, Any]]:
    return to_table([dict(page) for page in pages], PIPELINE.graph.columns).to_pylist()


@pytest.mark.slow
def test_a_job_gives_the_same_rows_on_ray(sources: list[Path], tmp_path: Path, ray_cluster: None) -> None:
    found = []
    for engine in ("local", "ray"):
        done = jobs.run(sources, tmp_path / engine, PIPELINE, engine=engine)
        assert dict(done.outcome.failed) == {"BinaryToImage image_unknown": 1, "BinaryToImage file_missing": 1}
        found.append(jobs.pages(tmp_path / engine, PIPELINE))
    assert_equal_rows(*map(rows, found))
    counts = Counter(page.name for page in found[0])
    several = {"in/a.pdf": 2, "in/a.tif": 3, "in/pages.png": 2, "beside/a.zip/a.tif": 2, "beside/t.parquet/1": 2}
    alone = {"beside/shard-000.tar/0001.png": 1, "box 7": 1, "letter 8": 1}
    assert {name: counts[name] for name in (*several, *alone)} == {**several, **alone}
    assert len(counts) == len(pictures()) + 11


def test_a_server_gives_the_rows_of_the_local_run(sources: list[Path]) -> None:
    application = single.application(ServedPipeline(PIPELINE.graph, {}, Serving()))
    with TestClient(application) as client:
        for path in sorted(sources[0].iterdir()):
            ours = list(PIPELINE.run(path))
            answer = client.post("/v1/ocr", content=path.read_bytes()).json()
            if ours[0].exception:
                assert (path.name, answer["code"]) == ("broken.jpg", "image_unknown")
                continue
            assert [
                (page["pagenum"], page["total_pages"], page["width"], page["height"], page["text"])
                for page in answer["pages"]
            ] == [(page.pagenum, page.total_pages, page.width, page.height, page.text) for page in ours], path.name
