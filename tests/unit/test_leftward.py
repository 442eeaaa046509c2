"""Words that run from right to left are read from there."""

from __future__ import annotations

import pytest

from raypipe.layout.leftward import reading_order


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        ("one two 3", "one two 3"),
        ("", ""),
        ("מילים. 123 של מבחן", "מבחן של 123 מילים."),
        ("العالم مرحبا", "مرحبا العالم"),
        ("first עולם שלום then", "first שלום עולם then"),
        ("a b עולם 7 שלום , c", "a b שלום 7 עולם , c"),
        ("טוב עולם Windows 11 שלום", "שלום Windows 11 עולם טוב"),
        ("טוב עולם Visual Studio שלום", "שלום Visual Studio עולם טוב"),
        ("! עולם", "עולם !"),
        ("12 34", "12 34"),
    ],
)
def test_the_order_of_words(seen: str, read: str) -> None:
    words = seen.split()
    assert [words[number] for number in reading_order(words)] == read.split()
