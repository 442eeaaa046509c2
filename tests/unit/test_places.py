from __future__ import annotations

from dataclasses import replace

from making import FORM, a_line, a_word, finished, line

from raypipe.outputs.places import Size, baseline_of, box_of, legal, numbered, outline_of, size_of

A4 = Size(2480, 3508)


def test_a_page_without_its_picture_is_as_large_as_its_text() -> None:
    """Boxes are clipped to the page: to one of no size, they would all be empty."""
    assert size_of(finished(lines=FORM)) == Size(340, 90)
    assert size_of(finished(lines=FORM, width=400, height=300)) == Size(400, 300)
    assert size_of(finished()) == Size(0, 0)


def test_boxes_are_upright_and_on_the_page() -> None:
    assert box_of(line("word", 100, 50, 0), A4) == (100, 40, 140, 60)
    assert box_of(a_line("up", 1, 100, 200, 80, 20, -90), A4) == (90, 160, 110, 240)
    assert box_of(line("beside", -20, 5, 0), A4) == (0, 0, 40, 15)


def test_the_baseline_is_where_words_stand_that_have_no_letters_below_it() -> None:
    words = [a_word("type", 1, 100, 500, 80, 60, 0), a_word("hand", 1, 200, 495, 80, 50, 0)]
    line = a_line("type hand", 1, 200, 500, 300, 100, 0, words=words)
    assert baseline_of(line, A4)[0] == (50, 512)
    assert baseline_of(replace(line, words=words[:1]), A4)[0] == (50, 530)


def test_the_baseline_and_outline_of_a_standing_line_run_along_it() -> None:
    standing = a_line("none", 1, 100, 200, 80, 50, -90)
    assert baseline_of(standing, A4) == [(115, 240), (115, 160)]
    assert outline_of(standing, A4) == [(75, 240), (75, 160), (125, 160), (125, 240)]


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    assert legal("a\x00b\udcff\x1fé\t😀") == "a�b��é\t😀"


def test_pages_of_several_documents_are_told_apart_by_their_places() -> None:
    assert [number for number, _ in numbered([finished("a", 4, 9), finished("a", 7, 9)])] == [4, 7]
    assert [number for number, _ in numbered([finished("a", 0), finished("b", 0)])] == [0, 1]
