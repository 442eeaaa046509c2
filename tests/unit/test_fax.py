"""Damaged data of CCITT group 4, of which decoders make black or noise without a word."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import drawn
import numpy as np
import pytest
from making import encoded
from PIL import Image as PillowImage

from raypipe.errors import PageError
from raypipe.images.fax import is_damaged
from raypipe.images.image import Limits, open_image
from raypipe.images.raster import UPRIGHT
from raypipe.images.tiff_page import Entry, Layout, file_of

LIMITS = Limits(max_bytes=10**7, max_megapixels=100, max_pages=10)
LINES = ["The quick brown fox jumps over the lazy dog"] * 18
PAGE = drawn.page(LINES, (600, 800), 20).convert("1", dither=PillowImage.Dither.NONE)
INK = np.array(PAGE)
HEIGHT = INK.shape[0]


def tiff(rows: int = HEIGHT, photometric: int = 0, orientation: int = 1) -> bytes:
    tags = {278: rows, 262: photometric, 274: orientation}
    return encoded(PAGE, "TIFF", compression="group4", tiffinfo=tags, dpi=(200, 200))


def strip(data: bytes) -> tuple[int, int]:
    """The place and size of a file's strip in the middle."""
    places, sizes = (PillowImage.open(io.BytesIO(data)).tag_v2[tag] for tag in (273, 279))
    return places[len(places) // 2], sizes[len(sizes) // 2]


def damaged(data: bytes, how: str) -> bytes:
    place, size = strip(data)
    middle = place + size // 2
    end = place + size if how == "cut" else middle + 12
    return data[:middle] + (b"\xff" if how == "noise" else b"\0") * (end - middle) + data[end:]


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("rows", [HEIGHT, 64])
def test_a_whole_page_is_as_it_is(rows: int, photometric: int) -> None:
    image = open_image(tiff(rows, photometric), "a.tif", 0, True, LIMITS)
    assert np.array_equal(image.pixels(), INK * 255) and image.warning == "" and image.resolution == 200


def test_a_page_may_have_tiles() -> None:
    width, height = 608, 400
    tiles = [np.ones((height, width), bool) for _ in range(2)]
    for n, tile in enumerate(tiles):
        tile[:, : INK.shape[1]] = INK[n * height : (n + 1) * height]
    files = [
        encoded(PillowImage.fromarray(tile), "TIFF", compression="group4", tiffinfo={278: height}) for tile in tiles
    ]
    strips = [data[place : place + size] for data in files for place, size in [strip(data)]]
    tags = {256: INK.shape[1], 257: 2 * height, 258: 1, 259: 4, 262: 1, 322: width, 323: height}
    entries = {tag: Entry(4, 1, struct.pack("<I", value)) for tag, value in tags.items()}
    image = open_image(file_of(entries, strips, 324, Layout.of(b"II*\0")), "a.tif", 0, True, LIMITS)
    assert np.array_equal(image.pixels(), INK * 255) and image.warning == ""


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pages_that_are_stored_turned_are_turned_upright(orientation: int) -> None:
    whole = tiff(64, orientation=orientation)
    image = open_image(whole, "a.tif", 0, True, LIMITS)
    assert image.warning == "" and np.array_equal(image.pixels(), UPRIGHT[orientation](INK * np.uint8(255)))
    lacking = open_image(damaged(whole, "cut"), "a.tif", 0, True, LIMITS)
    assert 0 < float(lacking.warning.split()[0]) < 10
    assert lacking.pixels().shape == image.pixels().shape and (lacking.pixels() != image.pixels()).mean() < 0.02


@pytest.mark.parametrize("is_file", [False, True])
@pytest.mark.parametrize("how", ["cut", "noise", "zeros"])
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("rows", [HEIGHT, 64])
def test_rows_that_are_damaged_are_white(rows: int, photometric: int, how: str, is_file: bool, tmp_path: Path) -> None:
    data, path = damaged(tiff(rows, photometric), how), tmp_path / "a.tif"
    path.write_bytes(data)
    image = open_image(None if is_file else data, str(path), 0, True, LIMITS)
    pixels, bad = image.pixels(), (image.pixels() != INK * 255).any(1)
    assert image.warning.endswith("% of its rows are damaged or missing") and image.resolution == 200
    lost = float(image.warning.split()[0]) / 100 * HEIGHT
    assert 0 < lost <= rows * 0.6 and bad.sum() <= lost + 1
    kept = int(bad.argmax()) + 2  # One row before the damage is noticed may be wrong.
    assert (pixels[kept : kept + 5] == 255).all()


def test_a_page_that_is_damaged_from_its_beginning_says_so() -> None:
    data = tiff()
    place, size = strip(data)
    noise = np.random.default_rng(0).integers(0, 256, 8, np.uint8).tobytes()
    with pytest.raises(PageError, match=r"a\.tif, page 1, .* 9\d\.\d % of its rows are damaged") as error:
        open_image(data[:place] + noise + data[place + 8 :], "a.tif", 0, True, LIMITS)
    assert error.value.code == "image_damaged" and error.value.remedy


def raw() -> bytes:
    """The data of the page as PDFs hold them."""
    data = tiff(photometric=0)
    place, size = strip(data)
    return data[place : place + size]


@pytest.mark.parametrize("part", [0.5, 0.95])
def test_data_that_end_too_soon_are_told(part: float) -> None:
    data = raw()
    assert is_damaged(data[: int(part * len(data))], 600, HEIGHT)


def test_whole_data_and_those_of_other_kinds_are_not() -> None:
    data = encoded(PAGE, "TIFF", compression="group3", tiffinfo={278: HEIGHT})
    place, size = strip(data)
    assert not is_damaged(raw(), 600, HEIGHT)
    assert not is_damaged(data[place : place + size], 600, HEIGHT)
    assert not is_damaged(raw(), 601, HEIGHT)


def test_nothing_but_zeros_is_damaged() -> None:
    assert is_damaged(bytes(1000), 600, HEIGHT)
