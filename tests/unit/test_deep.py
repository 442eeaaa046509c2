"""Pictures of more than 8 bits and several channels."""

from __future__ import annotations

import io

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from making import encoded
from PIL import Image as PillowImage

from raypipe.errors import PageError
from raypipe.images.deep import needed
from raypipe.images.image import Limits, open_image

LIMITS = Limits(max_bytes=10_000_000, max_megapixels=150, max_pages=100)
SHADES = np.linspace(0, 255, 80 * 64).reshape(80, 64).astype(np.uint8)
COLOURS = np.dstack([SHADES, SHADES[::-1], SHADES[:, ::-1]])
"""Blue, green, red; some are 255 and some 0."""


def encoded_by_opencv(values: npt.NDArray[np.uint16], suffix: str) -> bytes:
    return bytes(cv2.imencode(suffix, values)[1])


def read(data: bytes, gray: bool = False) -> npt.NDArray[np.int64]:
    return open_image(data, "deep", 0, gray, LIMITS).pixels().astype(int)


def of_bits(pixels: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint16]:
    return np.rint(pixels * (((1 << bits) - 1) / 255)).astype(np.uint16)


@pytest.mark.parametrize(
    ("data", "is_needed"),
    [
        (encoded(SHADES, "PNG"), False),
        (encoded(COLOURS, "PNG"), False),
        (encoded(COLOURS, "JPEG"), False),
        (encoded(COLOURS, "JPEG2000"), False),
        (encoded(COLOURS, "PPM"), False),
        (encoded_by_opencv(of_bits(COLOURS, 16), ".png"), True),
        (encoded_by_opencv(of_bits(COLOURS, 16), ".ppm"), True),
        (encoded_by_opencv(of_bits(COLOURS, 9), ".jp2"), True),
        (encoded_by_opencv(of_bits(SHADES, 16), ".png"), False),
    ],
)
def test_pillow_opens_what_it_keeps_whole(data: bytes, is_needed: bool) -> None:
    assert needed(PillowImage.open(io.BytesIO(data)), data) is is_needed


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("suffix", [".png", ".ppm", ".jp2"])
def test_the_brightest_colour_is_white_however_many_bits_are_used(suffix: str, bits: int) -> None:
    data = encoded_by_opencv(of_bits(COLOURS, bits), suffix)
    assert np.abs(read(data) - COLOURS).max() <= 2
    assert np.abs(read(data, gray=True) - cv2.cvtColor(COLOURS, cv2.COLOR_BGR2GRAY).astype(int)).max() <= 3


@pytest.mark.parametrize("bits", [10, 16])
@pytest.mark.parametrize("most", [10, 16])
@pytest.mark.parametrize("suffix", [".png", ".jp2"])
def test_an_opaque_alpha_channel_does_not_matter(suffix: str, most: int, bits: int) -> None:
    alpha = np.full(SHADES.shape, (1 << most) - 1, np.uint16)
    data = encoded_by_opencv(np.dstack([of_bits(COLOURS, bits), alpha]), suffix)
    assert np.abs(read(data) - COLOURS).max() <= 2


@pytest.mark.parametrize("suffix", [".png", ".jp2"])
def test_ink_on_nothing_is_laid_on_white(suffix: str) -> None:
    ink = np.zeros((80, 64, 4), np.uint16)
    ink[:, 32:, 3] = 65535
    found = read(encoded_by_opencv(ink, suffix))
    assert (found[:, :32] == 255).all() and (found[:, 32:] == 0).all()


def test_what_is_cut_off_is_truncated() -> None:
    data = encoded_by_opencv(of_bits(COLOURS, 16), ".png")
    with pytest.raises(PageError) as caught:
        read(data[: len(data) // 2])
    assert caught.value.code == "image_truncated"


def test_orientation() -> None:
    """Pillow does not write such pictures: the orientation of another is put into one."""
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    turned, plain = (encoded(SHADES, "PNG", **options) for options in ({"exif": exif}, {}))
    place = turned.index(b"eXIf") - 4
    chunk = turned[place : place + len(turned) - len(plain)]
    data = encoded_by_opencv(of_bits(COLOURS, 12), ".png")
    end = data.index(b"IDAT") - 4
    found = read(data[:end] + chunk + data[end:])
    assert np.abs(found - np.rot90(COLOURS, -1).astype(int)).max() <= 2
