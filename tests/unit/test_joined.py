"""Regions that a detector made too long: across the gutter between two columns, or into bare paper."""

from __future__ import annotations

import numpy as np
import pytest
from making import boxes, rotated

from raypipe.geometry import bounds
from raypipe.recognition.base import Reading
from raypipe.stages.joined import Piece, parted
from raypipe.types import Alternative

HEIGHT, PITCH = 40, 20
"""The height of a line, and the width of a character, as bars that are half as wide."""


def piece(text: str, left: float, right: float, y: float, start: float | None = None, angle: float = 0) -> Piece:
    """A line between two places, whose text may start at a third; two spaces are a wide one."""
    picture, begin = np.full((HEIGHT, int(right - left), 3), 230, np.uint8), (start or left) - left
    centres = [begin + PITCH * (n + 0.5) for n in range(len(text))]
    for centre, letter in zip(centres, text, strict=True):
        if letter != " ":
            picture[8:32, int(centre) - 5 : int(centre) + 5] = 20
    kept = [n for n, letter in enumerate(text) if letter != " " or text[n - 1] != " "]
    shown = "".join(text[n] for n in kept)
    alternatives = {shown.rindex(" ") + 1: [Alternative(text="other", confidence=0.1)]} if " " in shown else {}
    box = rotated(boxes(((left + right) / 2, y, right - left, HEIGHT, 0)), angle)[0]
    segments = np.array([(0, 0, right - left, *box)], np.float32)
    return Piece(Reading(shown, [0.9] * len(shown), [centres[n] for n in kept], alternatives), segments, picture)


def split(pieces: list[Piece]) -> list[Piece]:
    return parted(pieces, np.concatenate([each.segments[:, 3:8] for each in pieces]))


def texts(pieces: list[Piece]) -> list[str]:
    return [each.reading.text for each in split(pieces)]


def columns(angle: float = 0) -> list[Piece]:
    """Four lines of a right column that begins at 660."""
    return [piece("right side here", 660, 960, 100 + 60 * n, angle=angle) for n in range(4)]


@pytest.mark.parametrize("angle", [0, 4, 90])
def test_a_region_across_a_gutter_is_cut_in_it(angle: float) -> None:
    *others, one, other = split(
        [*columns(angle), piece("one two three four  and the five", 260, 900, 340, angle=angle)]
    )
    assert [each.reading.text for each in (one, other)] == ["one two three four", "and the five"]
    assert len(others) == 4
    level = bounds(rotated(np.concatenate([one.segments, other.segments])[:, 3:8], -angle))
    assert np.allclose(level, [[260, 320, 620, 360], [660, 320, 900, 360]], atol=12)
    assert other.picture.shape[1] == other.segments[0, 2] and 5 <= other.reading.centres[0] <= 15
    assert other.reading.alternatives == {8: [Alternative(text="other", confidence=0.1)]}


def test_a_wide_space_elsewhere_stays() -> None:
    assert texts([*columns(), piece("one two  three and then five", 260, 820, 340)])[4:] == [
        "one two three and then five"
    ]


def test_a_space_as_wide_as_others_stays() -> None:
    text = "one two three fourth the five"
    assert texts([*columns(), piece(text, 260, 840, 340)])[4:] == [text]


def test_bare_paper_at_the_ends_of_a_line_is_cut_off() -> None:
    (found,) = split([piece("a short line", 100, 600, 50, start=200)])
    (left, _, right, _), *_ = bounds(found.segments[:, 3:8])
    assert found.reading.text == "a short line"
    assert 180 <= left <= 200 and 440 <= right <= 460
    assert found.picture[:, int(found.reading.centres[0])].min() == 20


def narrow_columns(gap: float = 12) -> list[Piece]:
    """Five lines in two columns that a detector leaves `gap` pixels apart."""
    rows = [("left side text", 100, 380), ("right side text", 380 + gap, 680 + gap)]
    return [piece(text, left, right, 100 + 60 * n) for n in range(5) for text, left, right in rows]


def test_a_line_next_to_narrow_columns_is_cut_where_a_space_holds_their_gutter() -> None:
    """Its other spaces are as wide, as in a narrow column that is justified."""
    text = "left  side  te  right  side  te"
    assert texts([*narrow_columns(), piece(text, 100, 720, 40)])[10:] == ["left side te", "right side te"]
    high = piece(text, 100, 720, 40)
    high.segments[:, 6] *= 2
    assert len(split([*narrow_columns(), high])) == 11, "a headline"


def test_a_line_with_a_word_in_the_gutter_stays() -> None:
    text = "my left side text right side te"
    assert texts([*narrow_columns(), piece(text, 100, 700, 40)])[10:] == [text]


def test_paper_is_cut_off_where_another_line_is_close() -> None:
    found = split([piece("some words here", 100, 420, 50), piece("and others", 425, 650, 50)])
    (_, _, right, _), (left, *_) = bounds(np.concatenate([each.segments[:, 3:8] for each in found]))
    assert 390 <= right <= 405 and 425 <= left <= 431
    assert len(found) == 2
