"""TIFF pages whose samples Pillow rejects, truncates or misreads: of other depths, CIELab, floating-point."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from raypipe.errors import Code, PageError
from raypipe.images import deep, raster
from raypipe.images.base import Size
from raypipe.images.depth import as_picture, eight_bits, from_lab, from_picture, most_of, on_paper, white_beside
from raypipe.types import Pixels

if TYPE_CHECKING:
    from tifffile import TiffPage

BITS_PER_SAMPLE, PHOTOMETRIC, PLANES_TAG, SAMPLE_FORMAT, SUBSAMPLING, UNSIGNED = 258, 262, 284, 339, 530, 1
FORMATS = (UNSIGNED, 2, 3)
"""Kinds of samples that are read: unsigned and signed integers, and floating-point; others are complex."""
MOST_SAMPLES = 8
"""Most channels of a picture that is read; satellite pictures have more."""
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK, YCC, LAB, ICC_LAB = 0, 1, 2, 5, 6, 8, 9
"""Photometric interpretations: TIFF 6.0, sections 4, 6, 16, 21 and 23, and one of its supplements."""
CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4, YCC: 3, LAB: 3, ICC_LAB: 3}
"""The number of colour channels by kind of picture; others may follow, such as an alpha channel."""
OPENCV_COMPRESSIONS = frozenset((1, 2, 3, 4, 5, 8, 32773, 32946))
"""None, CCITT, LZW, Deflate and PackBits."""
PLANES, UNCOMPRESSED, WEBP = 2, 1, 50001
WHOLE = (1, 1)
"""Subsampling of YCbCr in which no two pixels share a sample."""
UNSPECIFIED, MULTIPLIED = 0, 1
"""Kinds of extra samples: not an alpha channel, and one by which the colours are multiplied: section 18."""


class Samples(NamedTuple):
    """A decoded page: colours (h, w, channels), an alpha channel if there is one, and whether it is multiplied in."""

    colours: npt.NDArray[Any]
    alpha: npt.NDArray[Any] | None = None
    is_multiplied: bool = False


def needed(data: bytes, number: int) -> bool:
    """Whether Pillow would not read a page correctly, judged by its directory."""
    try:
        picture = raster.header(data, "the TIFF")
        picture.seek(number)
    except (PageError, EOFError):
        return _page_in(data, number) is not None
    tags: Any = getattr(picture, "tag_v2", {})
    compression, is_planar = tags.get(raster.COMPRESSION), tags.get(PLANES_TAG) == PLANES
    # Pillow opens these, too: colours multiplied by alpha, CIELab, and what only tifffile's decoders know.
    if picture.mode in ("La", "LAB") or (picture.mode == "RGBA" and is_planar) or compression == WEBP:
        return True
    # Before Pillow 13, such a picture has the mode RGB.
    if tags.get(PHOTOMETRIC) == YCC and compression == UNCOMPRESSED and tags.get(SUBSAMPLING) != WHOLE:
        return True
    return max(tags.get(BITS_PER_SAMPLE, (1,))) > 8 or set(tags.get(SAMPLE_FORMAT, (UNSIGNED,))) != {UNSIGNED}


def _page_in(data: bytes, number: int) -> TiffPage | None:
    """A page as tifffile opens it; None if it cannot."""
    from tifffile import TiffFile, TiffPage

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # It would tell the terminal, not the page's row.
    try:
        page = TiffFile(io.BytesIO(data)).pages[number]
    except Exception:  # It raises almost anything for a broken file; Pillow's error is clearer.
        return None
    return page if isinstance(page, TiffPage) else None


def _page(data: bytes, origin: str, number: int) -> TiffPage:
    page = _page_in(data, number)
    if page is None:
        raise PageError(Code.IMAGE_UNKNOWN, f"{origin} is not a TIFF that can be read.", "Save it as PNG.")
    is_read = page.photometric in CHANNELS and page.sampleformat in FORMATS
    is_lab = page.photometric in (LAB, ICC_LAB)
    if not is_read or page.samplesperpixel > MOST_SAMPLES or (is_lab and page.bitspersample not in (8, 16)):
        name = getattr(page.photometric, "name", page.photometric)
        what = f"{page.samplesperpixel} channels of {page.bitspersample} bits, {name}"
        what += ", complex" * (page.sampleformat not in FORMATS)
        raise PageError(Code.IMAGE_UNKNOWN, f"{origin} has {what}, which are not read.", "Save it as grey or RGB.")
    return page


def describe(data: bytes, origin: str, number: int) -> Size:
    """The size of a page; see `Kind.describe`.

    Raises:
        PageError: `image_unknown`.
    """
    page = _page(data, origin, number)
    width, height = page.imagewidth, page.imagelength
    if _orientation(page) >= 5:
        width, height = height, width
    return Size(width=width, height=height, resolution=_resolution(page))


def _orientation(page: TiffPage) -> int:
    value = page.tags.valueof(274, default=1)
    return value if value in raster.UPRIGHT else 1


def _resolution(page: TiffPage) -> int:
    from tifffile import RESUNIT

    if page.resolutionunit == RESUNIT.NONE:
        return 0
    try:
        found = round(page.get_resolution(RESUNIT.INCH)[0])
    except (ValueError, ArithmeticError, TypeError):
        return 0
    return found if 1 < found <= raster.MOST_DOTS else 0


def render(data: bytes, origin: str, number: int, gray: bool) -> Pixels:
    """Decodes a page and turns it upright; see `Kind.render`.

    Raises:
        PageError: `image_unknown`.
    """
    page = _page(data, origin, number)
    samples = _samples(page, data, origin, number)
    picture = as_picture(_bytes(samples, page), page.photometric == CMYK)
    if samples.alpha is not None:
        bands = np.atleast_3d(np.asarray(picture.convert("RGB") if picture.mode == "CMYK" else picture))
        picture = as_picture(on_paper(bands.copy(), samples.alpha, _opaque(page, samples.alpha), samples.is_multiplied))
    return np.asarray(raster.UPRIGHT[_orientation(page)](from_picture(picture, gray)))


def _bytes(samples: Samples, page: TiffPage) -> Pixels:
    """The colours of a page as bytes: grey, RGB or CMYK."""
    colours, alpha = samples.colours, samples.alpha
    if page.photometric in (LAB, ICC_LAB):
        return from_lab(colours, page.photometric == LAB)
    # Inks have a fixed range; only for light is the brightest value taken for white.
    most = _most(page, colours)
    if page.bitspersample >= 8 and page.photometric != CMYK:
        most = 0 if alpha is None else white_beside(colours, alpha, _opaque(page, alpha))
    return eight_bits(colours, page.photometric == WHITE_IS_ZERO, most)


def _most(page: TiffPage, values: npt.NDArray[Any]) -> float:
    """The highest value that samples of such a type can have."""
    bits = page.bitspersample - (values.dtype.kind == "i")
    return 1.0 if values.dtype.kind == "f" else float((1 << bits) - 1)


def _opaque(page: TiffPage, alpha: npt.NDArray[Any]) -> float:
    return min(_most(page, alpha), most_of(alpha))


def _samples(page: TiffPage, data: bytes, origin: str, number: int) -> Samples:
    try:
        if page.photometric == YCC and page.compression in OPENCV_COMPRESSIONS:
            raise ValueError("pixels share its colours")
        values = page.asarray()
    except Exception as error:  # A compression or packing that needs the package imagecodecs, or damage.
        return _samples_by_opencv(page, data, origin, number, error)
    if page.samplesperpixel > 1 and page.planarconfig == PLANES:
        values = np.moveaxis(values, 0, -1)
    values = values.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
    channels = CHANNELS[page.photometric]
    kinds = [kind for kind in page.extrasamples if kind != UNSPECIFIED][:1]
    if not kinds:
        return Samples(values[:, :, :channels])
    alpha = values[:, :, channels + page.extrasamples.index(kinds[0])]
    return Samples(values[:, :, :channels], alpha, kinds[0] == MULTIPLIED)


def _samples_by_opencv(page: TiffPage, data: bytes, origin: str, number: int, reason: Exception) -> Samples:
    """The samples as OpenCV decodes them: most compressions, but neither planes nor alpha channels of greys.

    If it cannot, the error is the `reason` why tifffile could not: that a package is missing, or damage.
    """
    encoded = np.frombuffer(data, np.uint8)
    if page.photometric in (LAB, ICC_LAB):  # To get the stored values, not those that libtiff converts.
        encoded, tag = encoded.copy(), page.tags[raster.PHOTOMETRIC]
        encoded[tag.valueoffset : tag.valueoffset + 2] = (0, RGB) if page.parent.byteorder == ">" else (RGB, 0)
    # Of other compressions, OpenCV may make black pages.
    is_known = page.compression in OPENCV_COMPRESSIONS and page.planarconfig != PLANES
    found = deep.unchanged(encoded, number) if is_known else None
    if found is None:
        is_installable = "imagecodecs" in str(reason) or isinstance(reason, ImportError)
        if not is_installable and "COMPRESSION." not in str(reason):
            raise reason
        name = getattr(page.compression, "name", page.compression)
        predictor = f" with predictor {int(page.predictor)}" if page.predictor > 1 else ""
        message = f"{origin} has the compression {name}{predictor}, which is not read."
        remedy = "Save it without compression" + (", or install the package imagecodecs." if is_installable else ".")
        raise PageError(Code.IMAGE_UNKNOWN, message, remedy) from reason
    values = np.atleast_3d(found)
    if values.shape[2] < 3:
        return Samples(values[:, :, :1])
    colours = values[:, :, 2::-1]
    return Samples(colours, values[:, :, 3]) if values.shape[2] == 4 else Samples(colours)
