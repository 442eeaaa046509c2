from __future__ import annotations

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


def test_the_box_of_one_pixel() -> None:
    mask = np.zeros((5, 5), bool)
    mask[2, 3] = True
    box = components(mask, 1, 4).boxes()[0]
    assert box[:4].tolist() == [3.5, 2.5, 1, 1]
