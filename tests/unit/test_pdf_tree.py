"""PDFs whose page tree says a wrong number of pages."""

from __future__ import annotations

import io
import re
from contextlib import closing
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from pdfs import written

from raypipe.files.ranged import SMALL_BYTES, HeldFile, RangedFile
from raypipe.images.base import Wanted
from raypipe.images.image import Image, Limits, open_image
from raypipe.images.kinds import page_count
from raypipe.images.pdf import PdfPages
from raypipe.images.pdf_tree import recounted

CATALOGUE = b"<</Type /Catalog /Pages 2 0 R>>"
LIMITS = Limits(max_bytes=10**7, max_megapixels=100, max_pages=10)


def page(parent: int, width: int) -> bytes:
    return b"<</Type /Page /Parent %d 0 R /MediaBox [0 0 %d 36]>>" % (parent, width)


def flat(count: bytes) -> bytes:
    """Three pages, 36, 72 and 108 points wide, below a node that says it has `count`."""
    pages = [page(2, 36 * n) for n in (1, 2, 3)]
    return written(
        [b"<</Type /Catalog /Pages 2 0 R>>", b"<</Type /Pages /Kids [3 0 R 4 0 R 5 0 R] %s>>" % count, *pages]
    )


def nested(top: int, first: int, second: int) -> bytes:
    """The same, of which two are below a node of their own."""
    nodes = (
        b"<</Type /Pages /Kids [3 0 R 4 0 R] /Count %d>>" % top,
        b"<</Type /Pages /Parent 2 0 R /Kids [5 0 R 6 0 R] /Count %d>>" % first,
        b"<</Type /Pages /Parent 2 0 R /Kids [7 0 R] /Count %d>>" % second,
    )
    return written([CATALOGUE, *nodes, page(3, 36), page(3, 72), page(4, 108)])


def read(data: bytes | str) -> list[Image]:
    held, name = (None, data) if isinstance(data, str) else (data, "a.pdf")
    count = page_count(Path(data).read_bytes()) if isinstance(data, str) else page_count(data)
    return [open_image(held, name, n, True, LIMITS) for n in range(count)]


def widths(pages: list[Image]) -> list[int]:
    """How many times wider than high they are."""
    return [round(image.width / image.height) for image in pages]


@pytest.mark.parametrize("data", [flat(b"/Count 3"), flat(b""), nested(3, 2, 1), nested(3, 1, 1)])
def test_a_right_number_is_not_complained_about(data: bytes) -> None:
    pages = read(data)
    assert widths(pages) == [1, 2, 3] and not any(image.warning for image in pages)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (flat(b"/Count 1"), "1 page"),
        (flat(b"/Count 5"), "5 pages"),
        (nested(2, 2, 1), "2 pages"),
        (nested(5, 2, 1), "5 pages"),
        (nested(5, 4, 1), "5 pages"),
    ],
)
def test_the_pages_that_are_there_are_read(
    data: bytes, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.pdf").write_bytes(data)
    for pages in (read(data), read(str(tmp_path / "a.pdf"))):
        assert widths(pages) == [1, 2, 3]
        assert all(image.pixels().all() for image in pages)
        assert f"its page tree claims {said}, but has 3." in caplog.text
        assert all(image.warning in caplog.text and image.warning for image in pages[int(said[0]) :])


def test_a_locked_document_is_counted_once_it_is_open(tmp_path: Path) -> None:
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(flat(b"/Count 5"))) as document:
        document.save(file, encryption=pikepdf.Encryption(owner="owner", user=""))
    assert widths(read(file.getvalue())) == [1, 2, 3]


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("mode", pikepdf.ObjectStreamMode.__members__.values())
@pytest.mark.parametrize("is_linear", [False, True])
def test_documents_are_counted_however_they_are_stored(
    mode: pikepdf.ObjectStreamMode, is_linear: bool, before: bytes, tmp_path: Path
) -> None:
    file, path = io.BytesIO(), tmp_path / "a.pdf"
    with pikepdf.open(io.BytesIO(nested(2, 2, 1))) as document:
        document.save(file, object_stream_mode=mode, linearize=is_linear, compress_streams=False)
    path.write_bytes(before + file.getvalue().replace(b"/Count 3", b"/Count 2"))
    assert len(pypdfium2.PdfDocument(path)) == 2
    for pages in (read(path.read_bytes()), read(str(path))):
        assert widths(pages) == [1, 2, 3]
        assert [bool(image.pixels().all()) for image in pages] == [True] * 3


def test_a_large_document_is_not_held_in_memory(tmp_path: Path) -> None:
    path, size = tmp_path / "a.pdf", 200 * 1024 * 1024
    data = flat(b"/Count 1")
    head, rest = data[:9], data[9:]
    table = rest.index(b"xref\n")
    places = re.sub(rb"(\d{10}) 00000 n", lambda place: b"%010d 00000 n" % (int(place[1]) + size), rest[table:])
    places = re.sub(rb"startxref\n(\d+)", lambda place: b"startxref\n%d" % (int(place[1]) + size), places)
    with path.open("wb") as file:
        file.write(head)
        file.seek(size + len(head))
        file.write(rest[:table] + places)
    with closing(PdfPages(RangedFile(str(path)), str(path))) as document:
        assert len(document) == 3
        assert document.describe(2, Wanted()).warning


@pytest.mark.parametrize("is_linear", [False, True])
def test_a_large_document_in_a_bucket_is_counted_unless_qpdf_would_look_at_all_of_it(is_linear: bool) -> None:
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(flat(b""))) as document:
        document.pages[0].Contents = document.make_stream(b" " * SMALL_BYTES)
        document.save(file, linearize=is_linear, compress_streams=False)
    remote = HeldFile(file.getvalue().replace(b"/Count 3", b"/Count 2"))
    remote.name = "s3://scans/a.pdf"
    assert bool(recounted(remote, ())) == (not is_linear)


def test_a_tree_that_leads_back_to_itself_ends() -> None:
    assert page_count(nested(5, 2, 1).replace(b"[7 0 R]", b"[2 0 R]")) >= 1


def test_what_pikepdf_says_of_a_tree_is_not_told_without_the_document(caplog: pytest.LogCaptureFixture) -> None:
    data = written([CATALOGUE, b"<</Type /Pages /Kids [3 0 R null] /Count 2>>", page(2, 36)])
    assert open_image(data, "a.pdf", 0, True, LIMITS).pixels().all()
    assert all("a.pdf" in record.getMessage() for record in caplog.records)
