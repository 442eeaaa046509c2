from __future__ import annotations

import numpy as np
import pytest
from making import Boxes, boxes, image_of, rotated, white

from raypipe.layout.combs import combed
from raypipe.recognition.base import Reading
from raypipe.stages.crops import assemble, cut


def letters(count: int, pitch: float, x: float = 100, y: float = 100) -> Boxes:
    return boxes(*((x + pitch * n, y, 32, 40, 0) for n in range(count)))


LABEL = boxes((300, 200, 250, 36, 0))


@pytest.mark.parametrize("angle", [0, 4])
@pytest.mark.parametrize("pitch", [42, 60, 85])
def test_letters_in_the_boxes_of_a_form_are_one_group(pitch: float, angle: float) -> None:
    some = rotated(np.concatenate([LABEL, letters(6, pitch)[::-1]]), angle)
    first, *rest = (group.tolist() for group in combed(some))
    assert first == [6, 5, 4, 3, 2, 1]
    assert rest == [[0]]


@pytest.mark.parametrize(
    "some",
    [
        letters(2, 50),
        letters(5, 120),
        boxes(*((100 + 70 * n, 100, 60, 40, 0) for n in range(5))),
        boxes(*((100 + 50 * n, 100, 32, height, 0) for n, height in enumerate([40, 25, 40, 25]))),
        boxes(*((100, 100 + 50 * n, 32, 40, 0) for n in range(5))),
        LABEL[:0],
    ],
    ids=["too few", "the cells of a table", "words", "different heights", "below each other", "nothing"],
)
def test_other_regions_stay_alone(some: Boxes) -> None:
    assert [group.tolist() for group in combed(some)] == [[n] for n in range(len(some))]


def test_letters_below_each_other_stay_alone_also_beside_text_that_stands() -> None:
    column = boxes(*((100, 100 + 50 * n, 32, 40, 0) for n in range(5)))
    standing = boxes(*((300 + 50 * n, 300, 250, 36, -90) for n in range(4)))
    some = np.concatenate([standing, column])
    assert [group.tolist() for group in combed(some)] == [[n] for n in range(len(some))]


def test_two_combs_of_a_row_are_two() -> None:
    some = np.concatenate([letters(4, 50), letters(4, 50, x=400)])
    assert [group.tolist() for group in combed(some)] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_comb_is_read_as_one_word() -> None:
    crops = cut(image_of(white(300, 600)), letters(4, 60), 48, 3200, 0, 10)
    assert len(crops.widths) == 1
    centres = np.linspace(20, crops.widths[0] - 20, 7).tolist()
    (line,) = assemble(crops, [Reading("5 0 5 1", [0.9] * 7, centres)])
    assert line.text == "5051"
    assert [word.text for word in line.words] == ["5051"]
    assert (line.x, line.width) == pytest.approx((190, 212))
