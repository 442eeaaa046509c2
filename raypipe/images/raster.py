"""Raster pictures: formats, headers, orientation, bit depth, and decoding to pixels."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import cv2
import numpy as np
from pi_heif import register_heif_opener
from PIL import Image as PillowImage
from PIL import ImageOps

from raypipe.errors import Code, PageError
from raypipe.images import deep, foreign, jpeg
from raypipe.images.base import ELONGATED, Kind, Size, Wanted
from raypipe.images.depth import as_picture, eight_bits, from_lab, from_picture, on_paper, shows_on_white, white_beside
from raypipe.images.mending import begun, mended
from raypipe.types import Pixels

# Raster formats only: for some others (EPS), Pillow runs other programs.
# fmt: off
FORMATS = (
    "JPEG", "PNG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "PPM", "JPEG2000", "HEIF", "AVIF", "TGA", "PCX", "ICO", "PSD",
    "SGI", "QOI",
)
# fmt: on
NO_ALPHA = ("BMP", "DIB", "ICO", "TGA")
"""Formats whose fourth channel may be unused."""
MOST_DOTS = 100_000
"""Highest plausible resolution, in dots per inch."""
SQUARE = 1.0, 1.0
LEAST_ODD, MOST_ODD = 1.5, 3
"""Shares between the resolutions of two directions with which the dots of a fax are oblong: 204 x 98 is usual."""
WORD = 65535
"""White in a PNG of 16 bits, the only kind of so many bits that says which value stands for nothing."""

COMPRESSION, PHOTOMETRIC, PALETTE, FAX = 259, 262, 320, (2, 3, 4)
"""Tags of a TIFF, and the compressions of CCITT."""

UPRIGHT: dict[int, Callable[[Pixels], Any]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.transpose(cv2.rotate(pixels, cv2.ROTATE_180)),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
"""Makes a stored picture upright, by EXIF orientation; OpenCV takes an eighth of NumPy's time."""


@cache
def _formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow can read."""
    # `Limits.max_megapixels` is checked before anything is decoded; Pillow's own limit could not be raised.
    PillowImage.MAX_IMAGE_PIXELS = None
    PillowImage.init()
    register_heif_opener()
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
    except Exception as error:  # Pillow's plugins raise almost anything.
        what, remedy = foreign.known(data) or ("", "")
        raise PageError(
            Code.IMAGE_UNKNOWN,
            f"{origin} is {what or 'not an image that can be read'}.",
            remedy or f"Use PDF or one of {', '.join(FORMATS)}, and check that the file is complete.",
        ) from error


def _mended(data: bytes, origin: str) -> tuple[bytes, PillowImage.Image, str]:
    """A file that can be decoded, opened, and what had to be mended."""
    data, warning = mended(data, origin)
    try:
        return data, header(data, origin), warning
    except PageError:
        found = begun(data)
        if found == data:
            raise
    data, warning = mended(found, origin)
    return data, header(data, origin), warning or "other bytes stand before it"


def orientation(picture: PillowImage.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 if there is none or it is broken. Decodes nothing."""
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1  # Pillow would decode the whole file to look for one after the pixels.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = picture.getexif().get(0x0112, 1)
    except Exception:  # Broken EXIF data raise almost anything, and pages are read without them.
        return 1
    return value if value in UPRIGHT else 1


def resolution(picture: PillowImage.Image) -> int:
    """Dots per inch according to the file, 0 if it does not say or is implausible; of oblong dots, the finer one."""
    return max(_resolutions(picture)) if _stretch(picture) != SQUARE else _resolutions(picture)[0]


def _resolutions(picture: PillowImage.Image) -> tuple[int, int]:
    """Those across and down the picture as it is stored."""
    try:
        across, down = (round(float(dots)) for dots in picture.info.get("dpi", (0, 0)))
    except (ValueError, OverflowError, TypeError, ZeroDivisionError):
        return 0, 0
    return across if 0 < across <= MOST_DOTS else 0, down if 0 < down <= MOST_DOTS else 0


def _stretch(picture: PillowImage.Image) -> tuple[float, float]:
    """How much wider and higher an upright picture becomes so that its dots are square, as viewers show a fax.

    Other pictures than faxes, which are TIFFs of one bit, are said to have oblong dots by mistake only.
    """
    across, down = _resolutions(picture)
    if picture.format != "TIFF" or picture.mode != "1" or not across or not down:
        return SQUARE
    if orientation(picture) >= 5:
        across, down = down, across
    finest = max(across, down)
    return (finest / across, finest / down) if LEAST_ODD <= finest / min(across, down) <= MOST_ODD else SQUARE


def is_plain_jpeg(picture: PillowImage.Image) -> bool:
    """Whether libjpeg decodes it to the right pixels: grey or colour, not CMYK."""
    return picture.format in ("JPEG", "MPO") and picture.mode in ("L", "RGB")


def describe(data: bytes, origin: str, page: int, wanted: Wanted) -> Size:
    """The size of a page; see `Kind.describe`.

    Raises:
        PageError: `image_unknown` or `page_missing`.
    """
    data, picture, warning = _mended(data, origin)
    try:
        if page:  # The first picture of a HEIF file need not be the one that it shows.
            picture.seek(page)
    except EOFError as error:
        raise PageError(Code.PAGE_MISSING, f"{origin} has no page {page + 1}.", "Choose one that it has.") from error
    width, height = picture.size
    if orientation(picture) >= 5 and picture.format != "TIFF":
        width, height = height, width
    width, height = (round(side * factor) for side, factor in zip((width, height), _stretch(picture), strict=True))
    side = min(max(width, height), ELONGATED * min(width, height))
    fits = wanted.reduce_above and is_plain_jpeg(picture)
    reduction = next((n for n in (8, 4, 2) if fits and side / n >= wanted.reduce_above), 1)
    spare = jpeg.spare_bits(data, side / wanted.reduce_above, wanted.omit_bits) if fits else 0
    return Size(
        width=width,
        height=height,
        resolution=resolution(picture),
        reduction=reduction,
        omitted_bits=spare,
        warning=warning,
    )


def render(data: bytes, origin: str, page: int, size: Size, gray: bool) -> Pixels:
    """Decodes a page and turns it upright; see `Kind.render`.

    Raises:
        PageError: `image_unknown`.
    """
    data, picture, _ = _mended(data, origin)
    if is_plain_jpeg(picture):
        pixels = jpeg.decode(data, gray, size.reduction, size.omitted_bits)
        return np.asarray(UPRIGHT[orientation(picture)](pixels))
    if page:
        picture.seek(page)
    is_oblong = _stretch(picture) != SQUARE
    is_deep = deep.needed(picture, data)
    picture.load()  # Also of a deep picture: this finds whether something is missing.
    if is_deep:
        return np.asarray(UPRIGHT[orientation(picture)](deep.pixels_of(picture, data, origin, gray)))
    if _is_negative(picture):
        picture = ImageOps.invert(picture)
    if picture.mode == "P":
        _check_palette(picture)
    pixels = UPRIGHT[orientation(picture)](pixels_of(picture, gray))
    return np.asarray(cv2.resize(pixels, (size.width, size.height)) if is_oblong else pixels)


def _is_negative(picture: PillowImage.Image) -> bool:
    """Whether Pillow takes black for white, as it does if a TIFF does not say what 0 is. Only in faxes it is white."""
    tags: Any = getattr(picture, "tag_v2", {})
    return bool(tags) and PHOTOMETRIC not in tags and tags.get(COMPRESSION) not in FAX and picture.mode in ("1", "L")


def _check_palette(picture: PillowImage.Image) -> None:
    if picture.palette is None:
        raise OSError("its palette is missing")
    colours = getattr(picture, "tag_v2", {}).get(PALETTE)
    if colours and max(colours) < 1 << 8:  # Some writers of TIFF give bytes in place of 16 bits.
        picture.putpalette(bytes(colours), "RGB;L")


def pixels_of(picture: PillowImage.Image, gray: bool) -> Pixels:
    """A Pillow picture of any mode as grey or BGR bytes, with transparency on paper."""
    if picture.mode.startswith(("I", "F")):
        picture = as_picture(_of_words(picture))
    elif picture.mode == "La":
        picture = picture.convert("LA")
    elif picture.mode == "LAB":
        picture = as_picture(from_lab(np.asarray(picture), is_signed=False))
    if picture.has_transparency_data and not _is_opaque(picture):
        picture = _on_paper(picture.convert("RGBA"))
    return from_picture(picture, gray)


def _of_words(picture: PillowImage.Image) -> Pixels:
    """A picture of more than 8 bits as bytes; on paper, if one of its values stands for nothing."""
    values = np.asarray(picture)
    if "transparency" not in picture.info:
        return eight_bits(values)
    alpha = np.where(values == picture.info["transparency"], 0, WORD)
    return on_paper(eight_bits(values, most=white_beside(values, alpha, WORD))[:, :, None], alpha, WORD)


def _on_paper(picture: PillowImage.Image) -> PillowImage.Image:
    """As `depth.on_paper`; Pillow takes a fraction of NumPy's time."""
    found = PillowImage.alpha_composite(PillowImage.new("RGBA", picture.size, "white"), picture)
    if shows_on_white(np.asarray(found)) or not picture.getchannel("A").getbbox():
        return found
    return PillowImage.alpha_composite(PillowImage.new("RGBA", picture.size, "black"), picture)


def _is_opaque(picture: PillowImage.Image) -> bool:
    """Whether an alpha channel is unused: programs leave zeros in formats that have no use for it."""
    return picture.format in NO_ALPHA and picture.mode == "RGBA" and not picture.getchannel("A").getbbox()


# fmt: off
SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".pgm", ".ppm", ".pnm", ".jp2", ".j2k",
    ".jpf", ".jpx", ".heic", ".heif", ".hif", ".avif", ".tga", ".pcx", ".psd", ".mpo", ".apng", ".pbm", ".qoi", ".sgi",
    ".ico",
))
# fmt: on
KIND = Kind(name="raster", suffixes=SUFFIXES, matches=lambda data: False, describe=describe, render=render)
"""Files that no other kind matches. Of `FORMATS`, this module also decodes TIFF.

A file of several pictures that is not a document, such as an animation, a burst or a photo with its depth, is one page:
the picture that a viewer shows first."""
