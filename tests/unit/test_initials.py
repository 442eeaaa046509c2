"""Initials several lines high, and the words that they begin."""

from __future__ import annotations

import pytest

from raypipe.stages.initials import with_initial
from raypipe.types import Alternative, Word


def word(text: str, x: float, width: float, height: float = 20) -> Word:
    return Word(text=text, confidence=0.9, x=x, y=height / 2, width=width, height=height, angle=0)


@pytest.mark.parametrize(
    ("initial", "rest", "whole"),
    [
        ("T", "he", "The"),
        ("W", "HEN", "WHEN"),
        ("M", "rs.", "Mrs."),
        ("I", "n", "In"),
        ("A", "ll", "All"),
        ("A", "man", None),
        ("I", "HAD", None),
        ("T", "He", None),
        ("T", "12", None),
        ("1", "st", None),
        ("No", "one", None),
    ],
)
def test_an_initial_is_one_with_its_word(initial: str, rest: str, whole: str | None) -> None:
    words = [word(initial, 20, 40, 60), word(rest, 70, 60), word("next", 140, 60)]
    found = [each.text for each in with_initial(words)]
    assert found == ([whole, "next"] if whole else [initial, rest, "next"])


def test_the_word_has_a_box_around_both_and_its_other_readings() -> None:
    rest = word("he", 70, 60)
    rest.alternatives.append(Alternative(text="be", confidence=0.2))
    (found,) = with_initial([word("T", 20, 40, 60), rest])
    assert (found.width, found.height) == (100, 60)
    assert found.alternatives == [Alternative(text="Tbe", confidence=0.2)]


def test_a_letter_as_high_as_the_next_word_stays_alone() -> None:
    words = [word("T", 20, 10), word("he", 70, 60)]
    assert with_initial(words) == words
    assert with_initial(words[:1]) == words[:1]
