from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from making import Boxes, boxes, image_of, white

from raypipe.layout.combs import is_comb
from raypipe.stages.crops import cut
from raypipe.stages.rulings import MARGIN, drawn
from raypipe.types import Pixels

PITCH, LEFT, TOP, BOTTOM = 40, 200, 100, 146
REGIONS = boxes((100, 124, 120, 32, 0), (310, 122, 180, 32, 0))
"""A label, and what stands in a comb."""


def comb(
    text: str, tick: int, colour: int = 0, left: int = LEFT, page: Pixels | None = None, foot: int = 134
) -> Pixels:
    """A comb with ticks of this height, and letters that stand on this row; a space leaves a cell empty."""
    page = white(300, 900) if page is None else page
    right = left + PITCH * len(text)
    cv2.line(page, (left, BOTTOM), (right, BOTTOM), (colour,) * 3, 2)
    for x in range(left, right + 1, PITCH):
        cv2.line(page, (x, BOTTOM - tick), (x, BOTTOM), (colour,) * 3, 2)
    for n, letter in enumerate(text):
        cv2.putText(page, letter, (left + PITCH * n + 12, foot), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (90, 20, 20), 2)
    return page


def lengths(page: Pixels, some: Boxes = REGIONS) -> list[int]:
    return [len(word) for word in drawn(page, some)[0]]


@pytest.mark.parametrize("tick", [12, 44], ids=["ticks", "dividers"])
@pytest.mark.parametrize("colour", [0, 210], ids=["black", "faint"])
def test_letters_between_ticks_are_a_word_whatever_regions_were_found(tick: int, colour: int) -> None:
    (word,), rest = drawn(comb("50723", tick, colour), REGIONS)
    assert word[:, 0] == pytest.approx(np.arange(5) * PITCH + LEFT + 20, abs=4)
    assert (word[:, 1] + word[:, 3] / 2 < BOTTOM + 2).all()
    assert rest == pytest.approx(REGIONS[:1])
    assert is_comb(word)


@pytest.mark.parametrize("scale", [0.75, 1, 2, 3])
def test_boxes_are_around_the_letters_of_a_page_of_any_size(scale: float) -> None:
    page = cv2.resize(comb("50723", 12), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    (word,), rest = drawn(page, REGIONS * np.array([scale] * 4 + [1], np.float32))
    assert rest == pytest.approx(REGIONS[:1] * np.array([scale] * 4 + [1]))
    dark = comb("50723", 12)[101:136, :, 2] < 60
    for n, (x, y, width, height, angle) in enumerate((word / np.array([scale] * 4 + [1])).tolist()):
        left = LEFT + PITCH * n + 5
        rows, columns = np.nonzero(dark[:, left : left + PITCH - 10])
        ink_height, ink_width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert (x, y) == pytest.approx((left + columns.mean(), 101 + np.ptp(rows) / 2 + rows.min()), abs=2)
        assert height == pytest.approx(ink_height * (1 + 2 * MARGIN), abs=2.5)
        assert width == pytest.approx(ink_width + 2 * MARGIN * ink_height, abs=3)
        assert angle == 0


@pytest.mark.parametrize("tick", [12, 44], ids=["ticks", "dividers"])
def test_letters_that_stand_close_to_the_rule_are_no_ticks(tick: int) -> None:
    assert lengths(comb("48171375", tick, foot=141), boxes((360, 129, 300, 32, 0))) == [8]


def test_a_tilted_page_has_combs() -> None:
    page = cv2.warpAffine(
        comb("48171375", 44), cv2.getRotationMatrix2D((360, 146), -4, 1), (900, 300), borderValue=(255, 255, 255)
    )
    assert lengths(page, boxes((360, 124, 320, 32, 4), (130, 108, 100, 32, 4))) == [8]


def test_an_empty_cell_parts_words_and_others_are_left_out() -> None:
    assert lengths(comb("ADA KING   ", 12)) == [3, 4]


def test_groups_of_two_stay_apart() -> None:
    page = comb("1987", 12, left=LEFT + 200, page=comb("12", 12, left=LEFT + 100, page=comb("24", 12)))
    assert sorted(lengths(page, boxes((440, 122, 60, 32, 0)))) == [2, 2, 4]


def test_a_region_that_reaches_into_a_comb_keeps_what_is_outside() -> None:
    rest = drawn(comb("50723", 12), boxes((220, 122, 360, 32, 0)))[1]
    assert (rest[0, 0] - rest[0, 2] / 2, rest[0, 0] + rest[0, 2] / 2) == pytest.approx((40, LEFT), abs=4)


@pytest.mark.parametrize(("outside", "kept"), [(10, 0), (30, 1)])
def test_what_is_outside_of_a_comb_is_kept_if_it_can_be_a_letter(outside: int, kept: int) -> None:
    region = boxes((LEFT - outside + 60, 122, 120, 32, 0))
    assert len(drawn(comb("50723", 12), region)[1]) == kept


def test_faint_letters_are_letters() -> None:
    page = comb("     ", 12)
    for n, letter in enumerate("50723"):
        cv2.putText(page, letter, (LEFT + PITCH * n + 12, 134), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (170, 170, 170), 2)
    assert lengths(page) == [5]


def test_a_region_of_another_row_stays_as_it_is() -> None:
    below = boxes((400, 250, 600, 32, 0))
    assert drawn(comb("50723", 12), np.concatenate([REGIONS, below]))[1] == pytest.approx(
        np.concatenate([REGIONS[:1], below])
    )


def test_a_comb_to_which_several_regions_lead_is_one() -> None:
    assert lengths(comb("50723", 12), boxes((250, 122, 90, 32, 0), (350, 124, 90, 24, 0))) == [5]


def test_a_comb_is_one_picture_and_words_in_it_others() -> None:
    assert len(cut(image_of(comb("50 23", 12)), REGIONS, 48, 3200, 0, 10).widths) == 3


def table() -> Pixels:
    page = comb("50723", 46)
    cv2.line(page, (LEFT, TOP), (LEFT + 5 * PITCH, TOP), (0, 0, 0), 2)
    for x in range(LEFT, LEFT + 5 * PITCH + 1, PITCH):
        cv2.line(page, (x, TOP), (x, 260), (0, 0, 0), 2)
    return page


def ruler() -> Pixels:
    page = comb("     ", 12)
    for n in range(6):
        cv2.putText(page, str(n), (LEFT + PITCH * n - 8, 128), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0, 0, 0), 2)
    return page


def two_in_a_cell() -> Pixels:
    page = comb(" 0723", 46)
    cv2.putText(page, "10", (LEFT + 8, 134), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1)
    return page


def two_sizes() -> Pixels:
    page = comb(" 0723", 46)
    cv2.putText(page, "1", (LEFT + 16, 134), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 0, 0), 2)
    return page


def two_rows() -> Pixels:
    page = comb("50723", 64)
    cv2.line(page, (LEFT, TOP), (LEFT + 5 * PITCH, TOP), (0, 0, 0), 2)
    return page


def uneven_ticks() -> Pixels:
    page = comb("50723", 0)
    for n in range(6):
        cv2.line(page, (LEFT + PITCH * n, BOTTOM - 10 - 8 * (n % 3)), (LEFT + PITCH * n, BOTTOM), (0, 0, 0), 2)
    return page


def touching() -> Pixels:
    page = comb("     ", 46)
    for n, letter in enumerate("50723"):
        cv2.putText(page, letter, (LEFT + PITCH * n + 2, 134), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (90, 20, 20), 2)
    return page


def underlined() -> Pixels:
    page = white(300, 900)
    cv2.putText(page, "1010101 HIHI", (LEFT, 134), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0, 0, 0), 2)
    cv2.line(page, (LEFT, BOTTOM), (500, BOTTOM), (0, 0, 0), 2)
    return page


@pytest.mark.parametrize(
    "draw",
    [table, ruler, two_in_a_cell, two_sizes, two_rows, uneven_ticks, touching, underlined, lambda: comb("     ", 12)],
)
def test_what_is_not_surely_a_comb_is_left(draw: Callable[[], Pixels]) -> None:
    words, rest = drawn(draw(), REGIONS)
    assert words == []
    assert rest is REGIONS


def test_a_page_without_regions_has_no_combs() -> None:
    assert lengths(comb("50723", 12), REGIONS[:0]) == []


def test_a_region_at_the_lower_edge_of_the_page_has_no_rule_below() -> None:
    page = comb("50723", 12)
    region = boxes((300, len(page) - 8, 400, 80, 0))
    assert len(drawn(page, region)[1]) == 1
