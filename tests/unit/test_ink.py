from __future__ import annotations

import cv2
import numpy as np
import pytest

from raypipe.recognition.base import Reading
from raypipe.recognition.ink import MARGIN, extents, ink, spots_of
from raypipe.types import Pixels

HEIGHT, WIDTH, PAPER = 48, 400, 230
WORDS = ((20, 4), (120, 2), (210, 1), (300, 3))
"""The first column and the letters of each word."""
PITCH, LETTER, TOP, BOTTOM = 20, 14, 10, 36
TRUTH = [(start, TOP, start + (count - 1) * PITCH + LETTER, BOTTOM) for start, count in WORDS]


def drawn(dark: int = 30) -> Pixels:
    """A line of words of bars."""
    picture = np.full((HEIGHT, WIDTH, 3), PAPER, np.uint8)
    for start, count in WORDS:
        for n in range(count):
            picture[TOP:BOTTOM, start + n * PITCH : start + n * PITCH + LETTER] = dark
    return picture


def reading(shift: float = 0) -> Reading:
    """What is read there, each place off by so many pixels."""
    centres: list[float] = []
    for start, count in WORDS:
        if centres:
            centres.append((centres[-1] + start) / 2)
        centres += [start + n * PITCH + LETTER / 2 + shift for n in range(count)]
    text = " ".join("l" * count for _, count in WORDS)
    return Reading(text, [1.0] * len(text), centres)


def off(picture: Pixels, shift: float = 0) -> float:
    """By how many pixels the sides of the words are off, at most, but for the margin."""
    found = np.array([extent[2:] for extent in extents(picture, reading(shift))])
    return float(np.abs(found - np.array([-1, -1, 1, 1]) * MARGIN * HEIGHT - TRUTH).max())


@pytest.mark.parametrize("shift", [-6, 0, 6])
def test_words_are_as_large_as_their_ink(shift: float) -> None:
    assert off(drawn(), shift) < 1
    assert [extent[:2] for extent in extents(drawn(), reading())] == [(0, 4), (5, 7), (8, 9), (10, 13)]


def test_white_on_black() -> None:
    assert off(255 - drawn()) < 1


def test_faint_words_beside_dark_ones() -> None:
    picture = drawn()
    picture[:, 100:200] = np.where(picture[:, 100:200] < 128, 120, PAPER)
    assert off(picture) < 1


def test_uneven_light() -> None:
    light = np.linspace(0.4, 1, WIDTH)[None, :, None]
    assert off((drawn() * light).astype(np.uint8)) < 1


@pytest.mark.parametrize("rise", [0, 2])
def test_rulings_are_no_ink_of_words(rise: int) -> None:
    picture = drawn()
    cv2.line(picture, (0, 40 + rise), (WIDTH, 40), (30, 30, 30), 2)
    picture[:, 5:7] = picture[:, 390:393] = 30
    assert off(picture) < 2


def test_the_rest_of_a_ruling_is_no_ink_of_the_last_word() -> None:
    picture = drawn()
    picture[40:42, 370:] = 30
    assert off(picture) < 1


@pytest.mark.parametrize(("left", "top", "high", "is_ink"), [(20, 22, 4, True), (20, 34, 4, False), (0, 22, 4, False),
                                                          (20, 30, 16, True)])  # fmt: skip
def test_flat_ink_is_a_dash_unless_it_is_low_or_at_an_edge(left: int, top: int, high: int, is_ink: bool) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[top : top + high, left : left + 40] = 1
    assert bool(spots_of(mask)) is is_ink


def test_letters_of_other_lines_are_left_out() -> None:
    picture = drawn()
    picture[:6, 30:44] = picture[42:, 310:330] = 30
    assert off(picture) < 1


def test_dirt_makes_no_word_larger() -> None:
    picture = drawn()
    picture[3:6, 24:27] = picture[44:47, 128:131] = 30
    assert off(picture) < 1


def test_a_box_to_tick_is_not_part_of_the_next_word() -> None:
    picture = drawn()
    cv2.rectangle(picture, (270, 12), (292, 34), (30, 30, 30), 2)
    assert off(picture) < 1


@pytest.mark.parametrize("letter", "DBOQ08HENMaegobd#")
@pytest.mark.parametrize("thickness", [1, 2, 4])
def test_letters_are_no_boxes_to_tick(letter: str, thickness: int) -> None:
    picture = np.full((HEIGHT, 60, 3), PAPER, np.uint8)
    cv2.putText(picture, letter, (15, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (30, 30, 30), thickness, cv2.LINE_AA)
    mask = ink(picture)
    assert sum(spot.pixels for spot in spots_of(mask)) == mask.sum()


def test_words_that_touch_are_parted_where_there_is_the_least_ink() -> None:
    picture = drawn()
    picture[22:32, 34:310] = 30
    found = np.array([extent[2:] for extent in extents(picture, reading())])
    assert (found[1:, 0] - found[:-1, 2] < 2 * MARGIN * HEIGHT + 1).all()
    assert (found[:, 0] < np.array(TRUTH)[:, 0] + 1).all()
    assert (found[:, 2] > np.array(TRUTH)[:, 2] - 1).all()


def test_without_ink_the_places_of_the_characters_tell() -> None:
    found = extents(np.full((HEIGHT, WIDTH, 3), PAPER, np.uint8), reading())
    for (start, count), extent in zip(WORDS, found, strict=True):
        assert extent.left == pytest.approx(start, abs=PITCH)
        assert extent.right == pytest.approx(start + (count - 1) * PITCH + LETTER, abs=PITCH)
        assert (extent.top, extent.bottom) == (0, HEIGHT)
    assert extents(np.full((HEIGHT, 1, 3), PAPER, np.uint8), Reading("", [], [])) == []
