"""The original pages of documents: PDFs unchanged, pictures as pages of a PDF; img2pdf keeps their bytes."""

from __future__ import annotations

import math
import sys

import cv2

from raypipe.errors import ConfigError, PageError
from raypipe.files.paths import read_file
from raypipe.images import deep, passwords, raster
from raypipe.images.image import Limits, open_image
from raypipe.images.kinds import kind_of
from raypipe.images.pdf import unlocked
from raypipe.outputs.base import Document
from raypipe.types import PageRecord

LONG_SIDE = 842
"""The longer side, in points, of pages whose picture does not state its size: that of A4."""
LEAST_RESOLUTION = 100
"""Dots per inch; lower values come from cameras and programs that know nothing of paper."""
SHORTEST, LONGEST = 3, 14_400
"""Sides that a page of a PDF may have, in points."""
_READ_BEFORE = Limits(max_bytes=sys.maxsize, max_megapixels=math.inf, max_pages=sys.maxsize)


class Originals:
    """The unlocked files that the pages of a document come from. The latest is kept, since its other pages come next.

    Only documents that are written to a folder have paths that may be opened: others may come from a remote client.
    """

    def __init__(self, document: Document) -> None:
        self._may_open = document.folder is not None
        self._latest = "", b""

    def of(self, page: PageRecord) -> bytes:
        """The file that a page comes from.

        Raises:
            ConfigError: The picture was not kept, and cannot be read again.
            PageError: `file_missing`.
        """
        image = page.image
        if (image is None or image.data is None) and not self._may_open:
            raise ConfigError(f"The picture of {page.path} was not kept.", "Set keep_input=True, or use Page.save.")
        origin = page.path if image is None else str(image.origin)
        if image is not None and image.data is not None:
            return unlocked(image.data, passwords.of(origin))
        if self._latest[0] != origin:
            self._latest = origin, unlocked(read_file(origin), passwords.of(origin))
        return self._latest[1]


def number_of(page: PageRecord) -> int:
    """The number of a page in its file, from 0."""
    return int(page.image.page) if page.image is not None else page.pagenum


def is_pdf(data: bytes) -> bool:
    """Whether a file is a PDF."""
    return kind_of(data).name == "pdf"


def picture_page(data: bytes, page: PageRecord, archival: bool = False) -> bytes:
    """A PDF of one page that shows a page of a file of pictures: a JPEG or PNG byte for byte, others pixel for pixel.

    If it is `archival`, it has nothing that PDF/A does not allow.

    Raises:
        PageError: It cannot be read.
    """
    import img2pdf

    image = open_image(data, page.path, number_of(page), False, _READ_BEFORE)
    dots = _dots(image.width, image.height, image.resolution)
    options = {"layout_fun": img2pdf.get_fixed_dpi_layout_fun(dots), "rotation": img2pdf.Rotation.ifvalid}
    if _may_be_kept(data, page.path, archival):
        try:
            return bytes(img2pdf.convert(data, **options))
        except (img2pdf.ImageOpenError, img2pdf.AlphaChannelError, ValueError, NotImplementedError):
            pass  # PDF has no counterpart for this kind of picture.
    _, png = cv2.imencode(".png", image.pixels())
    return bytes(img2pdf.convert(png.tobytes(), **options))


def _dots(width: int, height: int, resolution: int) -> tuple[float, float]:
    """Dots per inch along both sides of a picture, such that a page of a PDF can have its size.

    They differ only for a picture that is thousands of times longer than wide.
    """
    short, long = sorted((width, height))
    dots = resolution if resolution >= LEAST_RESOLUTION else 72 * long / LONG_SIDE
    dots = max(min(dots, 72 * short / SHORTEST), 72 * long / LONGEST)
    return min(dots, 72 * width / SHORTEST), min(dots, 72 * height / SHORTEST)


def _may_be_kept(data: bytes, name: str, archival: bool) -> bool:
    """Whether img2pdf can store a picture as it is.

    With transparency, viewers would lay it on white whatever its ink, and img2pdf mixes up palettes of few colours. Of
    more than 8 bits, it may use fewer than it has, so that viewers would show it as black.
    """
    if kind_of(data).name != raster.KIND.name:
        return False
    try:
        picture = raster.header(data, name)
    except PageError:  # Something is to be mended.
        return False
    if picture.format != "JPEG2000" and (picture.mode.startswith("I") or deep.needed(picture, data)):
        return False
    is_allowed = picture.mode != "CMYK" and picture.format != "JPEG2000"
    return not picture.has_transparency_data and (is_allowed or not archival)
