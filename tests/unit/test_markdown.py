from __future__ import annotations

import pytest
from making import FORM, a_line, a_word, finished

from raypipe.outputs.base import Document
from raypipe.outputs.markdown import markdown, render
from raypipe.types import Line


def line(text: str, y: float, row: int, height: float = 20) -> Line:
    width = 10.0 * len(text)
    word = a_word(text, 1, 100 + width / 2, y, width, height, 0)
    return a_line(text, 1, 100 + width / 2, y, width, height, 0, row=row, words=[word])


def test_rows_below_each_other_are_a_paragraph() -> None:
    lines = [line("one", 100, 0), line("two", 125, 1), line("three", 200, 2)]
    assert markdown(lines) == "one\ntwo\n\nthree"
    assert markdown(FORM) == "Name: Ada\nBorn: 1815"


def test_large_print_is_a_heading() -> None:
    lines = [line("A title", 40, 0, 40), line("one", 100, 1), line("two", 125, 2)]
    assert markdown(lines) == "## A title\n\none\ntwo"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("# 1", r"\# 1"), ("12. x", r"12\. x"), ("- a_b*", r"\- a\_b\*"), ("1984 a.", "1984 a."), ("<b>", r"\<b\>")],
)
def test_marks_are_shown_as_they_are(text: str, shown: str) -> None:
    assert markdown([line(text, 100, 0)]) == shown


def test_pages_are_parted_by_a_rule() -> None:
    pages = [finished("a", n, 2, lines=[line(f"page {n}", 100, 0)]) for n in range(2)]
    assert render(Document(path="a", name="a", pages=pages)) == "page 0\n\n---\n\npage 1\n"
    assert (
        render(Document(path="a", name="a", pages=[finished("a", exception="Stage code: why")]))
        == "<!-- Stage code: why -->\n"
    )
