"""JPEG XL: sizes from headers, and pixels where the package that decodes it is installed."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from raypipe.errors import PageError
from raypipe.images import jxl
from raypipe.images.image import Limits, open_image
from raypipe.images.kinds import kind_of, suffixes

LIMITS = Limits(max_bytes=10**7, max_megapixels=100, max_pages=10)


def packed(*numbers: tuple[int, int]) -> bytes:
    """A picture's own data that begin with numbers of so many bits, the lowest first."""
    value, place = 0, 0
    for number, bits in numbers:
        value, place = value | number << place, place + bits
    return jxl.CODESTREAM + value.to_bytes(16, "little")


PLAIN, TURNED = ((1, 1),), ((0, 1), (1, 1), (5, 3))
"""Metadata that are all as usual, and those of a picture to be turned by 90 degrees."""
SMALL = (1, 1), (7, 5), (0, 3), (9, 5)
"""64 pixels high and 80 wide, in multiples of 8."""


def boxed(*boxes: tuple[bytes, bytes], last: bytes = b"") -> bytes:
    """A container with these boxes, of which the last one is longer than 32 bits could say."""
    found = b"".join((8 + len(data)).to_bytes(4, "big") + kind + data for kind, data in boxes)
    return jxl.CONTAINER + found + (b"\0\0\0\1jxlc" + (16 + len(last)).to_bytes(8, "big") + last if last else b"")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jxl, "find_spec", lambda name: object())


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("data", "size"),
    [
        (packed(*SMALL, *PLAIN), (80, 64)),
        (packed(*SMALL, *TURNED), (64, 80)),
        (packed(*SMALL, (0, 1), (0, 1)), (80, 64)),
        (packed((1, 1), (9, 5), (4, 3), *PLAIN), (120, 80)),
        (packed((0, 1), (0, 2), (82, 9), (0, 3), (1, 2), (5000, 13), *PLAIN), (5001, 83)),
        (packed((0, 1), (3, 2), (70_000, 30), (7, 3), *TURNED), (70_001, 140_002)),
        (boxed((b"ftyp", b"jxl "), (b"jxlc", packed(*SMALL, *PLAIN))), (80, 64)),
        (boxed((b"jxlp", b"\0\0\0\0" + packed(*SMALL, *PLAIN))), (80, 64)),
        (boxed(last=packed(*SMALL, *PLAIN)), (80, 64)),
    ],
)
def test_the_size_is_in_the_header(data: bytes, size: tuple[int, int]) -> None:
    assert kind_of(data) is jxl.KIND and ".jxl" in suffixes()
    found = jxl.describe(data, "a.jxl", 0, None)  # type: ignore[arg-type]
    assert (found.width, found.height) == size


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "data", [boxed(), boxed((b"Exif", b"0000")), boxed((b"jxlc", b"none")), jxl.CONTAINER + bytes(9)]
)
def test_a_container_without_a_picture_is_damaged(data: bytes) -> None:
    with pytest.raises(PageError, match="no picture") as caught:
        open_image(data, "a.jxl", 0, False, LIMITS)
    assert caught.value.code == "image_damaged"


@pytest.mark.usefixtures("installed")
def test_a_header_that_claims_too_much_is_refused_before_anything_is_decoded() -> None:
    with pytest.raises(PageError) as caught:
        open_image(packed((0, 1), (3, 2), (70_000, 30), (7, 3), *PLAIN), "a.jxl", 0, False, LIMITS)
    assert caught.value.code == "image_too_large"


def test_without_the_package_the_row_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jxl, "find_spec", lambda name: None)
    with pytest.raises(PageError, match=r"raypipe\[jxl\]") as caught:
        open_image(packed(*SMALL, *PLAIN), "a.jxl", 0, False, LIMITS)
    assert caught.value.code == "image_unknown"


@pytest.mark.skipif(find_spec("imagecodecs") is None, reason="the extra jxl is not installed")
@pytest.mark.parametrize("shape", [(41, 60), (41, 60, 3), (41, 60, 4)])
def test_pixels_are_decoded(shape: tuple[int, ...]) -> None:
    from imagecodecs import jpegxl_encode

    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    data = jpegxl_encode(values, lossless=True)
    pixels = open_image(data, "a.jxl", 0, False, LIMITS).pixels()
    colours = np.repeat(values[:, :, None], 3, 2) if values.ndim == 2 else values[:, :, 2::-1]
    alpha = values[:, :, 3:] / 255 if shape[2:] == (4,) else np.ones((41, 60, 1))
    assert np.abs(pixels - (colours * alpha + 255 * (1 - alpha))).max() < 1.01
    with pytest.raises(PageError) as caught:
        open_image(data[: len(data) // 2], "a.jxl", 0, False, LIMITS).pixels()
    assert caught.value.code == "image_truncated"


@pytest.mark.skipif(find_spec("imagecodecs") is None, reason="the extra jxl is not installed")
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize(("inks", "shades"), [((0.02, 0.4), [255, 5, 102]), ((0.9, 1), [0, 229.5, 255])])
def test_ink_on_nothing(bits: int, inks: tuple[float, ...], shades: list[float]) -> None:
    """The brightest value is that of an ink, not of paper; nothing but bright ink is laid on black."""
    from imagecodecs import jpegxl_encode

    most = (1 << bits) - 1
    row = np.array([[0] * 4, *([round(ink * most)] * 3 + [most] for ink in inks)])
    values = row[None].repeat(9, 0).astype(np.uint8 if bits == 8 else np.uint16)
    data = jpegxl_encode(values, lossless=True, bitspersample=bits)
    assert np.abs(open_image(data, "a.jxl", 0, True, LIMITS).pixels() - shades).max() <= 2
