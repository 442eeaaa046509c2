from __future__ import annotations

import cv2
import numpy as np
import pytest

from raypipe.detection.components import components

NEIGHBOURS = {
    4: [(0, 1), (1, 0), (0, -1), (-1, 0)],
    8: [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x],
}


def flood(mask: np.ndarray, connectivity: int) -> list[list[tuple[int, int]]]:
    """The components, one pixel after the other."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    found = []
    while left:
        seen = [left.pop()]
        for y, x in seen:
            for step_y, step_x in NEIGHBOURS[connectivity]:
                neighbour = y + step_y, x + step_x
                if neighbour in left:
                    left.remove(neighbour)
                    seen.append(neighbour)
        found.append(seen)
    return found


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("min_area", [1, 5])
@pytest.mark.parametrize("seed", range(4))
def test_statistics_agree_with_a_loop_over_components(seed: int, min_area: int, connectivity: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.random((45, 60), np.float32)
    mask = random.random((45, 60)) < 0.45
    expected = [
        (len(pixels), max(scores[p] for p in pixels), sum(float(scores[p]) for p in pixels) / len(pixels))
        for pixels in flood(mask, connectivity)
        if len(pixels) >= min_area
    ]
    found = components(mask, min_area, connectivity)
    ours = zip(found.areas, found.peak(scores), found.mean(scores), strict=True)
    assert len(expected) > 5
    assert np.allclose(sorted(ours), sorted(expected), atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_select_and_without_agree_with_a_loop(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask, hole = random.random((30, 40)) < 0.4, random.random((30, 40)) < 0.6
    kept = [pixels for pixels in flood(mask, 8) if len(pixels) >= 3 and len(pixels) % 2]
    found = components(mask, 3, 8)
    found = found.select(found.areas % 2 == 1)
    assert sorted(found.areas) == sorted(map(len, kept))
    less = found.without(hole[found.rows, found.columns])
    expected = [len([p for p in pixels if not hole[p]]) for pixels in kept]
    assert sorted(less.areas) == sorted(count for count in expected if count)
    assert not hole[less.rows, less.columns].any()
    assert less.starts.tolist() == (np.cumsum(less.areas) - less.areas).tolist()


def test_an_empty_mask_has_no_components() -> None:
    found = components(np.zeros((20, 30), bool), 1, 4)
    scores = np.ones((20, 30), np.float32)
    assert found.boxes().shape == (0, 5)
    assert found.peak(scores).shape == found.mean(scores).shape == (0,)
    assert found.without(np.zeros(0, bool)).areas.shape == (0,)


def test_the_box_of_a_rectangle_covers_its_pixels() -> None:
    mask = np.zeros((40, 90), bool)
    mask[10:20, 30:70] = True
    assert components(mask, 1, 4).boxes().tolist() == [[50, 15, 40, 10, 0]]


def stroke(start: tuple[int, int], end: tuple[int, int], thickness: int) -> np.ndarray:
    drawn = np.zeros((120, 160), np.uint8)
    cv2.line(drawn, start, end, 1, thickness)
    return drawn > 0


@pytest.mark.parametrize(
    ("end", "angle"), [((140, 60), 0), ((140, 90), 20.6), ((140, 30), -20.6), ((70, 115), 79.7), ((60, 5), 90)]
)
def test_the_axis_of_a_stroke(end: tuple[int, int], angle: float) -> None:
    found = components(stroke((60, 60), end, 5), 1, 8)
    (axis,) = found.axes()
    assert min(abs(axis - angle), 180 - abs(axis - angle)) < 1
    (box,) = found.boxes_at(found.axes())
    length = float(np.hypot(end[0] - 60, end[1] - 60))
    # What is steeper than 45 degrees is high instead of long.
    assert abs(box[4] - (angle if angle <= 45 else angle - 90)) < 1
    assert np.allclose(sorted(box[2:4]), [6, length + 5], atol=2.5)
    assert np.allclose(box[:2], (60.5 + (end[0] - 60) / 2, 60.5 + (end[1] - 60) / 2), atol=1)


def test_boxes_at_given_angles_cover_their_components() -> None:
    mask = stroke((20, 30), (140, 30), 3) | stroke((20, 80), (100, 80), 7)
    found = components(mask, 1, 8)
    assert np.allclose(found.boxes_at(np.zeros(2, np.float32)), found.boxes())
    level, turned = found.boxes_at(np.array([0, 10], np.float32))
    assert turned[3] > level[3] + 10
    assert found.count(mask).tolist() == found.areas.tolist()
    assert found.count(~mask).tolist() == [0, 0]
    nothing = found.select(np.zeros(2, bool))
    assert nothing.axes().shape == (0,)
    assert nothing.boxes_at(nothing.axes()).shape == (0, 5)


def test_the_box_of_one_pixel() -> None:
    mask = np.zeros((5, 5), bool)
    mask[2, 3] = True
    box = components(mask, 1, 4).boxes()[0]
    assert box[:4].tolist() == [3.5, 2.5, 1, 1]
