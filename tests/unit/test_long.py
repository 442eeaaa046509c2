"""Lines too long for a recognizer, and where they are cut."""

from __future__ import annotations

import numpy as np
import pytest
from making import boxes, image_of, white

from raypipe.geometry import bounds, turn
from raypipe.stages.long import LONGEST, shortened

WORDS = 40


def strip(height: int = 40, word: int = 180, space: int = 20) -> np.ndarray:
    page = white(height, WORDS * (word + space))
    for n in range(WORDS):
        for x in range(n * (word + space), n * (word + space) + word, 12):
            page[8:32, x : x + 6] = 0
    return page


@pytest.mark.parametrize("scale", [1, 3])
def test_a_long_line_is_cut_between_words(scale: int) -> None:
    page = strip()
    height, width = (side * scale for side in page.shape[:2])
    parts = shortened(image_of(page, scale), boxes((width / 2, height / 2, width, height, 0)))
    edges = bounds(parts)[:, [0, 2]]
    assert len(parts) > 2 and (parts[:, 2] <= LONGEST * height).all()
    assert edges[0, 0] == 0 and edges[-1, 1] == width
    assert (edges[1:, 0] >= edges[:-1, 1] - 0.01).all()
    assert ((edges / scale)[1:, 0] % 200 >= 174).all()  # The last bar of a word ends there.
    assert ((edges / scale)[:-1, 1] % 200 >= 174).all()


def test_of_a_wide_space_the_parts_keep_little() -> None:
    page = strip(word=120, space=80)
    parts = bounds(shortened(image_of(page), boxes((4000, 20, 8000, 40, 0))))
    gaps = parts[1:, 0] - parts[:-1, 2]
    assert ((gaps > 55) & (gaps < 80)).all()


def test_parts_of_a_slanted_line_follow_it() -> None:
    line = boxes((4000, 700, 8000, 40, 5))
    parts = shortened(image_of(white(1400, 8000)), line)
    level = turn(parts[:, :2] - line[0, :2], -5)
    assert np.allclose(level[:, 1], 0, atol=0.01) and (parts[:, 4] == 5).all()


def test_other_regions_stay() -> None:
    page = boxes((50, 20, 90, 20, 0), (1000, 60, 1900, 40, 3))
    assert (shortened(image_of(white(100, 2000)), page) == page).all()
