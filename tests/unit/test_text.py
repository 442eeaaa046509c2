from __future__ import annotations

from making import FORM, line

from raypipe.outputs.text import plain, rows_of


def test_rows() -> None:
    assert rows_of(FORM) == [FORM[:2], FORM[2:]]
    assert rows_of([]) == []


def test_plain_text_is_a_row_a_line() -> None:
    assert plain(FORM) == "Name: Ada\nBorn: 1815"


def test_plain_text_has_no_blank_lines_or_spaces_for_what_is_empty() -> None:
    lines = [line("a", 0, 0, 0), line("", 50, 0, 0), line("b", 90, 0, 0), line("", 0, 30, 1), line("c", 0, 900, 2)]
    assert plain(lines) == "a b\nc"
    assert plain([]) == ""
