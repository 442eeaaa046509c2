"""Pictures that are larger than they may be, and pages that are not there."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from making import encoded
from opening import failure, opened, tiff_of_pages

from raypipe.images.image import Limits


def png_of(width: int, height: int) -> bytes:
    """A PNG file that claims a size and holds nothing."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [13_000, 60_000])
def test_a_header_that_claims_too_many_pixels(side: int) -> None:
    error = failure(png_of(side, side))
    assert error.code == "image_too_large"
    assert "limit of 150 megapixels" in str(error)
    assert "max_megapixels" in error.remedy


def test_a_raised_limit_is_the_limit() -> None:
    """Pillow has one of its own, at 179 megapixels with a warning and at twice that with an error."""
    for side in (15_000, 20_000):
        image = opened(b"P5 %d %d 255\n" % (side, side), limits=Limits(1000, 500, 1))
        assert (image.width, image.height) == (side, side)


def test_too_many_bytes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    error = failure(encoded(noise, "PNG"), Limits(1000, 150, 1))
    assert error.code == "image_too_large"
    assert "1,000" in str(error)
    assert "max_bytes" in error.remedy


@pytest.mark.parametrize("page", [3, 50])
def test_a_page_beyond_the_end(page: int) -> None:
    error = failure(tiff_of_pages(3), page=page)
    assert error.code == "page_missing"
    assert f"no page {page + 1}. It has 3." in str(error)


def test_a_page_beyond_the_limit() -> None:
    error = failure(tiff_of_pages(3), Limits(10_000_000, 150, 2), page=2)
    assert error.code == "page_missing"
    assert "Page 3 of " in str(error) and "the limit of 2 pages" in str(error)
