from __future__ import annotations

import cv2
import numpy as np
import pytest

from raypipe.recognition.base import Reading
from raypipe.stages.specks import guesses, specks, thickness
from raypipe.types import Crops, Pixels


def paper(ground: int = 240) -> Pixels:
    return np.full((48, 52, 3), ground, np.uint8)


def hole() -> Pixels:
    return np.asarray(cv2.circle(paper(), (26, 24), 20, (40, 40, 40), -1), np.uint8)


def letter(text: str, ink: int = 40, ground: int = 240, thick: int = 3) -> Pixels:
    colour = (ink, ink, ink)
    return np.asarray(
        cv2.putText(paper(ground), text, (14, 38), cv2.FONT_HERSHEY_SIMPLEX, 1.2, colour, thick), np.uint8
    )


def found(picture: Pixels, text: str, sure: float = 0.3) -> list[int]:
    segments = np.array([(0, 0, 52, 66, 420, 61, 57, 0)], np.float32).tobytes()
    crops = Crops(pixels=picture.tobytes(), height=48, widths=[52], segments=segments)
    return specks(crops, [Reading(text, [sure] * len(text), [26.0] * len(text))], 0.55)


def test_a_punch_hole_is_no_character() -> None:
    assert found(hole(), "0") == [0]


@pytest.mark.parametrize("text", ["7", "A", "I", "O", "-", "i"])
def test_a_doubtful_character_stays(text: str) -> None:
    assert found(letter(text), text) == []
    assert found(letter(text, ink=190), text) == []
    assert found(letter(text, thick=6), text) == []
    assert found(letter(text, ink=250, ground=20), text) == []


def test_a_blot_is_left_alone_where_text_is_read() -> None:
    assert found(hole(), "0", sure=0.9) == []
    assert found(hole(), "blot") == []
    assert found(hole(), "") == []


def test_paper_has_no_spot() -> None:
    assert thickness(paper()) == 0
    assert thickness(paper(0)) == 0


def reading(text: str, sure: float) -> Reading:
    return Reading(text, [sure] * len(text), [26.0] * len(text))


@pytest.mark.parametrize(
    ("text", "sure", "guessed"), [("0", 0.3, True), ("0", 0.5, False), ("no", 0.2, False), ("Hill", 0.04, True)]
)
def test_what_is_hardly_better_than_chance_is_a_guess(text: str, sure: float, guessed: bool) -> None:
    assert guesses([reading("the words of a letter", 0.9), reading(text, sure)], 0.55) == [1] * guessed


def test_a_page_of_some_doubtful_words_is_blank() -> None:
    """These were read on ruled paper and on a QR code."""
    blank = [reading("on", 0.22), reading("", 0), reading("seems", 0.07), reading("l", 0.3)]
    assert guesses(blank, 0.55) == [0, 2, 3]
    assert guesses([*blank, reading("yes", 0.4)], 0.55) == [3]
    assert guesses([reading("as faint as a hand can be", 0.2)], 0.55) == []


@pytest.mark.parametrize("text", ["-" * 20, "00000000"])
def test_a_row_of_one_character_is_a_ruling(text: str) -> None:
    assert guesses([reading(text, 0.6)], 0.55) == [0]
    for other in (reading(text, 0.7), reading(text[:7], 0.6), reading(f"{text} 1", 0.6)):
        assert guesses([other], 0.55) == []
