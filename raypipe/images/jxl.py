"""JPEG XL, which the package imagecodecs decodes; sizes are read from the header, ISO/IEC 18181-1, annex D."""

from __future__ import annotations

from importlib.util import find_spec

from raypipe.errors import COPY_AGAIN, Code, PageError
from raypipe.images.base import Kind, Size, Wanted
from raypipe.images.depth import from_samples
from raypipe.types import Pixels

CODESTREAM, CONTAINER = b"\xff\x0a", b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
WHOLE, PART = b"jxlc", b"jxlp"
"""Boxes of a container that hold the whole picture, or a part of it after a part number of four bytes."""
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Widths to heights that a header gives by their number, from 1."""
LENGTHS = (9, 13, 18, 30)
"""Bits of a side that is not a multiple of 8."""
MOST_HEADER = 64
NEEDS = "It is decoded by the package imagecodecs: pip install 'raypipe[jxl]'."


def matches(data: bytes) -> bool:
    """Whether bytes begin like a JPEG XL file."""
    return data.startswith((CODESTREAM, CONTAINER))


class _Bits:
    """Numbers of a header, the lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data[:MOST_HEADER], "little")

    def read(self, count: int) -> int:
        """An unsigned integer of this many bits."""
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value


def _codestream(data: bytes) -> bytes:
    """The beginning of the picture's own data."""
    place = 0 if data.startswith(CONTAINER) else len(data)
    while place + 8 <= len(data):
        size, kind, start = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8], place + 8
        if size == 1:
            size, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        if kind in (WHOLE, PART):
            start += 4 if kind == PART else 0
            return data[start : start + MOST_HEADER]
        if size < start - place:  # Another box that goes on to the end.
            break
        place += size
    return data[:MOST_HEADER]


def _size(codestream: bytes) -> tuple[int, int]:
    """Width and height of the upright picture."""
    bits = _Bits(codestream[len(CODESTREAM) :])
    is_small = bits.read(1)

    def side() -> int:
        return (bits.read(5) + 1) * 8 if is_small else bits.read(LENGTHS[bits.read(2)]) + 1

    height, ratio = side(), bits.read(3)
    width = height * RATIOS[ratio - 1][0] // RATIOS[ratio - 1][1] if ratio else side()
    is_plain = bits.read(1) or not bits.read(1)
    orientation = 1 if is_plain else bits.read(3) + 1
    return (height, width) if orientation >= 5 else (width, height)


def describe(data: bytes, origin: str, page: int, wanted: Wanted) -> Size:
    """The size of the picture; see `Kind.describe`.

    Raises:
        PageError: `image_unknown`, its decoder is not installed; or `image_damaged`.
    """
    if find_spec("imagecodecs") is None:
        raise PageError(Code.IMAGE_UNKNOWN, f"{origin} is JPEG XL.", NEEDS)
    start = _codestream(data)
    if not start.startswith(CODESTREAM):
        raise PageError(Code.IMAGE_DAMAGED, f"{origin} has no picture in it.", COPY_AGAIN)
    width, height = _size(start)
    return Size(width=width, height=height)


def render(data: bytes, origin: str, page: int, size: Size, gray: bool) -> Pixels:
    """Decodes the picture, or the first one of an animation; see `Kind.render`.

    Raises:
        OSError: It is truncated or damaged.
    """
    from imagecodecs import JpegxlError, jpegxl_decode

    try:
        return from_samples(jpegxl_decode(data, index=0), gray)
    except JpegxlError as error:
        raise OSError("it is truncated" if "MORE_INPUT" in str(error) else f"it is damaged ({error})") from error


KIND = Kind(name="jxl", suffixes=frozenset((".jxl",)), matches=matches, describe=describe, render=render)
