"""Encoded bytes to pixels: formats, orientation, bit depth, and the limits that keep a hostile file harmless."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import IO, Any

import cv2
import numpy as np
import pyarrow as pa
from PIL import Image as PillowImage
from PIL import ImageOps

from raypipe import pdf
from raypipe.errors import PageError
from raypipe.files import check_size, read_file
from raypipe.types import Boxes, Column, Pixels

# Raster formats only: some that Pillow knows (EPS) run other programs.
FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "PPM", "JPEG2000", "AVIF", "TGA", "PCX", "ICO")
GRAY, BGR = 10, 5
"""Modes of java.awt.image.BufferedImage, which Visual NLP's image struct carries."""

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
"""What makes a stored picture upright, by EXIF orientation."""


@dataclass(frozen=True)
class Limits:
    """What a picture may cost: encoded bytes, decoded megapixels, pages of a document."""

    max_bytes: int
    max_megapixels: float
    max_pages: int


@dataclass
class Image:
    """A page's picture, decoded when its pixels are first asked for and then kept while the row is in this process.

    Attributes:
        origin: Path or name of the document.
        page: Page number in the document, from 0.
        width, height: Size of the upright page in pixels, at full resolution.
        mode: BufferedImage mode of the pixels, `GRAY` or `BGR`.
        resolution: Dots per inch as the file says, 0 if it does not.
        reduction: 1, 2, 4 or 8: how much smaller a JPEG is decoded.
        data: The encoded document; None where it is to be read from `origin`.
        in_memory: The document came as bytes and cannot be read again from `origin`.
    """

    origin: str
    page: int
    width: int
    height: int
    mode: int
    resolution: int
    reduction: int = 1
    data: bytes | None = field(default=None, repr=False)
    in_memory: bool = False
    cached: Pixels | None = field(default=None, repr=False, compare=False)

    def pixels(self) -> Pixels:
        """The upright page, uint8, (h, w) grey or (h, w, 3) BGR, where h and w are the full size / `reduction`.

        Raises:
            PageError: The file is gone, truncated or damaged.
        """
        if self.cached is None:
            self.cached = decode(self.data if self.data is not None else read_file(self.origin), self)
            self.data = self.data if self.in_memory else None
        return self.cached

    def bgr(self) -> Pixels:
        """`pixels()` with three channels."""
        pixels = self.pixels()
        return pixels if pixels.ndim == 3 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)

    def enlarge(self, boxes: Boxes) -> Boxes:
        """Boxes (n, 5) of `pixels()` in pixels of the page at full resolution."""
        return boxes * self._factors()

    def reduce(self, boxes: Boxes) -> Boxes:
        """Boxes (n, 5) of the page at full resolution in pixels of `pixels()`."""
        return boxes / self._factors()

    def _factors(self) -> Boxes:
        # libjpeg rounds the reduced size up, by less than a pixel in thousands: one factor does for both sides.
        factor = max(self.width, self.height) / max(self.pixels().shape[:2])
        return np.array([factor, factor, factor, factor, 1], np.float32)


def _to_struct(image: Image) -> dict[str, Any]:
    return {
        "origin": image.origin,
        "height": image.height,
        "width": image.width,
        "nChannels": 1 if image.mode == GRAY else 3,
        "mode": image.mode,
        "resolution": image.resolution,
        "data": image.data if image.in_memory else None,
        "page": image.page,
        "reduction": image.reduction,
    }


def _from_struct(value: dict[str, Any]) -> Image:
    size = value["width"], value["height"]
    return Image(
        value["origin"],
        value["page"],
        *size,
        value["mode"],
        value["resolution"],
        value["reduction"],
        value["data"],
        value["data"] is not None,
    )


IMAGE = Column(
    pa.struct(
        [
            ("origin", pa.string()),
            ("height", pa.int32()),
            ("width", pa.int32()),
            ("nChannels", pa.int32()),
            ("mode", pa.int32()),
            ("resolution", pa.int32()),
            ("data", pa.large_binary()),
            ("page", pa.int32()),
            ("reduction", pa.int32()),
        ]
    ),
    decode=_from_struct,
    encode=_to_struct,
)
"""Visual NLP's image struct. Pixels never leave the process: `data` is the encoded file, or null where `origin` can
be read again."""


def open_image(
    data: bytes | None,
    origin: str,
    page: int,
    gray: bool,
    limits: Limits,
    reduce_above: int = 0,
    pdf_resolution: int = 300,
) -> Image:
    """Checks a file's header against the limits and describes its page; the pixels are decoded later.

    Args:
        data: The encoded file, or None to read it from `origin`.
        origin: Its path, or a name for messages.
        page: Which page of a multi-page file, from 0.
        gray: Decode to grey rather than to colour.
        limits: What the picture may cost.
        reduce_above: Decode a JPEG at 1/2, 1/4 or 1/8 while its longer side stays at least this many pixels; 0 never.
        pdf_resolution: Dots per inch at which the page of a PDF is drawn.

    Raises:
        PageError: `file_missing`, `image_empty`, `image_too_large`, `image_unknown` or `page_missing`.
    """
    in_memory = data is not None
    data = read_file(origin, limits.max_bytes) if data is None else data
    if not data:
        raise PageError("image_empty", f"{origin} is empty.", "Copy it again from its source.")
    check_size(origin, len(data), limits.max_bytes)
    mode = GRAY if gray else BGR
    if pdf.is_pdf(data):
        width, height = pdf.page_size(data, origin, page, pdf_resolution)
        _check_pixels(origin, width, height, limits)
        return Image(origin, page, width, height, mode, pdf_resolution, 1, data, in_memory)
    picture = _header(data, origin)
    if page >= min(page_count(io.BytesIO(data)), limits.max_pages):
        raise PageError("page_missing", f"{origin} has no page {page}.", f"max_pages is {limits.max_pages}.")
    with _page_errors(origin, page):
        if page:
            picture.seek(page)
    width, height = picture.size
    _check_pixels(origin, width, height, limits)
    if _orientation(picture) >= 5 and picture.format != "TIFF":
        width, height = height, width
    reduction = _reduction(max(width, height), reduce_above) if _is_plain_jpeg(picture) else 1
    return Image(origin, page, width, height, mode, _resolution(picture), reduction, data, in_memory)


def decode(data: bytes, image: Image) -> Pixels:
    """Decodes the page that `image` describes.

    Raises:
        PageError: `image_truncated` or `image_damaged`.
    """
    if pdf.is_pdf(data):
        with _page_errors(image.origin, image.page):
            return pdf.render(data, image.origin, image.page, image.resolution, image.mode == GRAY)
    picture = _header(data, image.origin)
    with _page_errors(image.origin, image.page):
        if _is_plain_jpeg(picture):
            pixels = _decode_jpeg(data, image)
            return np.ascontiguousarray(_UPRIGHT[_orientation(picture)](pixels))
        picture.seek(image.page)
        picture.load()
        return _to_bytes(ImageOps.exif_transpose(picture), image.mode == GRAY)


@contextmanager
def _page_errors(origin: str, page: int) -> Iterator[None]:
    """Turns whatever a decoder raises on a damaged file into a `PageError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MemoryError:
        raise
    except Exception as error:  # Pillow's plugins raise nearly everything: struct.error, KeyError, RuntimeError ...
        words = str(error).lower()
        code = "image_truncated" if "truncated" in words or "broken data stream" in words else "image_damaged"
        raise PageError(
            code, f"{origin}, page {page}, cannot be decoded: {error}.", "Copy it again from its source."
        ) from error


def _orientation(picture: PillowImage.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it is broken. Decodes nothing."""
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1  # Pillow would decode the whole file to look for one behind the pixels.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = picture.getexif().get(0x0112, 1)
    except Exception:
        return 1
    return value if value in _UPRIGHT else 1


def _resolution(picture: PillowImage.Image) -> int:
    try:
        return round(float(picture.info.get("dpi", (0, 0))[0]))
    except (ValueError, OverflowError, TypeError, ZeroDivisionError):
        return 0


def page_count(file: IO[bytes]) -> int:
    """Pages in an encoded file; 1 where it cannot be read, so that its one row can say why.

    Only TIFF and PDF are asked: the frames of a GIF or WebP are not pages.
    """
    try:
        start = file.read(5)
        file.seek(0)
        if not may_have_pages(start):
            return 1
        if pdf.is_pdf(start):
            return max(pdf.page_count(file.read()), 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(getattr(PillowImage.open(file, formats=("TIFF",)), "n_frames", 1))
    except Exception:  # Pillow's TIFF plugin raises TypeError and more on a damaged file.
        return 1


def may_have_pages(data: bytes) -> bool:
    """Whether bytes begin like a TIFF or PDF, the documents that can have more than one page."""
    return pdf.is_pdf(data) or data[:2] in (b"II", b"MM")


@cache
def _formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow can read."""
    # `Limits.max_megapixels` is checked before anything is decoded; Pillow's own limit could not be raised.
    PillowImage.MAX_IMAGE_PIXELS = None
    PillowImage.init()
    return tuple(name for name in FORMATS if name in PillowImage.OPEN)


def _header(data: bytes, origin: str) -> PillowImage.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return PillowImage.open(io.BytesIO(data), formats=_formats())
    except Exception as error:
        raise PageError(
            "image_unknown",
            f"{origin} is not an image that can be read.",
            f"Use one of {', '.join(FORMATS)}, and check that the file is whole.",
        ) from error


def _check_pixels(origin: str, width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_megapixels * 1e6:
        raise PageError(
            "image_too_large",
            f"{origin} has {width}x{height} pixels, over the limit of {limits.max_megapixels:g} megapixels.",
            "Raise BinaryToImage's max_megapixels if you trust it.",
        )


def _is_plain_jpeg(picture: PillowImage.Image) -> bool:
    return picture.format in ("JPEG", "MPO") and picture.mode in ("L", "RGB")


def _reduction(longer_side: int, reduce_above: int) -> int:
    return next((n for n in (8, 4, 2) if reduce_above and longer_side / n >= reduce_above), 1)


def _decode_jpeg(data: bytes, image: Image) -> Pixels:
    # libjpeg fills what is missing with grey and says nothing: after the last scan there must be an end marker.
    if data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise OSError("the JPEG is truncated")
    flags = _REDUCED[image.reduction, image.mode == GRAY] | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise OSError("the JPEG is damaged")
    return np.asarray(pixels, np.uint8)


def _to_bytes(picture: PillowImage.Image, gray: bool) -> Pixels:
    """A Pillow picture of any mode as grey or BGR bytes, transparency laid on white."""
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
    """16-bit, 32-bit or float grey to 8 bits; the brightest value becomes white, as scanners use 10 to 16 bits."""
    brightest = float(values.max(initial=0))
    if brightest > 255 or 0 < brightest <= 1 and values.dtype.kind == "f":
        values = values * (255.0 / brightest)
    return PillowImage.fromarray(np.clip(values, 0, 255).astype(np.uint8))
