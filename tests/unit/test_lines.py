from __future__ import annotations

import numpy as np
import pytest
from making import Boxes, boxes, image_of, rotated, white

from raypipe.geometry import bounds, corners
from raypipe.layout.lines import arrange
from raypipe.recognition.base import Reading
from raypipe.stages.crops import assemble, cut, place
from raypipe.types import Crops, Line, Pixels

HEIGHT, MAX_WIDTH = 48, 3200
PITCH, BAR, LINE_HEIGHT, SPACE = 20, 12, 40, 60


class BarReader:
    """Reads a dark bar as the letter `l`, and more than a bar of white between two as a space."""

    def read(self, pictures: list[Pixels]) -> list[Reading]:
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Pixels) -> Reading:
        dark = np.concatenate([[0], picture[HEIGHT // 2 - 4 : HEIGHT // 2 + 4].mean((0, 2)) < 128, [0]]).astype(int)
        starts, ends = np.flatnonzero(np.diff(dark) == 1), np.flatnonzero(np.diff(dark) == -1)
        text, centres = "", []
        for n, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if n and start - ends[n - 1] > 1.5 * (end - start):
                text += " "
                centres.append((start + ends[n - 1]) / 2)
            text += "l"
            centres.append((start + end) / 2)
        return Reading(text, [0.5] * len(text), [float(centre) for centre in centres])


def bars(counts: list[int], x: float, y: float) -> tuple[Boxes, Boxes]:
    """Words of bars that begin at x, their middle at y: boxes of the bars and of the words."""
    letters, words = [], []
    for count in counts:
        width = count * PITCH
        letters += [(x + (n + 0.5) * PITCH, y, BAR, LINE_HEIGHT - 10, 0) for n in range(count)]
        words.append((x + width / 2, y, width, LINE_HEIGHT, 0))
        x += width + SPACE
    return boxes(*letters), boxes(*words)


def page(letters: Boxes) -> Pixels:
    pixels = white(1000, 1000)
    y, x = np.mgrid[:1000, :1000] + 0.5
    for cx, cy, width, height, angle in letters.tolist():
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        along, across = (x - cx) * cos + (y - cy) * sin, (y - cy) * cos - (x - cx) * sin
        pixels[(np.abs(along) < width / 2) & (np.abs(across) < height / 2)] = 0
    return pixels


def two_lines(angle: float) -> tuple[Pixels, Boxes, Boxes]:
    """A page of two lines at an angle, the boxes of their words, and of the lines."""
    first, second = bars([3, 5, 4], 250, 450), bars([6, 2], 250, 550)
    words = np.concatenate([first[1], second[1]])
    lines = boxes((430, 450, 360, LINE_HEIGHT, 0), (360, 550, 220, LINE_HEIGHT, 0))
    letters = np.concatenate([first[0], second[0]])
    return page(rotated(letters, angle)), rotated(words, angle), rotated(lines, angle)


def read(pixels: Pixels, regions: Boxes, group: bool, scale: int = 1, border: int = 4) -> tuple[list[Line], Crops]:
    full = regions * np.array([scale, scale, scale, scale, 1], np.float32)
    layout = arrange(full) if group else None
    crops = cut(image_of(pixels, scale), full, HEIGHT, MAX_WIDTH, border * scale, 30, layout)
    return assemble(crops, BarReader().read(crops.pictures())), crops


def near(line: Line, expected: Boxes, scale: int = 1) -> bool:
    found = boxes(*((w.x, w.y, w.width, w.height, w.angle) for w in line.words)) / [scale, scale, scale, scale, 1]
    return found.shape == expected.shape and bool(np.abs(corners(found) - corners(expected)).max() < 8)


@pytest.mark.parametrize("angle", [0, 5, -12])
@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("way", ["line regions", "word regions", "word regions, grouped"])
def test_words_land_where_they_stand(way: str, scale: int, angle: float) -> None:
    pixels, words, lines = two_lines(angle)
    regions = lines if way == "line regions" else words
    found, crops = read(pixels, regions, way.endswith("grouped"), scale)
    assert [line.text for line in found] == ["lll lllll llll", "llllll ll"]
    assert len(crops.widths) == (5 if way == "word regions" else 2)
    assert near(found[0], words[:3], scale)
    assert near(found[1], words[3:], scale)


@pytest.mark.parametrize("group", [True, False])
def test_the_box_of_a_line_encloses_its_regions(group: bool) -> None:
    pixels, words, lines = two_lines(10)
    found, _ = read(pixels, words, group, border=0)
    ours = boxes(*((line.x, line.y, line.width, line.height, line.angle) for line in found))
    assert np.allclose(corners(ours), corners(lines), atol=1)


def test_order_of_the_regions_does_not_matter() -> None:
    pixels, words, _ = two_lines(5)
    order = [3, 0, 4, 2, 1]
    assert read(pixels, words[order], True)[0] == read(pixels, words, True)[0]


def test_lines_side_by_side_share_a_row() -> None:
    left, right = bars([3], 100, 500), bars([4], 700, 505)
    pixels = page(np.concatenate([left[0], right[0]]))
    found, _ = read(pixels, np.concatenate([left[1], right[1]]), True)
    assert [(line.text, line.row) for line in found] == [("lll", 0), ("llll", 0)]


def test_confidences_are_means_of_characters() -> None:
    pixels, words, _ = two_lines(0)
    crops = read(pixels, words[:2], True)[1]
    reading = Reading("ab cd", [1, 0.5, 0.9, 0.25, 0.25], [10, 30, 70, 110, 130])
    (line,) = assemble(crops, [reading])
    assert line.confidence == pytest.approx(2.9 / 5)
    assert [word.confidence for word in line.words] == [0.75, 0.25]


def test_a_region_where_nothing_is_read_is_no_line() -> None:
    pixels, words, _ = two_lines(0)
    found, crops = read(pixels, np.concatenate([words, boxes((500, 800, 200, 40, 0))]), False)
    assert len(crops.widths) == 6
    assert [line.text for line in found] == ["lll lllll llll", "llllll ll"]


def test_a_page_without_regions_has_no_pictures_and_no_lines() -> None:
    found, crops = read(white(1000, 1000), np.zeros((0, 5), np.float32), True)
    assert (found, crops.widths, crops.pixels) == ([], [], b"")


@pytest.mark.parametrize("space", [0, 10, 25])
def test_regions_in_one_picture_are_parted_by_white(space: int) -> None:
    pixels = white(100, 400)
    pixels[20:60, 50:130] = pixels[20:60, 190:270] = 0
    some = boxes((90, 40, 80, 40, 0), (230, 40, 80, 40, 0))
    crops = cut(image_of(pixels), some, 40, MAX_WIDTH, 0, space, arrange(some))
    (picture,), table = crops.pictures(), crops.segment_table()
    (first, end), (start, last) = table[:, 1:3].astype(int)
    assert (first, start - end, last) == (0, space, picture.shape[1])
    assert (picture[:, end:start] == 255).all()
    assert ((picture == 0).all((0, 2))).sum() == 160


def test_the_border_is_page_around_the_region() -> None:
    pixels = white(100, 400)
    pixels[30:70, 100:200] = 0
    some = boxes((150, 50, 100, 40, 0))
    (picture,) = cut(image_of(pixels), some, 60, MAX_WIDTH, 10, 0).pictures()
    assert picture.shape == (60, 120, 3)
    assert (picture[10:50, 10:110] == 0).all()
    assert (picture[:, :10] == 255).all()
    assert (picture[50:] == 255).all()


def test_a_grouped_line_is_no_wider_than_the_recognizer_takes() -> None:
    some = boxes(*((100 + 132 * n, 20, 118, 20, 0) for n in range(12)))
    assert len(arrange(some).members) == 1
    crops = cut(image_of(white(40, 1800)), some, HEIGHT, MAX_WIDTH, 0, 10, arrange(some))
    assert max(crops.widths) <= MAX_WIDTH


def segment(*values: float) -> np.ndarray:
    return np.array([(0, *values)], np.float32)


def test_place_scales_and_turns() -> None:
    """Columns 0 to 100 show a box of 200 x 40 about (500, 300): columns 25 to 50 are a quarter, left of the middle."""
    level = segment(0, 100, 500, 300, 200, 40, 0)
    assert place((25, 0, 50, 20), 20, level) == pytest.approx((475, 300, 50, 40, 0))
    assert place((25, 0, 50, 5), 20, level) == pytest.approx((475, 285, 50, 10, 0))
    turned = segment(0, 100, 500, 300, 200, 40, 90)
    assert place((25, 0, 50, 20), 20, turned) == pytest.approx((500, 275, 50, 40, 90), abs=1e-3)
    assert place((25, 0, 50, 5), 20, turned) == pytest.approx((515, 275, 50, 10, 90), abs=1e-3)


def test_place_stays_inside_its_region() -> None:
    both = np.concatenate([segment(0, 100, 100, 50, 100, 40, 0), segment(110, 210, 400, 50, 200, 40, 0)])
    left, _, right, _ = bounds(boxes(place((-20, 0, 40, 10), 10, both)))[0]
    assert (left, right) == (50, 90)
    left, _, right, _ = bounds(boxes(place((120, 0, 260, 10), 10, both)))[0]
    assert (left, right) == (320, 500)
