"""Two pages in one picture: where they meet, and that the left one is read first."""

from __future__ import annotations

import numpy as np
import pytest
from making import Boxes, a_line, a_word, boxes, rotated

import raypipe as rp
from raypipe.images.base import TextLayer
from raypipe.layout.lines import arrange, fold_of
from raypipe.layout.spreads import Spread, parted
from raypipe.stages.folds import unfolded
from raypipe.stages.text_layer import arranged, lines_of
from raypipe.types import Line

SIZE = 1600, 1000
LEVELS = [200, 240, 300, 420, 480]
"""Lines of both pages at the same heights, as those of a table: without the fold, each row is read across."""
LEFT = [(500 - 60 * n, y, 60 + 20 * n, 24, 0) for n, y in enumerate(LEVELS)]
RIGHT = [(1300 - 60 * n, y, 60 + 20 * n, 24, 0) for n, y in enumerate(LEVELS)]
TITLE = (800, 100, 1300, 40, 0)


def turned(some: Boxes, degrees: float) -> tuple[Boxes, Spread]:
    """The boxes of a spread whose picture was turned by a quarter and tilted, and the picture's size."""
    quarter = round(degrees / 90)
    width, height = SIZE if quarter % 2 == 0 else SIZE[::-1]
    found = rotated(some, degrees, (SIZE[0] / 2, SIZE[1] / 2))
    found[:, :2] += np.array([(width - SIZE[0]) / 2, (height - SIZE[1]) / 2])
    return found, (width, height)


@pytest.mark.parametrize("tilt", [-4, 0, 4])
@pytest.mark.parametrize("quarter", [0, 90, 180, 270])
def test_the_left_page_is_read_before_the_right_one(quarter: int, tilt: int) -> None:
    some, size = turned(boxes(*LEFT, *RIGHT), quarter + tilt)
    found = fold_of(some, size)
    assert found is not None and found.is_right.tolist() == [False] * 5 + [True] * 5
    assert found.place == pytest.approx({0: 810, 90: 810, 180: 790, 270: 790}[quarter], abs=45)
    layout = arrange(some, spread=found)
    assert [member.tolist() for member in layout.members] == [[n] for n in range(10)]
    assert layout.rows.tolist() == list(range(10))
    assert arrange(some).rows.tolist() != layout.rows.tolist()


@pytest.mark.parametrize(
    ("some", "size"),
    [
        (boxes(*LEFT, *RIGHT), (1000, 1000)),
        (boxes(*[(800, y, 1300, 24, 0) for y in LEVELS]), SIZE),
        (boxes(*LEFT, *RIGHT[:2]), SIZE),
        (boxes(*LEFT), SIZE),
        (boxes(*[(x - 390, *rest) for x, *rest in (*LEFT, *RIGHT)]), (3000, 1000)),
        (boxes(*LEFT, *RIGHT), None),
        (boxes(), SIZE),
    ],
    ids=["upright", "one_page", "few_lines", "one_side", "beside_the_middle", "not_asked_for", "empty"],
)
def test_one_page_has_no_fold(some: Boxes, size: Spread) -> None:
    assert fold_of(some, size) is None
    assert parted(some, fold_of(some, size)) is some


def test_a_line_that_a_detector_took_from_both_pages_is_parted() -> None:
    some = boxes(*LEFT, *RIGHT, TITLE)
    found = fold_of(some, SIZE)
    assert found is not None and found.crosses.tolist() == [False] * 10 + [True]
    left, right = parted(some, found)[-2:].tolist()
    ends = found.place - found.gap / 2 - 1, found.place + found.gap / 2 + 1
    assert left == pytest.approx([(150 + ends[0]) / 2, 100, ends[0] - 150, 40, 0])
    assert right == pytest.approx([(ends[1] + 1450) / 2, 100, 1450 - ends[1], 40, 0])
    again = fold_of(parted(some, found), SIZE)
    assert again is not None and not again.crosses.any() and again.is_right[-2:].tolist() == [False, True]


def test_the_text_that_a_pdf_holds_is_put_in_the_same_order() -> None:
    spots = [spot for pair in zip(LEFT, RIGHT, strict=True) for spot in pair]
    words = [a_word(f"{'lr'[n % 2]}{n // 2}", 1, *spot) for n, spot in enumerate(spots)]
    lines = lines_of(TextLayer(words=words, lines=boxes(*spots)))
    assert " ".join(line.text for line in arranged(lines, SIZE)) == "l0 l1 l2 l3 l4 r0 r1 r2 r3 r4"
    assert arranged(lines, None) is lines


def test_the_column_is_there_if_it_was_asked_for() -> None:
    for asked in (False, True):
        columns = rp.Pipeline([rp.BinaryToImage(), rp.ImageTextDetector(), rp.ImageToText(double_pages=asked)])
        assert ("gutter" in columns.graph.columns) is asked


def across(y: float, space: float, middle: float = 790) -> Line:
    """A line of both pages, five words on each; the pages are `space` apart, and words 10 pixels."""
    starts = [middle - space / 2 - 110 * n for n in range(1, 6)][::-1] + [
        middle + space / 2 + 110 * n for n in range(5)
    ]
    words = [a_word("abcdefghij"[n], 0.9, x + 50, y, 100, 20, 0) for n, x in enumerate(starts)]
    ends = starts[0], starts[-1] + 100
    text = " ".join(word.text for word in words)
    return a_line(text, 0.9, sum(ends) / 2, y, ends[1] - ends[0], 24, 0, words=words)


def test_lines_across_the_fold_are_cut_between_their_words() -> None:
    found = unfolded([across(y, 60 + 7 * n) for n, y in enumerate(LEVELS)], 0, SIZE)
    assert [line.text for line in found] == ["a b c d e"] * 5 + ["f g h i j"] * 5
    assert [line.y for line in found] == LEVELS * 2
    assert [line.row for line in found] == list(range(10))
    assert found[0].x + found[0].width / 2 == pytest.approx(750, abs=20)


def test_the_columns_of_a_page_stay_columns_where_lines_are_cut() -> None:
    side = ["Profile", "Careful and", "patient teacher", "of small groups", "Address", "4 High Street", "Leeds"]
    main = [across(100 + 60 * n, 60) for n in range(7)]
    lines = [
        a_line(text, 0.9, 90, line.y, 140, 24, 0, words=[a_word(text, 0.9, 90, line.y, 140, 20, 0)])
        for text, line in zip(side, main, strict=True)
    ]
    texts = [*side, *["a b c d e"] * 7, *["f g h i j"] * 7]
    rows = [line for pair in zip(lines, main, strict=True) for line in pair]
    assert [line.text for line in unfolded(rows, 0, SIZE, boxes((185, 280, 1, 400, 0)))] == texts
    assert [line.text for line in unfolded(rows, 0, SIZE)] != texts


def test_the_spaces_of_one_page_are_no_fold() -> None:
    lines = [across(y, 60, 790 + 100 * (n % 2)) for n, y in enumerate(LEVELS)]
    assert unfolded(lines, 0, SIZE) is lines
    assert unfolded(lines, 0, None) is lines
