"""PAM and PFM: any channels and depths."""

from __future__ import annotations

import numpy as np
import pytest

from raypipe.errors import PageError
from raypipe.images.image import Limits, open_image

LIMITS = Limits(max_bytes=10_000_000, max_megapixels=1, max_pages=1)
GREY = np.arange(0, 240, dtype=np.uint8).reshape(12, 20)
GREY[0, 0] = 255
COLOUR = np.dstack([GREY, GREY[::-1], GREY[:, ::-1]])


def pam(values: np.ndarray, most: int) -> bytes:
    height, width, channels = values.shape
    head = f"P7\n# made by hand\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {most}\nTUPLTYPE X\nENDHDR\n"
    return head.encode() + values.astype(">u2" if most > 255 else "u1").tobytes()


def read(data: bytes, gray: bool = False) -> np.ndarray:
    return open_image(data, "a.pam", 0, gray, LIMITS).pixels()


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels_and_depths(channels: int, deep: bool) -> None:
    values = GREY[:, :, None] if channels < 3 else COLOUR
    if channels in (2, 4):
        alpha = np.where(np.arange(20) < 10, 255, 0)[None].repeat(12, 0)
        values = np.dstack([values, alpha])
    found = read(pam(values.astype(np.uint16) * (257 if deep else 1), 65535 if deep else 255))
    expected = values[:, :, : 1 if channels < 3 else 3].repeat(3 if channels < 3 else 1, 2)[:, :, ::-1].copy()
    if channels in (2, 4):
        expected[:, 10:] = 255
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_black_and_white() -> None:
    assert (read(pam((GREY > 99)[:, :, None], 1), gray=True) == np.where(GREY > 99, 255, 0)).all()


@pytest.mark.parametrize("most", [1, 15, 100])
def test_the_brightest_value_is_as_bright_as_the_header_says(most: int) -> None:
    values = np.dstack([COLOUR.astype(int) * most // 255 // 2, np.full(GREY.shape, most)])
    found = read(pam(values, most))
    assert np.abs(found - values[:, :, 2::-1] * 255.0 / most).max() <= 1


@pytest.mark.parametrize("most", [100, 255, 1023, 65535])
@pytest.mark.parametrize("colours", [1, 3])
def test_ink_on_nothing_is_as_bright_as_it_is(most: int, colours: int) -> None:
    """The brightest value is that of an ink, not of paper; nothing but bright ink is laid on black."""
    for inks, shades in (((0.02, 0.4), [255, 5, 102]), ((0.9, 1), [0, 229.5, 255])):
        row = [[0] * (colours + 1), *([round(ink * most)] * colours + [most] for ink in inks)]
        found = read(pam(np.array(row)[None].repeat(9, 0), most), gray=True)
        assert np.abs(found - shades).max() <= 2


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("colour", [False, True])
def test_floats(colour: bool, order: str) -> None:
    values = (COLOUR if colour else GREY).astype(f"{order}f4") / 255
    head = f"{'PF' if colour else 'Pf'}\n20 12\n{'-1.0' if order == '<' else '1.0'}\n"
    found = read(head.encode() + values[::-1].astype(f"{order}f4").tobytes(), gray=not colour)
    assert np.abs(found.astype(int) - (COLOUR[:, :, ::-1] if colour else GREY)).max() <= 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"P7\nWIDTH 9\nENDHDR\n", "image_unknown"),
        (b"P7\nWIDTH 9\nHEIGHT 9\nDEPTH 9\nMAXVAL 255\nENDHDR\n", "image_unknown"),
        (pam(COLOUR, 0), "image_unknown"),
        (pam(COLOUR, 65536), "image_unknown"),
        (pam(COLOUR, 255)[:-1], "image_truncated"),
        (b"P7\nWIDTH 9000\nHEIGHT 9000\nDEPTH 1\nMAXVAL 255\nENDHDR\n", "image_too_large"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, code: str) -> None:
    with pytest.raises(PageError, match=r"a\.pam") as error:
        read(data)
    assert error.value.code == code and error.value.remedy
