"""TIFF: samples of any depth and kind, alpha channels, planes, and directories that are no pages."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from making import encoded
from PIL import Image as PillowImage

from raypipe.errors import PageError
from raypipe.images.image import Limits, open_image
from raypipe.images.kinds import page_count

LIMITS = Limits(max_bytes=10_000_000, max_megapixels=150, max_pages=100)
GREY = np.linspace(0, 255, 20 * 30).reshape(20, 30).astype(np.uint8)
GREY[0, 0], GREY[-1, -1] = 0, 255
COLOUR = np.dstack([GREY, GREY[::-1], GREY[:, ::-1]])
COLOUR[0, 0] = 255


def tiff(values: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.ascontiguousarray(values), **options)
    return file.getvalue()


def read(data: bytes, page: int = 0, gray: bool = True) -> np.ndarray:
    image = open_image(data, "scan.tif", page, gray, LIMITS)
    pixels = image.pixels()
    assert pixels.shape[:2] == (image.height, image.width) and pixels.dtype == np.uint8
    return pixels


def near(found: np.ndarray, expected: np.ndarray) -> bool:
    return found.shape == expected.shape and int(np.abs(found.astype(int) - expected).max()) <= 2


DEPTHS = {
    "uint16": GREY.astype(np.uint16) * 257,
    "uint32": GREY.astype(np.uint32) * 16843009,
    "int8": (GREY // 2).astype(np.int8),
    "int16": GREY.astype(np.int16) * 128,
    "negative": (GREY.astype(np.int32) * 257 - 32768).astype(np.int16),
    "int32": GREY.astype(np.int32) * 1000,
    "float16": (GREY / 255).astype(np.float16),
    "float32": (GREY / 255).astype(np.float32),
    "float64": GREY / 255 * 1e6,
}


@pytest.mark.parametrize(
    "options", [{}, {"compression": "zlib"}, {"bigtiff": True, "byteorder": ">"}, {"tile": (16, 16)}]
)
@pytest.mark.parametrize("depth", DEPTHS)
def test_grey_of_any_depth(depth: str, options: dict[str, Any]) -> None:
    assert near(read(tiff(DEPTHS[depth], **options)), GREY)


@pytest.mark.parametrize("depth", ["uint16", "uint32", "float16", "float32"])
def test_white_may_be_zero(depth: str) -> None:
    values = DEPTHS[depth]
    turned = (values.max() - values).astype(values.dtype)
    assert near(read(tiff(turned, photometric="miniswhite")), GREY)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32", "float16", "float32", "float64"])
def test_colour_of_any_depth(kind: str, separate: bool) -> None:
    most = np.iinfo(kind).max // 255 if kind.startswith("u") else 1 / 255
    values = (COLOUR.astype(np.float64 if kind.startswith("f") else kind) * most).astype(kind)
    options = {"planarconfig": "separate"} if separate else {}
    values = np.moveaxis(values, -1, 0) if separate else values
    assert near(read(tiff(values, photometric="rgb", **options), gray=False), COLOUR[:, :, ::-1])


def test_scanners_of_ten_bits_have_white_paper() -> None:
    values = COLOUR.astype(np.uint16) * 4
    assert near(read(tiff(values, photometric="rgb"), gray=False), COLOUR[:, :, ::-1])


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("alpha", ["unassalpha", "assocalpha", "unspecified"])
@pytest.mark.parametrize("colours", [1, 3])
def test_transparency_is_laid_on_white(kind: str, alpha: str, colours: int) -> None:
    """Black ink on nothing; an extra channel that nobody says what it is does not count."""
    most = np.iinfo(kind).max if kind.startswith("u") else 1.0
    ink = np.zeros((20, 30, colours + 1), kind)
    ink[:, 15:, -1] = most
    ink[:, :3, :-1] = most if alpha == "unspecified" else 0
    options = {"photometric": "rgb" if colours == 3 else "minisblack", "planarconfig": "contig"}
    found = read(tiff(ink, extrasamples=[alpha], **options))
    assert (found[:, 20:] == 0).all() and (found[:, :3] == 255).all()
    assert (found[:, 5:10] == (0 if alpha == "unspecified" else 255)).all()


def test_cmyk_of_sixteen_bits() -> None:
    values = np.asarray(PillowImage.fromarray(COLOUR).convert("CMYK")).astype(np.uint16) * 257
    assert near(read(tiff(values, photometric="separated"), gray=False), COLOUR[:, :, ::-1])


def test_a_compression_that_only_opencv_knows() -> None:
    values = np.dstack([COLOUR.astype(np.float32) / 255])
    _, data = cv2.imencode(".tif", values[:, :, ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    assert near(read(data.tobytes(), gray=False), COLOUR[:, :, ::-1])


@pytest.mark.parametrize("orientation", [3, 6])
def test_deep_pages_are_turned_upright(orientation: int) -> None:
    stored = np.rot90(DEPTHS["float32"], {3: 2, 6: 1}[orientation])
    assert near(read(tiff(stored, extratags=[(274, 3, 1, orientation, True)])), GREY)


def test_the_resolution_of_a_deep_page() -> None:
    data = tiff(DEPTHS["float32"], resolution=(118.11, 118.11), resolutionunit="CENTIMETER")
    assert open_image(data, "scan.tif", 0, True, LIMITS).resolution == 300


@pytest.mark.parametrize(
    ("values", "options"),
    [(np.zeros((20, 30, 12), np.uint16), {"planarconfig": "contig"}), (COLOUR, {"photometric": 8})],
)
def test_what_is_not_read_says_so(values: np.ndarray, options: dict[str, Any]) -> None:
    with pytest.raises(PageError, match=r"scan\.tif") as error:
        read(tiff(values, **options))
    assert error.value.code in ("image_unknown", "image_damaged") and error.value.remedy


SMALL = COLOUR[::2, ::2]
COPY, MASK, OLD_COPY = {"subfiletype": 1}, {"subfiletype": 4}, {"extratags": [(255, 3, 1, 2, True)]}


@pytest.mark.parametrize(
    ("directories", "shapes"),
    [
        ([(COLOUR, {}), (SMALL, COPY), (COLOUR, {})], [(20, 30), (20, 30)]),
        ([(SMALL, COPY), (COLOUR, {})], [(20, 30)]),
        ([(COLOUR, {}), (GREY > 99, MASK)], [(20, 30)]),
        ([(COLOUR, {}), (SMALL, OLD_COPY)], [(20, 30)]),
        ([(COLOUR, {"subfiletype": 2}), (SMALL, {"subfiletype": 2})], [(20, 30), (10, 15)]),
        ([(SMALL, COPY)], [(10, 15)]),
        ([(COLOUR, {}), (SMALL, {}), (SMALL[::2, ::2], {})], [(20, 30)]),
        ([(COLOUR, {}), (SMALL, {})], [(20, 30), (10, 15)]),
    ],
    ids=["pyramid", "thumbnail first", "mask", "old", "pages", "nothing else", "silent pyramid", "half a page"],
)
@pytest.mark.parametrize("big", [False, True])
def test_reduced_copies_are_no_pages(
    directories: list[tuple[np.ndarray, dict[str, Any]]], shapes: list[tuple[int, int]], big: bool
) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=big) as writer:
        for values, options in directories:
            photometric = "rgb" if values.ndim == 3 else "minisblack"
            writer.write(np.ascontiguousarray(values), photometric=photometric, metadata=None, **options)
    assert page_count(io.BytesIO(file.getvalue())) == len(shapes)
    assert [read(file.getvalue(), page).shape for page in range(len(shapes))] == shapes


def test_ordinary_pages_stay_as_they_are() -> None:
    assert near(read(encoded(COLOUR, "TIFF", compression="tiff_lzw"), gray=False), COLOUR[:, :, ::-1])
