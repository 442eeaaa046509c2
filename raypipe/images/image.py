"""A page's picture: described from its header, decoded when needed, within limits that make hostile files harmless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from raypipe.columns import LINES, Column
from raypipe.errors import COPY_AGAIN, Code, PageError
from raypipe.files.paths import check_size, read_file
from raypipe.images.base import Size, TextLayer, Wanted, page_errors
from raypipe.images.exposure import brightened
from raypipe.images.kinds import kind_of
from raypipe.images.mending import rescued
from raypipe.images.opened import opened
from raypipe.plurals import counted
from raypipe.types import Boxes, Line, Pixels

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
        omitted_bits: Least significant bits of a progressive JPEG's coefficients that are left out.
        data: The encoded document; None if it is to be read from `origin`.
        in_memory: Whether the document came as bytes and cannot be read again from `origin`.
        warning: What in the file is damaged or missing, although it was read; empty: nothing, or it has been stored.
        lines: The lines that its file holds as text, which replace reading; None: the page is read.
        layer: The text that its file holds, if it was asked for and exists; it does not leave this process.
        tell: Called with the warning once the page is decoded, which may find more than the header says.
    """

    origin: str
    page: int
    width: int
    height: int
    mode: int
    resolution: int
    reduction: int = 1
    omitted_bits: int = 0
    data: bytes | None = field(default=None, repr=False)
    in_memory: bool = False
    warning: str = ""
    lines: list[Line] | None = field(default=None, repr=False)
    layer: TextLayer | None = field(default=None, repr=False, compare=False)
    cached: Pixels | None = field(default=None, repr=False, compare=False)
    tell: Callable[[str], None] | None = field(default=None, repr=False, compare=False)

    def pixels(self) -> Pixels:
        """The upright page, uint8, (h, w) grey or (h, w, 3) BGR, where h and w are the full size / `reduction`.

        Raises:
            PageError: The file is gone, truncated or damaged.
        """
        if self.cached is None:
            self.cached = _render_origin(self) if self.data is None else decode(self.data, self)
            self.data = self.data if self.in_memory else None
            if self.tell is not None:
                self.tell(self.warning)
                self.tell = None
        return self.cached

    def bgr(self) -> Pixels:
        """`pixels()` with three channels."""
        pixels = self.pixels()
        return pixels if pixels.ndim == 3 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)

    def well_lit(self) -> Pixels:
        """`bgr()`, brightened if the page is dark: what is read."""
        return brightened(self.bgr())

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
    names = ("origin", "height", "width", "mode", "resolution", "page", "reduction", "omitted_bits")
    return {
        **{name: getattr(image, name) for name in names},
        "nChannels": 1 if image.mode == GRAY else 3,
        "data": image.data if image.in_memory else None,
        "lines": None if image.lines is None else LINES.encode(image.lines),
    }


def _from_struct(value: dict[str, Any]) -> Image:
    # `mode` implies the number of channels.
    known = {name: each for name, each in value.items() if name not in ("nChannels", "lines")}
    lines = value.get("lines")
    return Image(**known, in_memory=value["data"] is not None, lines=None if lines is None else LINES.decode(lines))


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
            ("omitted_bits", pa.int32()),
            ("lines", LINES.arrow),
        ]
    ),
    decode=_from_struct,
    encode=_to_struct,
    role="image",
)
"""Visual NLP's image struct. Pixels never leave the process: `data` is the encoded file, or null if `origin` can
be read again."""


def open_image(
    data: bytes | None, origin: str, page: int, gray: bool, limits: Limits, wanted: Wanted | None = None
) -> Image:
    """Checks a file's header against the limits and describes its page; the pixels are decoded later.

    Args:
        data: The encoded file, or None to read it from `origin`.
        origin: Its path, or a name for messages.
        page: Which page of a multi-page file, from 0.
        gray: Decode to grey rather than to colour.
        limits: What the picture may cost.
        wanted: How to decode it; None: as it is.

    Raises:
        PageError: `file_missing`, `image_empty`, `image_too_large`, `image_unknown` or `page_missing`.
    """
    in_memory, wanted = data is not None, wanted or Wanted()
    if data is None:
        data, size = _describe_origin(origin, page, limits, wanted)
    else:
        check_size(origin, len(data), limits.max_bytes)
        size = _describe(data, origin, page, limits, wanted)
    _check_pixels(origin, size, limits)
    known: dict[str, Any] = {each.name: getattr(size, each.name) for each in fields(size)}
    return Image(origin=origin, page=page, mode=GRAY if gray else BGR, data=data, in_memory=in_memory, **known)


def _describe_origin(origin: str, page: int, limits: Limits, wanted: Wanted) -> tuple[bytes | None, Size]:
    """The file, unless only a part of it is read for each page; and the size of a page."""
    with opened(origin, limits.max_bytes) as document:
        if document is not None:
            _check_page(origin, page, limits)
            with page_errors(origin, page):
                return None, document.describe(page, wanted)
    data = read_file(origin, limits.max_bytes)
    return data, _describe(data, origin, page, limits, wanted)


def _describe(data: bytes, origin: str, page: int, limits: Limits, wanted: Wanted) -> Size:
    if not data:
        raise PageError(Code.IMAGE_EMPTY, f"{origin} is empty.", COPY_AGAIN)
    _check_page(origin, page, limits)
    kind = kind_of(data)
    if page and kind.page_count is None:
        raise PageError(Code.PAGE_MISSING, f"{origin} has no page {page + 1}.", "It has one.")
    with page_errors(origin, page):
        return kind.describe(data, origin, page, wanted)


def _check_page(origin: str, page: int, limits: Limits) -> None:
    if page >= limits.max_pages:
        raise PageError(
            Code.PAGE_MISSING,
            f"Page {page + 1} of {origin} is over the limit of {counted(limits.max_pages, 'page')}.",
            "Raise BinaryToImage's max_pages.",
        )


def _render_origin(image: Image) -> Pixels:
    """Decodes a page, from a part of its file if its kind allows that, else from the whole file."""
    with opened(image.origin) as document:
        if document is not None:
            with page_errors(image.origin, image.page):
                return document.render(image.page, _size(image), image.mode == GRAY)
    return decode(read_file(image.origin), image)


def _size(image: Image) -> Size:
    return Size(**{each.name: getattr(image, each.name) for each in fields(Size)})


def decode(data: bytes, image: Image) -> Pixels:
    """Decodes the page that `image` describes.

    Raises:
        PageError: `image_truncated` or `image_damaged`.
    """
    kind, pixels, error = kind_of(data), None, None
    with page_errors(image.origin, image.page):
        try:
            pixels = kind.render(data, image.origin, image.page, _size(image), image.mode == GRAY)
        except (OSError, SyntaxError, ValueError) as reason:  # What Pillow raises for damage.
            error = reason
        found = rescued(data, pixels)
        if found:
            data, image.warning = found
            return kind.render(data, image.origin, image.page, _size(image), image.mode == GRAY)
        if pixels is None:
            raise error or OSError("nothing can be decoded")
        return pixels


def _check_pixels(origin: str, size: Size, limits: Limits) -> None:
    if not (size.width and size.height):
        raise PageError(Code.IMAGE_DAMAGED, f"{origin} has {size.width}x{size.height} pixels.", COPY_AGAIN)
    if size.width * size.height > limits.max_megapixels * 1e6:
        raise PageError(
            Code.IMAGE_TOO_LARGE,
            f"{origin} has {size.width}x{size.height} pixels, over the limit of {limits.max_megapixels:g} megapixels.",
            "Raise BinaryToImage's max_megapixels if you trust it.",
        )
