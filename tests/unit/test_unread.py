from __future__ import annotations

import pytest

from raypipe.recognition.base import Reading
from raypipe.stages.unread import SCRIPTS, unread, unsure
from raypipe.types import Crops, Line

HEIGHT = 48


def said(*lines: tuple[float, str]) -> str:
    """What is said of lines of these lengths, in heights, and texts."""
    widths = [round(length * HEIGHT) for length, _ in lines]
    crops = Crops(pixels=b"", height=HEIGHT, widths=widths, segments=b"")
    return unread(crops, [Reading(text, [0.4] * len(text), [0.0] * len(text)) for _, text in lines])


def test_lines_in_another_script_are_told() -> None:
    """As the first article of the declaration of human rights is read in Russian."""
    told = said((24, "I"), (25, "."), (24, "pa3MOM COT KHI IT"), (24, "a."))
    assert told == "hardly a letter was read in 3 of 4 lines: raypipe reads Latin letters, digits and marks"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [(7.5, "earn of"), (6.9, "Fear On")],
        [(24, "All human beings are born free and equal"), (20, "x")],
        [(0.8, ""), (2.5, ""), (1, "7")],
        [(10, "S U M M E R")],
    ],
)
def test_other_pages_are_not(lines: list[tuple[float, str]]) -> None:
    assert said(*lines) == ""


def test_pages_of_which_nothing_is_read_are_told() -> None:
    assert said((12, ""), (14, "-")).startswith("hardly a letter was read in 2 of 2 lines")


def lines(sure: float, *texts: str) -> list[Line]:
    place = {"x": 0.0, "y": 0.0, "width": 9.0, "height": 9.0, "angle": 0.0, "row": 0}
    return [Line(text=text, confidence=sure, **place) for text in texts]


def test_lines_whose_letters_mean_nothing_are_told() -> None:
    """As Hindi is read."""
    texts = "Hot Hot chtJIRA 3IR 3IEchRT at HH #THE z", "3R 3idRTHT hT aH 9T"
    assert unsure(lines(0.22, *texts)) == "hardly a word is sure, the mean confidence is 0.22: " + SCRIPTS
    assert unsure(lines(0.35, *texts)) == unsure(lines(0.22, texts[1])) == ""
