"""A page's picture: described from its header, decoded when needed, within limits that keep hostile files harmless."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

import cv2
import numpy as np
import pyarrow as pa

from raypipe.columns import Column
from raypipe.errors import Code, PageError
from raypipe.files import check_size, read_file
from raypipe.images import pdf, raster
from raypipe.types import Boxes, Pixels

GRAY, BGR = 10, 5
"""Modes of java.awt.image.BufferedImage, which Visual NLP's image struct carries."""


@dataclass(frozen=True)
class Limits:
    """What a picture may cost: encoded bytes, decoded megapixels, pages of a document."""

    max_bytes: int
    max_megapixels: float
    max_pages: int


@dataclass(kw_only=True)
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
    known = {name: each for name, each in value.items() if name != "nChannels"}  # `mode` says it already.
    return Image(**known, in_memory=value["data"] is not None)


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
    role="image",
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
        raise PageError(Code.IMAGE_EMPTY, f"{origin} is empty.", "Copy it again from its source.")
    check_size(origin, len(data), limits.max_bytes)
    mode = GRAY if gray else BGR
    described = partial(Image, origin=origin, page=page, mode=mode, data=data, in_memory=in_memory)
    if pdf.is_pdf(data):
        width, height = pdf.page_size(data, origin, page, pdf_resolution)
        _check_pixels(origin, width, height, limits)
        return described(width=width, height=height, resolution=pdf_resolution)
    picture = raster.header(data, origin)
    with raster.page_errors(origin, page):
        found = page < limits.max_pages and raster.go_to(picture, page)
    if not found:
        raise PageError(Code.PAGE_MISSING, f"{origin} has no page {page}.", f"max_pages is {limits.max_pages}.")
    width, height = picture.size
    _check_pixels(origin, width, height, limits)
    if raster.orientation(picture) >= 5 and picture.format != "TIFF":
        width, height = height, width
    reduction = _reduction(max(width, height), reduce_above) if raster.is_plain_jpeg(picture) else 1
    resolution = raster.resolution(picture)
    return described(width=width, height=height, resolution=resolution, reduction=reduction)


def decode(data: bytes, image: Image) -> Pixels:
    """Decodes the page that `image` describes.

    Raises:
        PageError: `image_truncated` or `image_damaged`.
    """
    if pdf.is_pdf(data):
        with raster.page_errors(image.origin, image.page):
            return pdf.render(data, image.origin, image.page, image.resolution, image.mode == GRAY)
    return raster.decode(data, image.origin, image.page, image.mode == GRAY, image.reduction)


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
        return max(raster.tiff_pages(file), 1)
    except (PageError, OSError, OverflowError, ValueError):
        return 1


def may_have_pages(data: bytes) -> bool:
    """Whether bytes begin like a TIFF or PDF, the documents that can have more than one page."""
    return pdf.is_pdf(data) or data[:2] in (b"II", b"MM")


def _check_pixels(origin: str, width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_megapixels * 1e6:
        raise PageError(
            Code.IMAGE_TOO_LARGE,
            f"{origin} has {width}x{height} pixels, over the limit of {limits.max_megapixels:g} megapixels.",
            "Raise BinaryToImage's max_megapixels if you trust it.",
        )


def _reduction(longer_side: int, reduce_above: int) -> int:
    return next((n for n in (8, 4, 2) if reduce_above and longer_side / n >= reduce_above), 1)
