"""Content of PDF pages that is compressed to next to nothing, on which no page may spend memory and minutes."""

from __future__ import annotations

import zlib

import pikepdf
import pytest
from pdfs import PAGES, stream, written

from raypipe.images.image import Limits, open_image

LIMITS = Limits(max_bytes=10**7, max_megapixels=1, max_pages=1)
LONG = zlib.compress(b"0 0 m " * 700_000, 9)


@pytest.mark.parametrize(
    ("filters", "data"),
    [
        (b"/FlateDecode", LONG),
        (b"[/FlateDecode]", LONG),
        (b"[/FlateDecode /FlateDecode]", zlib.compress(LONG)),
        (b"[/ASCIIHexDecode /FlateDecode]", LONG.hex().encode() + b">"),
    ],
    ids=["once", "a list", "twice", "in digits"],
)
def test_content_that_grows_out_of_a_few_bytes_is_not_taken_apart(
    filters: bytes, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R>>"
    document = written([b"<</Type /Catalog /Pages 2 0 R>>", PAGES, page, stream(b"/Filter " + filters, data)])
    monkeypatch.setattr(pikepdf, "parse_content_stream", lambda *_: pytest.fail("it holds up all other threads"))
    assert open_image(document, "scan.pdf", 0, False, LIMITS).width
