from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from raypipe.recognition.base import Reading
from raypipe.stages.reverse import GLANCE, MIRRORS, contrast, from_reverse, front_alone
from raypipe.types import Crops, Pixels

PAPER = 240


def line(ink: int, corner: str) -> Pixels:
    """A line picture whose first letter stands in a corner: that of the top left is the right way round."""
    picture = np.full((48, 480, 3), PAPER, np.uint8)
    picture[18:30, 24:456] = ink
    rows = slice(0, 18) if "top" in corner else slice(30, 48)
    picture[rows, slice(0, 24) if "left" in corner else slice(456, 480)] = ink
    return picture


def crops_of(pictures: Sequence[Pixels]) -> Crops:
    segments = np.array([(n, 0, 480, 240, 24 + 60 * n, 480, 48, 0) for n in range(len(pictures))], np.float32)
    return Crops(
        pixels=b"".join(picture.tobytes() for picture in pictures),
        height=48,
        widths=[480] * len(pictures),
        segments=segments.tobytes(),
    )


class CornerReader:
    """Is sure of a line that is the right way round."""

    def __init__(self, sure: float = 0.9) -> None:
        self.sure, self.pictures = sure, 0

    def __call__(self, pictures: Sequence[Pixels]) -> list[Reading]:
        self.pictures += len(pictures)
        return [
            Reading("a line of text", [self.sure if picture[:18, :24].mean() < PAPER - 5 else 0.2] * 14, [1.0] * 14)
            for picture in pictures
        ]


def found(pictures: Sequence[Pixels], reader: CornerReader) -> list[int]:
    crops = crops_of(pictures)
    return from_reverse(crops, reader(crops.pictures()), reader, 0.55)


@pytest.mark.parametrize("corner", ["top right", "bottom left"])
@pytest.mark.parametrize("ink", [228, 215, 204])
def test_faint_writing_in_a_mirror_is_from_the_reverse(ink: int, corner: str) -> None:
    """Mirrored, or upside down as well, at 5 to 15 % contrast; the text of the front stays."""
    assert found([line(30, "top left"), line(ink, corner), line(ink, corner)], CornerReader()) == [1, 2]


@pytest.mark.parametrize("corner", ["top left", "bottom right"])
@pytest.mark.parametrize("ink", [228, 215, 204])
def test_faint_writing_of_the_front_stays(ink: int, corner: str) -> None:
    """Also if the page stands on its head, or if its hand is hard to read."""
    for sure in (0.9, 0.3):
        assert found([line(ink, corner)] * 3, CornerReader(sure)) == []


def test_writing_much_fainter_than_the_rest_is_from_the_reverse() -> None:
    """At 33 % contrast beside 96 %."""
    assert found([line(10, "top left"), line(10, "top left"), line(160, "top right")], CornerReader()) == [2]


def test_dark_writing_stays_even_in_a_mirror() -> None:
    assert found([line(60, "top right")] * 3, CornerReader()) == []


def test_what_is_read_without_doubt_costs_nothing() -> None:
    reader = CornerReader()
    assert found([line(215, "top left")] * 3, reader) == []
    assert reader.pictures == 3


def test_faint_writing_that_reads_no_better_in_a_mirror_costs_a_glance() -> None:
    reader = CornerReader(0.3)
    assert found([line(215, "top left")] * 20, reader) == []
    assert reader.pictures == 20 + GLANCE * len(MIRRORS)


def test_contrast_is_that_of_ink_and_paper() -> None:
    assert contrast(line(60, "top left")) == pytest.approx(0.75, abs=0.01)
    assert contrast(np.full((48, 100, 3), PAPER, np.uint8)) == 0
    assert contrast(np.zeros((48, 100, 3), np.uint8)) == 0


def read_beside(part: str, sure: float, ink: int = 215) -> Reading:
    """What is left of a dark line of the front with a part of another darkness at its end, on a page with a reverse."""
    picture = line(30, "top left")
    picture[18:30, 240:456] = ink
    text = f"Dear Sir {part}"
    centres = [*np.linspace(30, 220, 8), 240.0, *np.linspace(260, 450, len(part))]
    reading = Reading(text, [0.9] * 9 + [sure] * len(part), centres, {0: [], 9: []})
    return front_alone(crops_of([picture, line(215, "top right")]), [reading, reading], [1], 0.55)[0]


def test_the_reverse_is_left_out_of_a_line_of_the_front() -> None:
    reading = read_beside("9rlt bn6", 0.5)
    assert reading.text == "Dear Sir"
    assert len(reading.probabilities) == len(reading.centres) == 8
    assert list(reading.alternatives) == [0]


def test_what_is_dark_or_sure_stays_beside_the_front() -> None:
    assert read_beside("9rlt bn6", 0.5, ink=120).text == "Dear Sir 9rlt bn6"
    assert read_beside("in pencil", 0.9).text == "Dear Sir in pencil"


def test_without_a_reverse_nothing_is_left_out() -> None:
    reading = Reading("faint", [0.2] * 5, [100.0, 150.0, 200.0, 250.0, 300.0])
    assert front_alone(crops_of([line(228, "top left")]), [reading], [], 0.55) == [reading]
