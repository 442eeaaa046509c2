from __future__ import annotations

from making import line

from raypipe.outputs.formatted_text import formatted


def test_formatted_text_keeps_indents_and_gaps() -> None:
    lines = [line("title", 140, 0, 0), line("left", 100, 30, 1), line("right", 200, 30, 1), line("last", 120, 60, 2)]
    assert formatted(lines) == "    title\nleft      right\n  last"


def test_formatted_text_has_a_blank_line_for_a_gap() -> None:
    lines = [line("a", 0, 0, 0), line("b", 0, 30, 1), line("c", 0, 130, 2)]
    assert formatted(lines) == "a\nb\n\nc"


def test_formatted_text_never_joins_neighbours() -> None:
    assert formatted([line("abcdefgh", 0, 0, 0, width=20), line("x", 25, 0, 0), line("y", 300, 30, 1)]).startswith(
        "abcdefgh x"
    )
    assert formatted([]) == formatted([line("", 0, 0, 0)]) == ""
