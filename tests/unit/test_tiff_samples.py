"""TIFF: samples of any depth and kind, alpha channels, planes, and directories that are no pages."""

from __future__ import annotations

import io
import struct
from importlib.util import find_spec
from pathlib import Path
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


@pytest.mark.parametrize("kind", ["uint16", "float32"])
@pytest.mark.parametrize("alpha", ["unassalpha", "assocalpha"])
def test_bright_ink_on_nothing_is_laid_on_black(kind: str, alpha: str) -> None:
    ink = np.zeros((20, 30, 2), kind)
    ink[:, 15:] = np.iinfo(kind).max if kind.startswith("u") else 1.0
    found = read(tiff(ink, extrasamples=[alpha], photometric="minisblack", planarconfig="contig"))
    assert (found[:, :15] == 0).all() and (found[:, 15:] == 255).all()


@pytest.mark.parametrize("kind", ["uint16", "int16", "uint32", "float32"])
def test_ink_on_nothing_is_not_made_brighter(kind: str) -> None:
    """The brightest value is that of an ink, not of paper."""
    most = 1.0 if kind == "float32" else np.iinfo(kind).max
    ink = np.array([[0, 0], [0.02 * most, most], [0.4 * most, most]]).astype(kind)[None].repeat(9, 0)
    found = read(tiff(ink, extrasamples=["unassalpha"], photometric="minisblack", planarconfig="contig"))
    assert np.abs(found.astype(int) - [255, 5, 102]).max() <= 1


def test_cmyk_of_sixteen_bits() -> None:
    values = np.asarray(PillowImage.fromarray(COLOUR).convert("CMYK")).astype(np.uint16) * 257
    assert near(read(tiff(values, photometric="separated"), gray=False), COLOUR[:, :, ::-1])


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_faint_ink_stays_faint(kind: str) -> None:
    """Of ink, nobody knows how much the darkest is: it is not made black."""
    ink = np.asarray(PillowImage.fromarray(COLOUR).convert("CMYK")) // 4
    values = (ink * (257.0 if kind == "uint16" else 1 / 255)).astype(kind)
    expected = np.asarray(PillowImage.fromarray(ink, "CMYK").convert("RGB"))
    assert near(read(tiff(values, photometric="separated"), gray=False), expected[:, :, ::-1])


def lab_of(bits: int, is_icc: bool) -> np.ndarray:
    """`COLOUR` as CIELab of TIFF 6.0, or as Photoshop writes it, (20, 30, 3)."""
    lab = cv2.cvtColor(COLOUR.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    unit = 1 << (bits - 8)
    white = 255 * unit if is_icc else 256 * unit - 1
    values = np.rint(lab * [white / 100, unit, unit] + [0, 128 * unit * is_icc, 128 * unit * is_icc])
    return values.astype(np.int64).astype(f"uint{bits}")


LAB_OPTIONS = {
    "plain": {},
    "packed": {"compression": "zlib"},
    "tiles": {"tile": (16, 16)},
    "big": {"bigtiff": True, "byteorder": ">"},
    "profile": {"iccprofile": b"a profile of the printer's"},
}


@pytest.mark.parametrize("options", LAB_OPTIONS)
@pytest.mark.parametrize("is_icc", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_cielab(bits: int, is_icc: bool, options: str) -> None:
    values, photometric = lab_of(bits, is_icc), 9 if is_icc else 8
    data = tiff(values, photometric=photometric, **LAB_OPTIONS[options])
    found = read(data, gray=False)
    assert np.abs(found.astype(int) - COLOUR[:, :, ::-1]).mean() < 3
    grey = np.rint(COLOUR @ [0.299, 0.587, 0.114])
    assert np.abs(read(data).astype(int) - grey).mean() < 3


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("alpha", [False, True])
def test_cielab_in_planes(bits: int, alpha: bool) -> None:
    values = lab_of(bits, True)
    full = np.full(GREY.shape, (1 << bits) - 1, values.dtype)
    planes = np.moveaxis(np.dstack([values, full]) if alpha else values, -1, 0)
    options = {"extrasamples": ["unassalpha"]} if alpha else {}
    found = read(tiff(planes, photometric=9, planarconfig="separate", **options), gray=False)
    assert np.abs(found.astype(int) - COLOUR[:, :, ::-1]).mean() < 3


@pytest.mark.parametrize("bits", [8, 16])
def test_cielab_that_only_libtiff_unpacks(bits: int) -> None:
    """Neither Pillow nor tifffile alone reads it rightly: OpenCV does, as if it were RGB."""
    compressed = cv2.imencode(".tif", lab_of(bits, True)[:, :, ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes()
    is_rgb, is_lab = (struct.pack("<HHIHH", 262, 3, 1, value, 0) for value in (2, 9))
    assert compressed.count(is_rgb) == 1
    found = read(compressed.replace(is_rgb, is_lab), gray=False)
    assert np.abs(found.astype(int) - COLOUR[:, :, ::-1]).mean() < 3


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf, -3.4e38, 1e38])
def test_numbers_for_what_was_not_measured(nothing: float) -> None:
    values = DEPTHS["float32"].copy()
    values[3, 3] = nothing
    found, expected = read(tiff(values)).copy(), GREY.copy()
    found[3, 3] = expected[3, 3] = 0
    assert near(found, expected)


def test_planes_with_a_multiplied_alpha_channel() -> None:
    planes = np.moveaxis(np.dstack([COLOUR, np.full(GREY.shape, 255, np.uint8)]), -1, 0)
    data = tiff(planes, photometric="rgb", planarconfig="separate", extrasamples=["assocalpha"])
    assert near(read(data, gray=False), COLOUR[:, :, ::-1])


def test_a_palette_of_bytes() -> None:
    """TIFF wants 16 bits a colour; viewers forgive those who write 8."""
    colours = np.stack([np.arange(256), np.arange(256)[::-1], np.arange(256) // 2]).astype(np.uint16)
    data = tiff(GREY, photometric="palette", colormap=colours)
    assert near(read(data, gray=False), np.moveaxis(colours[::-1, GREY], 0, -1))


def test_colours_that_pixels_share_without_compression() -> None:
    """YCbCr, of which four pixels have one pair of colours."""
    blocks = b"".join(
        bytes([*GREY[y : y + 2, x : x + 2].ravel(), 128, 128]) for y in range(0, 20, 2) for x in range(0, 30, 2)
    )
    data = tiff(np.frombuffer(blocks + bytes(1800 - len(blocks)), np.uint8).reshape(20, 30, 3), photometric="ycbcr")
    entry = struct.pack("<HHIHH", 530, 3, 2, 1, 1)
    assert data.count(entry) == 1
    assert near(read(data.replace(entry, struct.pack("<HHIHH", 530, 3, 2, 2, 2))), GREY)


def test_strips_that_are_cut_off(tmp_path: Path) -> None:
    """The same error, whether the file is in memory or each page of it is read alone."""
    page = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    strips = (encoded(np.ascontiguousarray(page[y : y + 8, :, 0]), "JPEG") for y in range(0, 64, 8))
    file, path = io.BytesIO(), tmp_path / "scan.tif"
    options = {"photometric": "minisblack", "compression": "zlib", "rowsperstrip": 8}
    tifffile.imwrite(file, strips, shape=(64, 96), dtype=np.uint8, **options)
    is_deflate, is_jpeg = (struct.pack("<HHIHH", 259, 3, 1, value, 0) for value in (8, 7))
    data = file.getvalue().replace(is_deflate, is_jpeg)
    assert read(data).shape == (64, 96)
    path.write_bytes(data[:-300])
    for given in (None, path.read_bytes()):
        with pytest.raises(PageError, match="scan"):
            open_image(given, str(path), 0, False, LIMITS).pixels()


@pytest.mark.parametrize("options", [{"compression": "zlib"}, {"tile": (16, 16)}])
def test_a_deep_page_that_is_damaged_says_so(options: dict[str, Any]) -> None:
    data = tiff(DEPTHS["uint16"], **options)
    with pytest.raises(PageError, match="Copy it again"):
        read(data[: len(data) * 2 // 3])


def test_a_compression_that_only_opencv_knows() -> None:
    values = np.dstack([COLOUR.astype(np.float32) / 255])
    _, data = cv2.imencode(".tif", values[:, :, ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    assert near(read(data.tobytes(), gray=False), COLOUR[:, :, ::-1])


WITHOUT_CODECS = pytest.mark.skipif(find_spec("imagecodecs") is not None, reason="imagecodecs reads it")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (32809, r"THUNDERSCAN, which is not read\. Save it without compression\."),
        pytest.param(50000, "ZSTD, which is not read.*without compression, or install", marks=WITHOUT_CODECS),
    ],
)
def test_a_compression_that_is_not_read_is_no_damage(number: int, said: str) -> None:
    data = bytearray(encoded(np.full((20, 30), 4000, np.uint16), "TIFF"))
    place = tifffile.TiffFile(io.BytesIO(data)).pages[0].tags[259].valueoffset
    data[place : place + 2] = struct.pack("<H", number)
    with pytest.raises(PageError, match=said) as error:
        read(bytes(data))
    assert error.value.code == "image_unknown"


@pytest.mark.parametrize("orientation", [3, 6])
def test_deep_pages_are_turned_upright(orientation: int) -> None:
    stored = np.rot90(DEPTHS["float32"], {3: 2, 6: 1}[orientation])
    assert near(read(tiff(stored, extratags=[(274, 3, 1, orientation, True)])), GREY)


@pytest.mark.parametrize(("unit", "found"), [("CENTIMETER", 300), ("INCH", 118), ("NONE", 0)])
def test_the_resolution_of_a_deep_page(unit: str, found: int) -> None:
    data = tiff(DEPTHS["float32"], resolution=(118.11, 118.11), resolutionunit=unit)
    assert open_image(data, "scan.tif", 0, True, LIMITS).resolution == found


@pytest.mark.parametrize(
    ("values", "options"),
    [(np.zeros((20, 30, 12), np.uint16), {"planarconfig": "contig"}), (COLOUR, {"photometric": 10})]
    + [((GREY / 255).astype(np.complex64), {})],
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
    assert page_count(file.getvalue()) == len(shapes)
    assert [read(file.getvalue(), page).shape for page in range(len(shapes))] == shapes


def test_ordinary_pages_stay_as_they_are() -> None:
    assert near(read(encoded(COLOUR, "TIFF", compression="tiff_lzw"), gray=False), COLOUR[:, :, ::-1])
