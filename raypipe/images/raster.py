"""Raster pictures: formats, headers, orientation and bit depth; encoded bytes to pixels."""

from __future__ import annotations

import io
import re
import warnings
from functools import cache
from typing import Any

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from raypipe.errors import Code, PageError
from raypipe.images.base import Kind, Size, Wanted
from raypipe.types import Pixels

# Raster formats only: for some others (EPS), Pillow runs other programs.
FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "PPM", "JPEG2000", "AVIF", "TGA", "PCX", "ICO")
MOST_DOTS = 100_000
"""Highest resolution that is believed, in dots per inch."""

_REDUCED = {
    (1, True): cv2.IMREAD_GRAYSCALE,
    (2, True): cv2.IMREAD_REDUCED_GRAYSCALE_2,
    (4, True): cv2.IMREAD_REDUCED_GRAYSCALE_4,
    (8, True): cv2.IMREAD_REDUCED_GRAYSCALE_8,
    (1, False): cv2.IMREAD_COLOR,
    (2, False): cv2.IMREAD_REDUCED_COLOR_2,
    (4, False): cv2.IMREAD_REDUCED_COLOR_4,
    (8, False): cv2.IMREAD_REDUCED_COLOR_8,
}


_UPRIGHT = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}
"""Makes a stored picture upright, by EXIF orientation."""

END_OF_IMAGE = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)
"""A marker of a JPEG file, except those inside the data of a scan: a stuffed 0xff and the restarts."""
_MARKERS_ALONE = (b"\xff\x01", b"\xff\xd8")
"""Markers without a segment; the first two bytes of a segment are its length."""


@cache
def _formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow can read."""
    # `Limits.max_megapixels` is checked before anything is decoded; Pillow's own limit could not be raised.
    PillowImage.MAX_IMAGE_PIXELS = None
    PillowImage.init()
    return tuple(name for name in FORMATS if name in PillowImage.OPEN)


def header(data: bytes, origin: str) -> PillowImage.Image:
    """Opens a picture without decoding it.

    Raises:
        PageError: `image_unknown`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return PillowImage.open(io.BytesIO(data), formats=_formats())
    except Exception as error:
        raise PageError(
            Code.IMAGE_UNKNOWN,
            f"{origin} is not an image that can be read.",
            f"Use one of {', '.join(FORMATS)}, and check that the file is whole.",
        ) from error


def go_to(picture: PillowImage.Image, page: int) -> bool:
    """Turns to a page; False if the picture has no such page. Only a TIFF has further pages."""
    if page == 0:
        return True
    if picture.format != "TIFF":
        return False
    try:
        picture.seek(page)
    except EOFError:
        return False
    return True


def orientation(picture: PillowImage.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 if there is none or it is broken. Decodes nothing."""
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1  # Pillow would decode the whole file to look for one after the pixels.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = picture.getexif().get(0x0112, 1)
    except Exception:
        return 1
    return value if value in _UPRIGHT else 1


def resolution(picture: PillowImage.Image) -> int:
    """Dots per inch according to the file, 0 if it does not say or is implausible."""
    try:
        found = round(float(picture.info.get("dpi", (0, 0))[0]))
    except (ValueError, OverflowError, TypeError, ZeroDivisionError):
        return 0
    return found if 0 < found <= MOST_DOTS else 0


def is_plain_jpeg(picture: PillowImage.Image) -> bool:
    """Whether libjpeg decodes it to the right pixels: grey or colour, not CMYK."""
    return picture.format in ("JPEG", "MPO") and picture.mode in ("L", "RGB")


def describe(data: bytes, origin: str, page: int, wanted: Wanted) -> Size:
    """The size of a page; see `Kind.describe`.

    Raises:
        PageError: `image_unknown` or `page_missing`.
    """
    picture = header(data, origin)
    if not go_to(picture, page):
        raise PageError(Code.PAGE_MISSING, f"{origin} has no page {page}.", "Pages are counted from 0.")
    width, height = picture.size
    if orientation(picture) >= 5 and picture.format != "TIFF":
        width, height = height, width
    reduction = _reduction(max(width, height), wanted.reduce_above) if is_plain_jpeg(picture) else 1
    return Size(width=width, height=height, resolution=resolution(picture), reduction=reduction)


def _reduction(longer_side: int, reduce_above: int) -> int:
    return next((n for n in (8, 4, 2) if reduce_above and longer_side / n >= reduce_above), 1)


def render(data: bytes, origin: str, page: int, size: Size, gray: bool) -> Pixels:
    """Decodes a page and turns it upright; see `Kind.render`.

    Raises:
        PageError: `image_unknown`.
    """
    picture = header(data, origin)
    if is_plain_jpeg(picture):
        pixels = _decode_jpeg(data, gray, size.reduction)
        return np.ascontiguousarray(_UPRIGHT[orientation(picture)](pixels))
    picture.seek(page)
    picture.load()
    return _to_bytes(ImageOps.exif_transpose(picture), gray)


def _decode_jpeg(data: bytes, gray: bool, reduction: int) -> Pixels:
    # libjpeg silently fills missing parts with grey.
    if not _has_end(data):
        raise OSError("the JPEG is truncated")
    flags = _REDUCED[reduction, gray] | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise OSError("the JPEG is damaged")
    return np.asarray(pixels, np.uint8)


def _has_end(data: bytes) -> bool:
    """Whether the first picture of a JPEG file is whole. Others, or the video of a motion photo, may follow it."""
    if data.endswith(END_OF_IMAGE):
        return True
    place = 0
    while found := _MARKER.search(data, place):
        if found.group() == END_OF_IMAGE:
            return True
        place = found.end()
        if found.group() not in _MARKERS_ALONE:
            place += int.from_bytes(data[place : place + 2], "big")
    return False


def _to_bytes(picture: PillowImage.Image, gray: bool) -> Pixels:
    """A Pillow picture of any mode as grey or BGR bytes, with transparency on white."""
    if picture.mode.startswith(("I", "F")):
        picture = _from_deep(np.asarray(picture))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = PillowImage.new("RGBA", picture.size, "white")
        picture = PillowImage.alpha_composite(paper, picture)
    if gray:
        return np.asarray(picture.convert("L"), np.uint8)
    return np.ascontiguousarray(np.asarray(picture.convert("RGB"), np.uint8)[:, :, ::-1])


def _from_deep(values: Any) -> PillowImage.Image:
    """16-bit, 32-bit or float grey to 8 bits; the brightest value becomes white, since scanners use 10 to 16 bits."""
    brightest = float(values.max(initial=0))
    if brightest > 255 or 0 < brightest <= 1 and values.dtype.kind == "f":
        values = values * (255.0 / brightest)
    return PillowImage.fromarray(np.clip(values, 0, 255).astype(np.uint8))


# fmt: off
SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".pgm", ".ppm", ".pnm", ".jp2", ".j2k",
    ".avif", ".tga", ".pcx",
))
# fmt: on
KIND = Kind(name="raster", suffixes=SUFFIXES, matches=lambda data: True, describe=describe, render=render)
"""All of `FORMATS`, of which this module decodes TIFF too; the frames of a GIF or WebP are not pages."""
