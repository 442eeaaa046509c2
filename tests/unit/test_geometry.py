from __future__ import annotations

import cv2
import numpy as np
import pytest
from making import boxes, rotated

from raypipe.geometry import bounds, contained, corners, crop, directions, enclose, from_min_area, turn, upright


def test_corners_of_a_level_box() -> None:
    assert corners(boxes((10, 20, 6, 4, 0)))[0].tolist() == [[7, 18], [13, 18], [13, 22], [7, 22]]


def test_corners_turn_clockwise_with_the_angle() -> None:
    """At 90 degrees the text runs downwards and its top is on the right."""
    expected = [[12, 17], [12, 23], [8, 23], [8, 17]]
    assert np.allclose(corners(boxes((10, 20, 6, 4, 90)))[0], expected, atol=1e-5)


def test_contained_knows_the_angle_of_a_box() -> None:
    points = np.array([[10, 20], [13, 20], [10, 23], [17, 20]], np.float32)
    inside = contained(points, boxes((10, 20, 8, 4, 0), (10, 20, 8, 4, 90)))
    assert inside.tolist() == [[True, True], [True, False], [False, True], [False, False]]


def test_corners_agree_with_opencv() -> None:
    box = (30, 40, 20, 10, 33)
    theirs = cv2.boxPoints((box[:2], box[2:4], box[4]))
    ours = corners(boxes(box))[0]
    assert all(np.abs(theirs - point).sum(1).min() < 1e-3 for point in ours)


def test_directions_are_unit_vectors_along_and_across() -> None:
    along, across = directions(np.array([0, 90], np.float32))
    assert np.allclose(along, [[1, 0], [0, 1]], atol=1e-6)
    assert np.allclose(across, [[0, 1], [-1, 0]], atol=1e-6)


def test_bounds_and_upright_of_a_turned_square() -> None:
    box = boxes((10, 20, 10, 10, 45))
    half = 10 / np.sqrt(2)
    assert np.allclose(bounds(box), [[10 - half, 20 - half, 10 + half, 20 + half]], atol=1e-4)
    assert np.allclose(upright(box), [[10, 20, 2 * half, 2 * half, 0]], atol=1e-4)


def test_no_boxes_have_no_corners() -> None:
    none = np.zeros((0, 5), np.float32)
    assert corners(none).shape == (0, 4, 2)
    assert upright(none).shape == (0, 5)


@pytest.mark.parametrize(("degrees", "expected"), [(90, (0, 1)), (-90, (0, -1)), (180, (-1, 0)), (0, (1, 0))])
def test_turn(degrees: float, expected: tuple[float, float]) -> None:
    assert np.allclose(turn(np.array([[1, 0]], np.float32), degrees), [expected], atol=1e-6)


@pytest.mark.parametrize("angle", [0, 5, -30, 44, 80])
def test_enclose_of_two_halves_is_the_whole(angle: float) -> None:
    whole = boxes((500, 500, 200, 30, 0))
    halves = boxes((450, 500, 100, 30, 0), (550, 500, 100, 20, 0))
    found = enclose(rotated(halves, angle), angle)
    assert np.allclose(found, rotated(whole, angle)[0], atol=1e-2)


@pytest.mark.parametrize(
    ("angle", "expected"),
    [(0, (10, 4, 0)), (90, (4, 10, 0)), (-90, (4, 10, 0)), (80, (4, 10, -10)), (45, (4, 10, -45)), (-45, (10, 4, -45)),
     (-60, (4, 10, 30)), (180, (10, 4, 0))],
)  # fmt: skip
def test_from_min_area_runs_the_width_along_the_text(angle: float, expected: tuple[float, ...]) -> None:
    assert from_min_area((1, 2), (10, 4), angle) == (1, 2, *expected)


@pytest.mark.parametrize("angle", range(-90, 181, 15))
def test_from_min_area_keeps_the_rectangle(angle: float) -> None:
    before, after = corners(boxes((0, 0, 10, 4, angle)))[0], corners(boxes(from_min_area((0, 0), (10, 4), angle)))[0]
    assert all(np.abs(before - point).sum(1).min() < 1e-4 for point in after)


def pattern() -> np.ndarray:
    """A line with dark letters of different widths and heights, 240 x 48, that no turn or mirror maps to itself."""
    picture = np.full((48, 240), 230, np.uint8)
    for left, width, top in (
        (10, 8, 8),
        (30, 20, 14),
        (60, 6, 4),
        (75, 40, 20),
        (130, 12, 8),
        (150, 30, 26),
        (200, 9, 6),
    ):
        picture[top:42, left : left + width] = 20
    return cv2.GaussianBlur(picture, (0, 0), 1.5)


def page_with(picture: np.ndarray, centre: tuple[float, float], angle: float, size: tuple[int, int]) -> np.ndarray:
    """A page (width, height) with the picture pasted centred on a point and turned clockwise."""
    height, width = picture.shape[:2]
    radians = np.deg2rad(angle)
    cos, sin = np.cos(radians), np.sin(radians)
    linear = np.array([[cos, -sin], [sin, cos]])
    shift = np.array(centre) - 0.5 - linear @ np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.column_stack([linear, shift])
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderValue=230)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


@pytest.mark.parametrize("angle", [0, -40, -12.5, 3, 15, 44, 90])
def test_crop_straightens_a_turned_line(angle: float) -> None:
    page = page_with(pattern(), (251.5, 243.25), angle, (500, 480))
    found = crop(page, boxes((251.5, 243.25, 240, 48, angle))[0], 48, 3200)
    assert found.shape == (48, 240)
    assert difference(found, pattern()) < 3
    assert difference(found, np.roll(pattern(), 2, 1)) > 6  # The measure sees a shift of two pixels.


def test_crop_of_whole_pixels_is_a_copy() -> None:
    page = np.random.default_rng(0).integers(0, 256, (100, 200, 3), dtype=np.uint8)
    found = crop(page, boxes((80, 50, 60, 40, 0))[0], 40, 3200)
    assert (found == page[30:70, 50:110]).all()


@pytest.mark.parametrize("factor", [2, 3, 5, 9])
@pytest.mark.parametrize("angle", [0, 12])
def test_crop_scales_down_in_place(factor: int, angle: float) -> None:
    line = cv2.resize(pattern(), None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    centre = (150.0 * factor, 120.0 * factor)
    page = page_with(line, centre, angle, (300 * factor, 240 * factor))
    found = crop(page, boxes((*centre, 240 * factor, 48 * factor, angle))[0], 48, 3200)
    assert found.shape == (48, 240)
    assert difference(found, pattern()) < 5
    assert difference(found, pattern()) < difference(found, np.roll(pattern(), 1, 1))
    assert difference(found, pattern()) < difference(found, np.roll(pattern(), -1, 1))


def test_crop_scaled_down_averages_fine_detail() -> None:
    """A checkerboard of single pixels is grey from afar; a warp that skips pixels would give black or white."""
    page = np.indices((900, 900)).sum(0).astype(np.uint8) % 2 * 255
    found = crop(page, boxes((450, 450, 700, 480, 7))[0], 48, 3200)
    assert found.min() > 100
    assert found.max() < 155


@pytest.mark.parametrize("size", [1, 8])
def test_what_lies_outside_the_page_repeats_its_edge(size: int) -> None:
    page = np.full((60 * size, 100 * size), 200, np.uint8)
    page[:, : 10 * size] = 40
    found = crop(page, boxes((0, 30 * size, 80 * size, 48 * size, 0))[0], 48, 3200)
    assert found.shape == (48, 80)
    assert (found[:, :48] == 40).all()
    assert (found[:, 52:] == 200).all()


@pytest.mark.parametrize("centre", [(-500, 30), (50, -900), (4000, 3000)])
@pytest.mark.parametrize("height", [30, 480])
def test_a_box_off_the_page_gives_the_page_edge(centre: tuple[float, float], height: float) -> None:
    page = np.full((60, 100, 3), 77, np.uint8)
    found = crop(page, boxes((*centre, 2 * height, height, 10))[0], 48, 3200)
    assert found.shape == (48, 96, 3)
    assert (found == 77).all()


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (1, 0.01), (0.2, 30)])
def test_tiny_boxes_give_a_picture(size: tuple[float, float]) -> None:
    page = np.full((60, 100), 90, np.uint8)
    found = crop(page, boxes((50, 30, *size, 20))[0], 48, 3200)
    assert found.shape[0] == 48
    assert found.shape[1] >= 1
    assert (found == 90).all()


def test_a_page_of_one_pixel() -> None:
    assert (crop(np.full((1, 1, 3), 9, np.uint8), boxes((0.5, 0.5, 1, 1, 0))[0], 48, 3200) == 9).all()


def test_wide_boxes_are_squeezed_whole() -> None:
    page = np.full((20, 1000), 255, np.uint8)
    page[:, :100] = 0
    page[:, 900:] = 100
    found = crop(page, boxes((500, 10, 1000, 20, 0))[0], 48, 300)
    assert found.shape == (48, 300)
    assert (found[:, :28] == 0).all()
    assert (found[:, 32:268] == 255).all()
    assert (found[:, 272:] == 100).all()


@pytest.mark.parametrize("shape", [(60, 40_000), (40_000, 60)])
def test_a_page_with_a_side_beyond_opencvs_limit(shape: tuple[int, int]) -> None:
    page = np.zeros(shape, np.uint8)
    page[shape[0] // 2 - 12 : shape[0] // 2 + 12, shape[1] // 2 - 20 : shape[1] // 2 + 20] = 255
    found = crop(page, boxes((shape[1] / 2, shape[0] / 2, 40, 24, 0))[0], 48, 3200)
    assert found.shape == (48, 80)
    assert (found[4:-4, 4:-4] == 255).all()


@pytest.mark.parametrize("height", [30, 48, 90, 120])
@pytest.mark.parametrize("centre", [35_000, 39_990])
def test_a_region_of_a_long_page_is_cut_as_from_a_short_one(centre: float, height: int) -> None:
    """Enlarged, as it is, and scaled down; in the middle and at the edge."""
    page = np.random.default_rng(0).integers(0, 256, (300, 40_000), dtype=np.uint8)
    short = page[:, 34_000:]
    found = crop(page, boxes((centre, 151.5, 200, height, 0))[0], 48, 3200)
    expected = crop(short, boxes((centre - 34_000, 151.5, 200, height, 0))[0], 48, 3200)
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_longer_than_opencvs_limit_is_squeezed_whole(turned: bool) -> None:
    page = np.full((60, 70_000), 255, np.uint8)
    page[:, :7_000] = 0
    page[:, 63_000:] = 100
    box = boxes((35_000, 30, 70_000, 60, 0))
    if turned:
        page, box = np.ascontiguousarray(np.rot90(page, -1)), boxes((30, 35_000, 70_000, 60, 90))
    found = crop(page, box[0], 48, 3200)
    assert found.shape == (48, 3200)
    assert (found[:, :316] == 0).all()
    assert (found[:, 324:2876] == 255).all()
    assert (found[:, 2884:] == 100).all()
