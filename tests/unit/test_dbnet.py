from __future__ import annotations

import numpy as np
import pytest
from making import MIDDLE, FakeSession, boxes, rotated, white

from raypipe.detection.base import Thresholds, network_input, to_page
from raypipe.detection.dbnet import END_MARGIN, UNCLIP_RATIO, DBNet, find_regions
from raypipe.zoo.manifest import Input

THRESHOLDS = Thresholds(score=0.5, text=0.3, link=0)


def grown(box: tuple[float, ...]) -> list[float]:
    """A core grown back: on each side by area x ratio / perimeter, then at the ends by a part of the height."""
    x, y, width, height, angle = box
    margin = width * height * UNCLIP_RATIO / (2 * (width + height))
    height += 2 * margin
    return [x, y, width + 2 * margin + 2 * END_MARGIN * height, height, angle]


def core(shape: tuple[int, int], box: tuple[float, ...], value: float) -> np.ndarray:
    """A map with a value where a pixel's centre lies in a box."""
    x, y, width, height, angle = box
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    along, across = (columns - x) * cos + (rows - y) * sin, (rows - y) * cos - (columns - x) * sin
    inside = (np.abs(along) < width / 2) & (np.abs(across) < height / 2)
    return np.where(inside, value, 0).astype(np.float32)


def test_an_empty_map_has_no_regions() -> None:
    found, scores = find_regions(np.zeros((100, 100), np.float32), THRESHOLDS)
    assert found.shape == (0, 5)
    assert scores.shape == (0,)


def test_cores_grow_back() -> None:
    probabilities = np.zeros((100, 300), np.float32)
    probabilities[20:30, 40:140] = 0.8
    probabilities[60:66, 150:290] = 0.6
    found, scores = find_regions(probabilities, THRESHOLDS)
    assert np.allclose(found, [grown((90, 25, 100, 10, 0)), grown((220, 63, 140, 6, 0))], atol=1e-3)
    assert np.allclose(scores, [0.8, 0.6])


def test_a_line_that_stands_grows_at_its_ends() -> None:
    probabilities = np.zeros((300, 100), np.float32)
    probabilities[40:140, 20:30] = 0.8
    found, _ = find_regions(probabilities, THRESHOLDS)
    y, x, height, width, angle = grown((90, 25, 100, 10, 0))
    assert np.allclose(found, [[x, y, width, height, angle]], atol=1e-3)


@pytest.mark.parametrize("angle", [-30, -12, 5, 20, 40])
def test_a_turned_line_has_its_angle(angle: float) -> None:
    found, _ = find_regions(core((300, 300), (150, 140, 180, 12, angle), 0.9), THRESHOLDS)
    assert len(found) == 1
    assert abs(found[0, 4] - angle) < 2
    assert np.allclose(found[0, :4], grown((150, 140, 180, 12, angle))[:4], atol=4)


def arc(shape: tuple[int, int], sag: float, thickness: float, turned: float = 0) -> np.ndarray:
    """A map with a line from 100 to 700 across it, which sags in its middle, turned about the map's centre."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    x, y = columns - shape[1] / 2, rows - shape[0] / 2
    cos, sin = np.cos(np.deg2rad(turned)), np.sin(np.deg2rad(turned))
    x, y = x * cos + y * sin, y * cos - x * sin
    inside = (np.abs(x) < 300) & (np.abs(y - sag * (1 - (x / 300) ** 2)) < thickness / 2)
    return np.where(inside, 0.9, 0).astype(np.float32)


@pytest.mark.parametrize("turned", [0, 12, -25])
def test_a_line_that_bends_is_pieces_that_meet_along_it(turned: float) -> None:
    found, scores = find_regions(arc((500, 800), 40, 14, turned), THRESHOLDS)
    assert len(found) >= 4
    assert np.allclose(scores, 0.9)
    assert np.ptp(found[:, 3]) < 1e-3
    _, margin_height = grown((0, 0, 620, 15, 0))[2:4]
    assert abs(found[0, 3] - margin_height) < 4
    flat = rotated(found, -turned, (400, 250))
    along = np.deg2rad(flat[:, 4])
    half = np.stack([np.cos(along), np.sin(along)], 1) * flat[:, 2:3] / 2
    assert np.allclose((flat[:, :2] + half)[:-1], (flat[:, :2] - half)[1:], atol=0.1)
    curve = 250 + 40 * (1 - ((flat[:, 0] - 400) / 300) ** 2)
    assert np.abs(flat[:, 1] - curve).max() < 5


@pytest.mark.parametrize(("sag", "thickness"), [(0, 14), (2, 14), (5, 30)])
def test_a_line_that_hardly_bends_is_one_region(sag: float, thickness: float) -> None:
    assert len(find_regions(arc((500, 800), sag, thickness), THRESHOLDS)[0]) == 1


def test_two_lines_that_touch_do_not_bend() -> None:
    probabilities = np.zeros((200, 800), np.float32)
    probabilities[60:74, 100:700] = probabilities[100:114, 100:700] = probabilities[60:114, 100:114] = 0.9
    assert len(find_regions(probabilities, THRESHOLDS)[0]) == 1


@pytest.mark.parametrize(("score", "count"), [(0.55, 1), (0.65, 0)])
def test_score_threshold_is_for_the_mean(score: float, count: int) -> None:
    probabilities = core((60, 200), (100, 30, 120, 10, 0), 0.4)
    probabilities[probabilities > 0] = np.linspace(0.4, 0.8, int((probabilities > 0).sum()))
    found, scores = find_regions(probabilities, Thresholds(score, 0.3, 0))
    assert len(found) == count
    assert np.allclose(scores, 0.6, atol=1e-3)


def test_text_threshold_parts_lines() -> None:
    probabilities = np.zeros((60, 200), np.float32)
    probabilities[20:40, 20:180] = 0.4
    probabilities[20:26, 20:180] = probabilities[34:40, 20:180] = 0.9
    assert len(find_regions(probabilities, Thresholds(0.3, 0.3, 0))[0]) == 1
    assert len(find_regions(probabilities, Thresholds(0.3, 0.5, 0))[0]) == 2


def test_specks_are_noise() -> None:
    probabilities = np.zeros((60, 60), np.float32)
    probabilities[10, 10:17] = 1
    assert len(find_regions(probabilities, THRESHOLDS)[0]) == 0


def test_the_detector_gives_boxes_in_page_pixels() -> None:
    page = white(500, 900)
    page[200:220, 300:700] = 0

    def network(tensor: np.ndarray) -> np.ndarray:
        dark = (tensor[0].max(0) < 0).astype(np.float32)
        dark[:, 450:] = dark[223:] = 0  # Padding is zero, not dark.
        return dark[None, None]

    session = FakeSession(network)
    found = DBNet(session, MIDDLE).detect(page, 450, THRESHOLDS, refine=True)
    assert session.inputs[0].shape == (1, 3, 256, 480)
    expected = np.array(grown((250, 105, 200, 10, 0))) * [2, 2, 2, 2, 1]
    assert np.allclose(found.boxes, [expected], atol=0.1)
    assert np.allclose(found.scores, [1])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((500, 1000), (320, 640)), ((1000, 500), (640, 320)), ((1, 1), (640, 640)), ((30, 30_000), (32, 640))],
)
def test_the_longer_side_is_scaled_and_both_padded(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    takes = Input(channels="BGR", mean=(0, 1, 2), deviation=(1, 2, 4), multiple=32)
    page = np.full((*shape, 3), 101, np.uint8)
    tensor, (scale_x, scale_y) = network_input(page, 640, takes)
    assert tensor.shape == (1, 3, *expected)
    assert np.allclose(tensor[0, :, 0, 0], [101, 50, 24.75])
    assert np.isclose(max(scale_x * shape[1], scale_y * shape[0]), 640, atol=1)
    inked = np.argwhere(tensor[0, 0] > 0).max(0) + 1
    assert np.allclose(inked, [max(scale_y * shape[0], 1), max(scale_x * shape[1], 1)], atol=1)


def test_boxes_of_the_map_become_boxes_of_the_page() -> None:
    assert np.allclose(to_page(boxes((10, 20, 30, 8, 7)), 0.5, 0.5), [[20, 40, 60, 16, 7]])
