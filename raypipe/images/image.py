"""A page's picture: described from its header, decoded when needed, within limits that make hostile files harmless."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from raypipe.columns import Column
from raypipe.errors import Code, PageError
from raypipe.files import check_size, read_file
from raypipe.images.base import Size, Wanted, page_errors
from raypipe.images.kinds import kind_of
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
    """A page's picture, decoded when its pixels are first needed and then kept while the row is in this process.

    Attributes:
        origin: Path or name of the document.
        page: Page number in the document, from 0.
        width, height: Size of the upright page in pixels, at full resolution.
        mode: BufferedImage mode of the pixels, `GRAY` or `BGR`.
        resolution: Dots per inch according to the file, 0 if it does not say.
        reduction: 1, 2, 4 or 8: how much smaller a JPEG is decoded.
        data: The encoded document; None if it is to be read from `origin`.
        in_memory: Whether the document came as bytes and cannot be read again from `origin`.
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
        """Converts boxes (n, 5) from `pixels()` to the page at full resolution."""
        return boxes * self._factors()

    def reduce(self, boxes: Boxes) -> Boxes:
        """Converts boxes (n, 5) from the page at full resolution to `pixels()`."""
        return boxes / self._factors()

    def _factors(self) -> Boxes:
        # libjpeg rounds the reduced size up, by less than one pixel in thousands: one factor is enough for both sides.
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
    known = {name: each for name, each in value.items() if name != "nChannels"}  # `mode` implies it.
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
"""Visual NLP's image struct. Pixels never leave the process: `data` is the encoded file, or null if `origin` can
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
        reduce_above: Decode a JPEG at 1/2, 1/4 or 1/8 if its longer side keeps at least this many pixels; 0: never.
        pdf_resolution: Dots per inch at which the page of a PDF is drawn.

    Raises:
        PageError: `file_missing`, `image_empty`, `image_too_large`, `image_unknown` or `page_missing`.
    """
    in_memory = data is not None
    data = read_file(origin, limits.max_bytes) if data is None else data
    if not data:
        raise PageError(Code.IMAGE_EMPTY, f"{origin} is empty.", "Copy it again from its source.")
    check_size(origin, len(data), limits.max_bytes)
    if page >= limits.max_pages:
        raise PageError(
            Code.PAGE_MISSING,
            f"Page {page} of {origin} is over the limit of {limits.max_pages} pages.",
            "Raise BinaryToImage's max_pages.",
        )
    with page_errors(origin, page):
        size = kind_of(data).describe(data, origin, page, Wanted(reduce_above=reduce_above, resolution=pdf_resolution))
    _check_pixels(origin, size, limits)
    return Image(
        origin=origin,
        page=page,
        width=size.width,
        height=size.height,
        mode=GRAY if gray else BGR,
        resolution=size.resolution,
        reduction=size.reduction,
        data=data,
        in_memory=in_memory,
    )


def decode(data: bytes, image: Image) -> Pixels:
    """Decodes the page that `image` describes.

    Raises:
        PageError: `image_truncated` or `image_damaged`.
    """
    size = Size(width=image.width, height=image.height, resolution=image.resolution, reduction=image.reduction)
    with page_errors(image.origin, image.page):
        return kind_of(data).render(data, image.origin, image.page, size, image.mode == GRAY)


def _check_pixels(origin: str, size: Size, limits: Limits) -> None:
    if size.width * size.height > limits.max_megapixels * 1e6:
        raise PageError(
            Code.IMAGE_TOO_LARGE,
            f"{origin} has {size.width}x{size.height} pixels, over the limit of {limits.max_megapixels:g} megapixels.",
            "Raise BinaryToImage's max_megapixels if you trust it.",
        )
