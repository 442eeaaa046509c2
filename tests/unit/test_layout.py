from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from making import Boxes, boxes, rotated
from order_pages import DETAILS, KINDS
from order_pages import Page as KnownPage

from raypipe.geometry import bounds
from raypipe.layout.flow import Words, may_be_register
from raypipe.layout.lines import arrange, join_lines, merge_overlapping, page_angle

Page = tuple[Boxes, list[str]]
"""Boxes and what stands in each."""

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words(text: str, x: float, y: float, height: float = 30, space: float = 14) -> Page:
    """A line of words that begins at x, its middle at y; a character is half as wide as the line is high."""
    found = []
    for word in text.split():
        width = len(word) * height / 2
        found.append((x + width / 2, y, width, height, 0))
        x += width + space
    return boxes(*found), text.split()


def whole(text: str, x: float, y: float, height: float = 30) -> Page:
    """The same line as one box."""
    some, _ = words(text, x, y, height)
    left, right = some[0, 0] - some[0, 2] / 2, some[-1, 0] + some[-1, 2] / 2
    return boxes(((left + right) / 2, y, right - left, height, 0)), [text]


def together(*pages: Page) -> Page:
    return np.concatenate([some for some, _ in pages]), [text for _, texts in pages for text in texts]


def read(page: Page, tolerance: float = 0) -> list[str]:
    """Rows of the text; lines that stand side by side are parted by ` | `."""
    some, texts = page
    layout = arrange(some, tolerance)
    assert sorted(n for member in layout.members for n in member.tolist()) == list(range(len(some)))
    assert layout.boxes.shape == (len(layout.members), 5)
    assert layout.rows.tolist() == sorted(layout.rows.tolist())
    lines = [" ".join(texts[n] for n in member) for member in layout.members]
    return [
        " | ".join(line for line, of in zip(lines, layout.rows, strict=True) if of == row)
        for row in dict.fromkeys(layout.rows.tolist())
    ]


def prose(name: str, count: int, length: int = 6) -> list[str]:
    """Lines of prose; the last one is short."""
    lines = [" ".join(f"{name}{n}{letter * 3}" for letter in LETTERS[:length]) for n in range(count)]
    return [*lines[:-1], f"{name}{count - 1} end"]


Setter = Callable[..., Page]
LETTER = prose("p", 12)
TITLE, FOOTER = "a title over both of the columns here on the page", "a footer under both of the columns here on it"
LEFT, RIGHT = prose("l", 8, 5), prose("r", 8, 5)
FORM = [("Name: Ada", "Born: 1815"), ("Street: Main", "Town: Ockham"), ("Phone: none", "Mail: post")]
TABLE = [[f"{row}{column * 3}" for column in "abcd"] for row in "12345678"]


def letter(make: Setter = words) -> Page:
    return together(*(make(line, 100, 200 + 50 * n) for n, line in enumerate(LETTER)))


def columns(make: Setter = words) -> Page:
    return together(
        make(TITLE, 150, 60),
        *(make(line, 100, 150 + 45 * n) for n, line in enumerate(LEFT)),
        *(make(line, 750, 165 + 45 * n) for n, line in enumerate(RIGHT)),
        make(FOOTER, 150, 600),
    )


def form(make: Setter = words) -> Page:
    rows = [(left, right, 200 + 80 * n) for n, (left, right) in enumerate(FORM)]
    return together(*(p for left, right, y in rows for p in (make(left, 100, y), make(right, 700, y + 4))))


def table(make: Setter = words) -> Page:
    cells = [(cell, 100 + 320 * c, 200 + 60 * r) for r, row in enumerate(TABLE) for c, cell in enumerate(row)]
    return together(*(make(*cell) for cell in cells))


def curved(make: Setter = words) -> Page:
    """Lines that sag by two line heights in the middle, as on a bent sheet."""
    some, texts = letter(make)
    middle, reach = 550.0, 500.0
    some[:, 1] += 60 * (1 - ((some[:, 0] - middle) / reach) ** 2)
    some[:, 4] += np.rad2deg(np.arctan(-2 * 60 * (some[:, 0] - middle) / reach**2))
    return some, texts


def fanned() -> Page:
    """Whole lines whose angle grows down the page, as in a letter without ruling."""
    page, texts = letter(whole)
    page[:, 4] = np.linspace(-3, 3, len(page))
    return page, texts


COLUMN_ORDER = [TITLE, *LEFT, *RIGHT, FOOTER]
FORM_ORDER = [f"{left} | {right}" for left, right in FORM]
TABLE_ORDER = [" | ".join(row) for row in TABLE]


def turned(page: Page, degrees: float) -> Page:
    return rotated(page[0], degrees), page[1]


PAGES: dict[str, tuple[Page, list[str]]] = {
    "a letter in words": (letter(), LETTER),
    "a letter in lines": (letter(whole), LETTER),
    "a letter at 5 degrees": (turned(letter(), 5), LETTER),
    "a letter at 15 degrees": (turned(letter(), 15), LETTER),
    "a letter at -15 degrees in lines": (turned(letter(whole), -15), LETTER),
    "a letter on a bent sheet": (curved(), LETTER),
    "a letter on a bent and tilted sheet": (turned(curved(), 5), LETTER),
    "a letter whose lines fan out": (fanned(), LETTER),
    "two columns in words": (columns(), COLUMN_ORDER),
    "two columns in lines": (columns(whole), COLUMN_ORDER),
    "two columns at 5 degrees": (turned(columns(), 5), COLUMN_ORDER),
    "two columns at -8 degrees in lines": (turned(columns(whole), -8), COLUMN_ORDER),
    "a form in words": (form(), FORM_ORDER),
    "a form in lines": (form(whole), FORM_ORDER),
    "a form at 5 degrees": (turned(form(), 5), FORM_ORDER),
    "a table": (table(), TABLE_ORDER),
    "a table at -5 degrees": (turned(table(whole), -5), TABLE_ORDER),
    "one line": (words("only one line", 100, 100), ["only one line"]),
    "one word": (words("word", 100, 100), ["word"]),
    "one word at 30 degrees": (turned(words("word", 100, 100), 30), ["word"]),
}


@pytest.mark.parametrize("name", PAGES)
def test_reading_order(name: str) -> None:
    page, expected = PAGES[name]
    assert read(page) == expected


@pytest.mark.parametrize("name", PAGES)
def test_the_order_of_the_boxes_does_not_matter(name: str) -> None:
    (some, texts), expected = PAGES[name]
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(some))
        assert read((some[order], [texts[n] for n in order])) == expected


@pytest.mark.parametrize("make", [words, whole])
@pytest.mark.parametrize("name", ["letter", "columns", "form", "table"])
def test_trembling_boxes_change_nothing(name: str, make: Setter) -> None:
    """Detectors find a word up to a tenth of its height off."""
    page = {"letter": letter, "columns": columns, "form": form, "table": table}[name](make)
    expected = {"letter": LETTER, "columns": COLUMN_ORDER, "form": FORM_ORDER, "table": TABLE_ORDER}[name]
    for seed in range(5):
        random = np.random.default_rng(seed)
        some = page[0].copy()
        some[:, :4] += random.uniform(-3, 3, (len(some), 4)).astype(np.float32)
        assert read((some, page[1])) == expected


def regions_of(page: KnownPage) -> tuple[Boxes, list[str], list[str]]:
    """The boxes of a page's lines, what stands in them, and its rows, in reading order."""
    lines = [line for row in page for line in row]
    found = [(x + len(text) * size / 4, y + size / 2, len(text) * size / 2, size, 0) for text, x, y, size in lines]
    return boxes(*found), [line.text for line in lines], [" ".join(line.text for line in row) for row in page]


@pytest.mark.parametrize("angle", [0, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_tells_columns_from_tables(kind: str, angle: float) -> None:
    some, texts, expected = regions_of(KINDS[kind]())
    for seed in range(5):
        random = np.random.default_rng(seed)
        order = random.permutation(len(some))
        moved = rotated(some, angle)[order]
        moved[:, :4] += random.uniform(-2, 2, (len(some), 4)).astype(np.float32)
        layout = arrange(moved, 0, [texts[n] for n in order])
        lines = [" ".join(texts[order[n]] for n in member) for member in layout.members]
        rows = [
            " ".join(line for line, of in zip(lines, layout.rows, strict=True) if of == row)
            for row in dict.fromkeys(layout.rows.tolist())
        ]
        assert rows == expected


SHORT = ["Profile", "Careful and", "patient teacher", "of small groups", "Address", "4 High Street", "Leeds"]
LONG = [
    "Teaching",
    "Primary school in Leeds, years three and four, from 2010.",
    "Evening classes for adults in arithmetic and letters.",
    "Studies",
    "Bachelor of Arts, University of York, 2008.",
    "Languages",
    "French, spoken and written; some Dutch.",
]
DATES = ["2015 to now", "2011 to 2015", "May 2008", "June 2002", "in 1998", "in 1996", "until 1995"]
MEANINGS = ["Teacher", "A careful one", "in a small group", "A house", "High and low", "A street", "A town"]
MARKS = [f"{letter})" for letter in LETTERS[:7]]
SUMS = [
    "three and four are seven",
    *(f"twice {name} is the sum" for name in ("two", "six", "ten", "one", "no", "five")),
]


def beside(left: list[str], right: list[str], at: tuple[float, ...], more: list[str] | None = None) -> list[str]:
    """The order of the lines of level columns that are divided at these places."""
    columns = [(left, 60.0), (right, 480.0), *([(more, 1500.0)] if more else [])]
    some, texts = together(*(whole(t, x, 100 + 70 * n) for column, x in columns for n, t in enumerate(column)))
    layout = arrange(some, 0, texts, None, boxes(*((x, 310, 1, 450, 0) for x in at)))
    return [texts[n] for member in layout.members for n in member]


@pytest.mark.parametrize("angle", [0, 3, 90, 180])
def test_a_divider_shows_that_level_lines_are_columns(angle: float) -> None:
    assert beside(SHORT, LONG, (430,)) == [*SHORT, *LONG]
    some, texts = together(*(whole(t, x, 100 + 70 * n) for c, x in ((SHORT, 60), (LONG, 480)) for n, t in enumerate(c)))
    both = rotated(np.concatenate([some, boxes((430, 310, 1, 450, 0))]), angle)
    layout = arrange(both[:-1], 0, texts, None, both[-1:])
    assert [texts[n] for member in layout.members for n in member] == [*SHORT, *LONG]


def test_a_divider_shows_that_what_ends_with_colons_is_a_sidebar() -> None:
    assert beside(DETAILS[:7], LONG, (430,)) == [*DETAILS[:7], *LONG]


@pytest.mark.parametrize(
    ("left", "right", "at", "more"),
    [
        (SHORT, LONG, (), None),
        (SHORT, LONG, (1600,), None),
        (SHORT, LONG, (430, 700), None),
        (SHORT, LONG, (430, 1450), SHORT),
        (SHORT, LONG, (430,), SHORT),
        (DATES, LONG, (430,), None),
        (MARKS, SUMS, (430,), None),
        (SHORT, MEANINGS, (430,), None),
        (["Name:", "Born:", "Town:", "Trade:", "Mail:", "Phone:", "Signed:"], LONG, (430,), None),
    ],
    ids=[
        "none",
        "elsewhere",
        "through a column",
        "table of three",
        "panel of three",
        "dates",
        "items",
        "two languages",
        "form",
    ],
)
def test_a_divider_does_not_make_columns_of_a_table(
    left: list[str], right: list[str], at: tuple[float, ...], more: list[str] | None
) -> None:
    rows = zip(left, right, more or [""] * len(left), strict=True)
    assert beside(left, right, at, more) == [text for row in rows for text in row if text]


def test_lines_on_two_sides_of_a_divider_may_be_close() -> None:
    some, texts = together(*(whole(t, x, 100 + 70 * n) for c, x in ((SHORT, 60), (LONG, 310)) for n, t in enumerate(c)))
    place = bounds(some[: len(SHORT)])[:, 2].max() + 10
    assert place < 300
    layout = arrange(some, 0, texts, None, boxes((place, 310, 1, 450, 0)))
    assert [texts[n] for member in layout.members for n in member] == [*SHORT, *LONG]


def test_a_short_second_column_does_not_cut_the_first_one() -> None:
    """The ends of justified lines differ by fractions of a pixel."""
    left = [(300, 100 + 40 * n, 400 + n % 7 / 10, 24, 0) for n in range(20)]
    right = [(750, 100 + 40 * n, 400, 24, 0) for n in range(5)]
    assert np.concatenate(arrange(boxes(*left, *right)).members).tolist() == list(range(25))


def test_lines_of_two_columns_stay_apart_across_a_narrow_gutter() -> None:
    """It is 0.4 of their height wide; where few lines begin at one edge, they are parts of a line."""
    left = [(400, 100 + 40 * n, 600, 32, 0) for n in range(8)]
    right = [(1013, 100 + 40 * n, 600, 32, 0) for n in range(8)]
    assert len(arrange(boxes(*left, *right)).members) == 16
    assert len(arrange(boxes(*left[:3], *right[:3])).members) == 3


@pytest.mark.parametrize("angle", [45, -45])
def test_lines_midway_between_two_quarter_turns_stay_in_order(angle: float) -> None:
    lines = boxes(*((500, 100 + 60 * n, 700, 30, n % 3 - 1) for n in range(8)))
    assert np.concatenate(arrange(rotated(lines, angle)).members).tolist() == list(range(8))


def test_no_boxes_make_no_lines() -> None:
    layout = arrange(np.zeros((0, 5), np.float32))
    assert layout.members == []
    assert layout.boxes.shape == (0, 5)
    assert layout.rows.shape == (0,)


@pytest.mark.parametrize("inner", [(300, 200, 60, 20, 0), (150, 195, 60, 20, 0), (450, 205, 60, 20, 0)])
def test_a_box_inside_another_keeps_both(inner: tuple[float, ...]) -> None:
    some = boxes((300, 200, 400, 60, 0), inner, (300, 300, 400, 60, 0))
    layout = arrange(some)
    assert sorted(np.concatenate(layout.members).tolist()) == [0, 1, 2]
    assert layout.members[-1].tolist() == [2]


def test_a_box_in_the_middle_of_another_is_read_in_one_order() -> None:
    some = boxes((300, 200, 400, 60, 0), (300, 200, 60, 20, 0), (300, 300, 400, 60, 0))
    orders = [[0, 1, 2], [1, 0, 2], [2, 1, 0], [2, 0, 1]]
    assert len({arrange(some[order]).boxes.tobytes() for order in orders}) == 1


def test_the_same_box_twice_keeps_both() -> None:
    layout = arrange(boxes((300, 200, 400, 30, 0), (300, 200, 400, 30, 0)))
    assert sorted(np.concatenate(layout.members).tolist()) == [0, 1]


@pytest.mark.parametrize("angle", [0, 5, -15])
def test_the_box_of_a_line_is_that_of_its_words(angle: float) -> None:
    page = turned(words("some words of a line", 300, 500), angle)
    expected = rotated(whole("some words of a line", 300, 500)[0], angle)[0]
    layout = arrange(page[0])
    assert len(layout.boxes) == 1
    assert np.allclose(layout.boxes[0, :4], expected[:4], atol=1)
    assert abs(layout.boxes[0, 4] - angle) < 0.5


def test_a_wide_gap_parts_a_line_and_a_narrow_one_does_not() -> None:
    near, far = boxes((100, 50, 100, 30, 0), (240, 50, 100, 30, 0)), boxes((100, 50, 100, 30, 0), (500, 50, 100, 30, 0))
    assert len(arrange(near).members) == 1
    assert len(arrange(far).members) == 2
    assert arrange(far).rows.tolist() == [0, 0]


def test_tolerance_joins_words_that_stand_apart() -> None:
    """24 of 30 pixels apart, the heights alone do not make them a line."""
    page = together(words("one two", 100, 100), words("three", 230, 124))
    assert len(arrange(page[0]).members) == 2
    assert len(arrange(page[0], 15).members) == 2
    assert read(page, 28) == ["one two three"]


def test_tolerance_of_many_pixels_does_not_join_small_lines() -> None:
    page = together(*(words(f"line {n} of small print", 100, 100 + 12 * n, 10, 5) for n in range(5)))
    assert read(page, 15) == [f"line {n} of small print" for n in range(5)]


def test_a_single_region_keeps_its_angle_unless_it_is_as_short_as_a_letter() -> None:
    joined, _ = join_lines(boxes((200, 100, 300, 20, 0), (200, 200, 100, 20, 6), (200, 300, 20, 20, 40)), np.ones(3))
    assert joined[:, 4].tolist() == [0, 6, 0]
    assert bounds(joined[2:])[0] == pytest.approx(bounds(boxes((200, 300, 20, 20, 40)))[0])


def test_join_lines_gives_boxes_in_order_with_mean_scores() -> None:
    some, _ = together(words("below it", 100, 300), words("a line", 100, 100))
    joined, scores = join_lines(some, np.array([0.2, 0.4, 0.6, 1.0], np.float32))
    assert np.allclose(joined[:, 1], [100, 300])
    assert np.allclose(scores, [0.8, 0.3])


@pytest.mark.parametrize("angle", [0, 15])
def test_merge_joins_boxes_that_overlap_by_more_than_half(angle: float) -> None:
    level = boxes((500, 500, 200, 30, 0), (560, 500, 200, 30, 0), (500, 600, 200, 30, 0), (640, 600, 200, 30, 0))
    merged, scores = merge_overlapping(rotated(level, angle), np.array([0.5, 0.9, 0.6, 0.7], np.float32))
    expected = rotated(boxes((530, 500, 260, 30, 0), *level[2:]), angle)
    assert np.allclose(merged[np.argsort(scores)], expected[[1, 2, 0]], atol=1)
    assert np.allclose(np.sort(scores), [0.6, 0.7, 0.9])


def test_merge_follows_a_chain_of_overlaps() -> None:
    chain = boxes(*((100 + 40 * n, 50, 100, 30, 0) for n in range(6)))
    merged, scores = merge_overlapping(chain[[3, 0, 5, 1, 4, 2]], np.linspace(0.1, 0.6, 6, dtype=np.float32))
    assert np.allclose(merged, [[200, 50, 300, 30, 0]])
    assert np.allclose(scores, [0.6])


def test_page_angle_is_that_of_long_boxes() -> None:
    some = boxes((0, 0, 300, 30, 4), (0, 0, 200, 30, 5), (0, 0, 100, 30, 40), (0, 0, 30, 30, -44), (0, 0, 30, 300, 0))
    assert page_angle(some) == 4 or page_angle(some) == 5
    assert page_angle(some[:1]) == 4
    assert page_angle(some[3:]) == 0
    assert page_angle(some[:0]) == 0


def test_short_words_that_lean_do_not_turn_a_page() -> None:
    """Boxes of handwritten names and numbers, each leaning as its capital is higher than its other letters."""
    leaning = zip((8, 7, 6, 4, 14), (6, 9, 8, 5, 4), strict=True)
    some = boxes(
        *(
            box
            for n, (number, name) in enumerate(leaning)
            for box in ((560, 136 + 115 * n, 137, 63, number), (165, 141 + 115 * n, 112, 63, name))
        )
    )
    assert page_angle(some) == 0
    assert [member.tolist() for member in arrange(some).members] == [[2 * n + 1, 2 * n] for n in range(5)]
    some[:, 4] = 0
    assert page_angle(rotated(some, 9)) == 9


def test_a_page_of_many_words_is_fast_enough_and_whole() -> None:
    page = together(*(words(" ".join(f"w{n}x{i}" for i in range(20)), 100, 100 + 45 * n) for n in range(60)))
    assert len(page[1]) == 1200
    assert read(page) == [" ".join(f"w{n}x{i}" for i in range(20)) for n in range(60)]


def test_rows_are_sought_only_where_lines_begin_and_end_as_entries_do() -> None:
    """They take long to find, and a table has many gutters."""
    two, one = [np.array([0, 2]), np.array([1])], [np.array([0, 1])]
    assert may_be_register(two, Words.of(["Abbey", "12", "Bridge, old 7, 31."]))
    assert not may_be_register(two, Words.of(["Abbey", "mill", "Bridge, old"]))
    assert not may_be_register(one, Words.of(["12", "31"]))


@pytest.mark.parametrize("lines", [2, 3, 4])
def test_an_initial_belongs_to_the_first_line_beside_it(lines: int) -> None:
    beside = [whole(f"{letter * 4} and more of it", 160, 100 + 48 * n) for n, letter in enumerate("abcdef"[:lines])]
    below = whole("the last line is as long", 100, 100 + 48 * lines)
    initial = boxes((125, 100 + 24 * (lines - 1), 50, 48 * (lines - 1) + 24, 0)), ["W"]
    first, *others = [" ".join(texts) for _, texts in beside]
    assert read(together(*beside, initial, below)) == [f"W {first}", *others, "the last line is as long"]


def test_a_tall_initial_may_begin_below_the_middle_of_its_line() -> None:
    beside = [whole(f"{letter * 4} and more of it", 160, 100 + 48 * n) for n, letter in enumerate("abc")]
    initial = boxes((130, 155, 30, 100, 0)), ["I"]
    assert read(together(*beside, initial)) == ["I aaaa and more of it", "bbbb and more of it", "cccc and more of it"]


def test_a_short_box_that_leans_is_not_followed_far() -> None:
    """Page numbers after leaders that were not found: three letters lean as their heights differ."""
    entries = [whole(f"chapter {letter * 5}", 100, 100 + 40 * n) for n, letter in enumerate("abcde")]
    numbers = [(boxes((1400, 100 + 40 * n, 90, 28, -3 if not n else 0)), ["vii"]) for n in range(5)]
    assert read(together(*entries, *numbers)) == [f"chapter {letter * 5} | vii" for letter in "abcde"]


def test_a_page_number_level_with_a_running_head_is_in_no_column() -> None:
    head = together(whole("12", 100, 64), whole("of the harbour and its masters", 480, 60))
    left, right = (
        [whole(text, x, 140 + 48 * n) for n, text in enumerate(prose(x_, 8))] for x, x_ in ((100, "a"), (800, "b"))
    )
    assert read(together(head, *left, *right)) == [
        "12 | of the harbour and its masters",
        *prose("a", 8),
        *prose("b", 8),
    ]
