"""PDFs whose page tree says a wrong number of pages."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest
from pdfs import written

from raypipe.images.image import Image, Limits, open_image
from raypipe.images.kinds import page_count

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


def test_a_tree_that_leads_back_to_itself_ends() -> None:
    assert page_count(nested(5, 2, 1).replace(b"[7 0 R]", b"[2 0 R]")) >= 1
