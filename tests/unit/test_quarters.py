from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from making import Boxes, boxes, image_of, white

from raypipe.recognition.base import Reading
from raypipe.stages.crops import assemble, cut
from raypipe.stages.quarters import laid_by_reading
from raypipe.stages.upright import righted
from raypipe.types import Crops, Line, Pixels

HEIGHT, MAX_WIDTH, DOUBTFUL = 48, 3200, 0.5
STANDING = boxes(*((100 + 110 * n, 100, 30, 54, 0) for n in range(4)))
"""Short words that are read upwards, as a detector finds them: it takes them to be level."""
LEVEL = boxes(*((100 + 110 * n, 300, 54, 30, 0) for n in range(4)))


class MarkReader:
    """Reads the same in each picture, with doubt if its dark mark is not on the left."""

    def __init__(self, text: str) -> None:
        self.text, self.pictures = text, 0

    def __call__(self, pictures: Sequence[Pixels]) -> list[Reading]:
        self.pictures += len(pictures)
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Pixels) -> Reading:
        quarter = picture.shape[1] // 4
        sure = picture[:, :quarter].mean() < picture[:, -quarter:].mean() - 30
        return Reading(self.text, [0.95 if sure else 0.3] * len(self.text), [10.0] * len(self.text))


def read(text: str, standing: Boxes, level: Boxes, found: Boxes | None = None) -> tuple[list[Line], int]:
    """The lines of a page with words both ways, and how many pictures were read."""
    pixels = white(500, 600)
    for x, y, width, height, _ in [*standing.tolist(), *level.tolist()]:
        left, top, right, bottom = (round(n) for n in (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
        pixels[top:bottom, left:right] = 180
        if height > width:
            pixels[bottom - 12 : bottom, left:right] = 0
        else:
            pixels[top:bottom, left : left + 12] = 0
    reader = MarkReader(text)

    def again(some: Boxes) -> Crops:
        return cut(image_of(pixels), some, HEIGHT, MAX_WIDTH, 0, 10)

    crops = again(np.concatenate([standing, level]) if found is None else found)
    crops, readings = laid_by_reading(crops, reader(crops.pictures()), reader, again, DOUBTFUL)
    return assemble(*righted(crops, readings, reader, DOUBTFUL)), reader.pictures


@pytest.mark.parametrize("words", [2, 4])
def test_words_that_stand_among_others_are_read_upwards(words: int) -> None:
    lines, _ = read("Bath", STANDING[:words], LEVEL)
    found = [(word.text, round(line.angle)) for line in lines for word in line.words]
    assert sorted(found) == [*[("Bath", -90)] * words, *[("Bath", 0)] * 4]
    assert min(line.confidence for line in lines) > 0.9


def test_digits_of_a_page_that_was_turned_wrongly_are_read_as_they_lie() -> None:
    """A single one may look like another on its side; several are tried together."""
    turned = LEVEL[:, [0, 1, 3, 2, 4]] + np.array([0, 0, 0, 0, -90], np.float32)
    lines, _ = read("7", STANDING[:0], LEVEL, turned)
    assert [round(line.angle) for line in lines] == [0] * len(lines)
    assert "".join(line.text for line in lines).replace(" ", "") == "7777"
    lines, _ = read("7", STANDING[:0], LEVEL[:1], turned[:1])
    assert [round(line.angle) for line in lines] == [-90]


def test_pages_of_short_words_that_read_well_cost_nothing() -> None:
    assert read("Bath", STANDING[:0], LEVEL)[1] == len(LEVEL)
