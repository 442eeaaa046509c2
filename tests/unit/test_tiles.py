"""Very tall or wide pictures: their tiles, and regions that lie across them."""

from __future__ import annotations

import numpy as np
import pytest
from making import encoded, white

from raypipe.detection.base import Detection
from raypipe.detection.tiles import tiled, tiles
from raypipe.geometry import bounds
from raypipe.images.base import Wanted
from raypipe.images.image import Limits, open_image
from raypipe.types import Boxes, Pixels

WIDTH = 320


@pytest.mark.parametrize(
    ("height", "width"), [(1400, 1000), (1000, 2900), (600, 100), (100, 640), (20, 640), (1, 1), (3000, 1000)]
)
def test_an_ordinary_or_small_picture_is_one_tile(height: int, width: int) -> None:
    assert tiles(height, width, WIDTH) == [(0, max(height, width))]


@pytest.mark.parametrize(("height", "width"), [(9030, 720), (1000, 100), (200, 3900), (40_000, 500), (30, 1280)])
def test_tiles_cover_a_picture_and_overlap(height: int, width: int) -> None:
    parts, longer, shorter = tiles(height, width, WIDTH), max(height, width), min(height, width)
    assert parts[0].start == 0 and parts[-1].end == longer and len(parts) > 1
    assert len({part.end - part.start for part in parts}) == 1
    for one, other in zip(parts, parts[1:], strict=False):
        assert int(shorter / 4) <= one.end - other.start


def test_letters_of_a_long_line_stay_large_enough() -> None:
    """Scaled down as a whole, nothing was found in it."""
    assert {part.end - part.start for part in tiles(90, 11_000, 1280)} == {2560}
    assert {part.end - part.start for part in tiles(1000, 22_000, 1280)} == {4000}


def bars(pixels: Pixels) -> Detection:
    """Takes what is dark and connected for a line, cut off at the edges of the picture as a network would."""
    dark = pixels[:, :, 0] < 128
    found: list[list[float]] = []
    for y in np.flatnonzero(np.diff(dark.any(1).astype(int), prepend=0) == 1):
        end = y + int(np.argmin(np.append(dark[y:].any(1), False)))
        columns = np.flatnonzero(dark[y])
        x, right = columns[0], columns[-1] + 1
        found.append([(x + right) / 2, (y + end) / 2, right - x, end - y, 0])
    boxes = np.array(found, np.float32).reshape(-1, 5)
    return Detection(boxes, np.linspace(0.5, 0.9, len(boxes), dtype=np.float32))


def sorted_bounds(boxes: Boxes) -> np.ndarray:
    found = bounds(boxes)
    return found[np.lexsort(found.T[::-1])].round(2)


def test_each_line_of_a_tall_picture_is_found_once() -> None:
    page = white(4000, 200)
    for y in range(10, 3980, 37):
        page[y : y + 20, 20 : 120 + y % 60] = 0
    found = tiled(page, WIDTH, bars)
    assert (sorted_bounds(found.boxes) == sorted_bounds(bars(page).boxes)).all()
    assert len(found.scores) == len(found.boxes)


def test_a_line_across_the_tiles_of_a_wide_picture_is_one() -> None:
    page = white(200, 3000)
    page[20:50, 15:2980] = 0
    page[80:110, 300:420] = 0
    page[140:170, 700:2000] = 0
    found = tiled(page, WIDTH, bars)
    assert (sorted_bounds(found.boxes) == [[15, 20, 2980, 50], [300, 80, 420, 110], [700, 140, 2000, 170]]).all()


def test_an_empty_picture_has_no_regions() -> None:
    assert tiled(white(4000, 200), WIDTH, bars).boxes.shape == (0, 5)


@pytest.mark.parametrize(("size", "reduction"), [((400, 4000), 1), ((800, 4000), 2), ((2000, 4000), 4)])
def test_a_tall_jpeg_keeps_its_width(size: tuple[int, int], reduction: int) -> None:
    data = encoded(white(size[1], size[0]), "JPEG", quality=30)
    assert open_image(data, "a.jpg", 0, True, Limits(10**7, 100, 1), Wanted(reduce_above=1000)).reduction == reduction
