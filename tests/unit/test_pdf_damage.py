"""Pictures in PDFs that are cut off or damaged are told."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from making import encoded
from pdfs import FONT, PAGES, stream, written

from raypipe.images.image import Limits, open_image

LIMITS = Limits(max_bytes=10**7, max_megapixels=100, max_pages=10)
NOISE = np.random.default_rng(1).integers(0, 256, (60, 80), np.uint8)
RAW = NOISE.tobytes()
DATA = {
    "": RAW,
    "/FlateDecode": zlib.compress(RAW),
    "/DCTDecode": encoded(NOISE, "JPEG"),
    "/JPXDecode": encoded(NOISE, "JPEG2000"),
    "[/FlateDecode /DCTDecode]": zlib.compress(encoded(NOISE, "JPEG")),
}


def warning(name: str, data: bytes) -> str:
    page = (
        b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 80 60] /Contents 4 0 R /Resources <</XObject <</I0 6 0 R>>>>>>",
        stream(b"", b"80 0 0 60 0 0 cm /I0 Do"),
    )
    entries = b"/Type /XObject /Subtype /Image /Width 80 /Height 60 /ColorSpace /DeviceGray /BitsPerComponent 8"
    picture = stream(entries + (f" /Filter {name}".encode() if name else b""), data)
    document = written([b"<</Type /Catalog /Pages 2 0 R>>", PAGES, *page, FONT, picture])
    return open_image(document, "a.pdf", 0, True, LIMITS).warning


@pytest.mark.parametrize("name", DATA)
def test_whole_pictures_are_not_complained_about(name: str) -> None:
    assert warning(name, DATA[name]) == ""


@pytest.mark.parametrize("part", [0, 0.5, 0.98])
@pytest.mark.parametrize("name", DATA)
def test_pictures_that_are_cut_off_are_told(name: str, part: float) -> None:
    found = warning(name, DATA[name][: int(part * len(DATA[name]))])
    assert found == "1 of 1 pictures on the page are damaged or cut off"


def test_a_filter_that_nobody_knows_is_told() -> None:
    assert warning("/OddDecode", RAW) == "1 of 1 pictures on the page are damaged or cut off"


def test_a_wrong_checksum_is_told() -> None:
    assert warning("/FlateDecode", DATA["/FlateDecode"][:-4] + b"abcd")


def test_a_missing_checksum_is_not() -> None:
    assert not warning("/FlateDecode", DATA["/FlateDecode"][:-4])
