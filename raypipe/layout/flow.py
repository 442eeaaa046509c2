"""Whether the words of lines that stand side by side run down columns or across rows.

Verse, an index or the sidebar of a CV looks like a table: short lines, level with each other. Their words tell them
apart. A sentence that continues in the line below must not be interrupted by the line beside it; amounts, dates and
values belong to the text on their left. Nothing here depends on the language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from raypipe.layout.chains import Indices

Flags = npt.NDArray[np.bool_]
Level: TypeAlias = Callable[[Indices, Indices], Indices]

MIN_BREAKS, BREAKS = 2, 0.2
"""Text runs down if rows would break this many sentences, and this fraction of the rows would break one."""
ALL_SMALL, PAUSES = 0.75, 0.2
"""A column is a list of phrases rather than prose if more than `ALL_SMALL` of its lines begin with a small letter and
fewer than `PAUSES` end with a mark."""
NARROW, STRAY = 0.5, 0.2
"""Prose, however narrow: at least `NARROW` of the lines below an unfinished one, and at most `STRAY` of those below the
end of a sentence, begin with a small letter."""
MIN_SENTENCES, SENTENCES = 2, 0.05
"""Prose also has at least this many sentences, and this fraction of its lines, that begin below the end of another
sentence or inside a line."""
OVERFLOWS, LONG_LINE = 0.1, 4
"""Text also runs down if this fraction of the rows would break a sentence after a full line with at least `LONG_LINE`
spaces."""
PHRASES, ALIKE = 0.75, 1.5
"""Verse without marks: `PHRASES` of each column's lines have several words, and the usual line of one column is at most
`ALIKE` times longer than that of another. A table has a column of names or single words."""
MIN_CELLS, CELLS = 3, 0.75
"""Cells of a table: at least this many, and this fraction of a column's, begin level with one in the next column."""
FEWER = 0.5
"""Cells of a table with labels: a small letter begins at most this many times as often beside a label as elsewhere."""
FIGURES = 0.5
"""A column of a table: more than this fraction of its lines are figures."""
LABELS = 0.25
"""Labels of a form: this fraction of a column's lines end with a colon."""
BESIDE = 0.75
"""`BESIDE` of the labels of a form stand beside a value."""
FIELDS = 0.5
"""A form with fields side by side: more than this fraction of each column's lines hold a label and its value."""
ENTRIES, ENDS = 0.6, 0.5
"""An index or a list of prices: `ENTRIES` of each column's lines end with page numbers or prices. A list: as many begin
with a bullet or number. Verse: `ENDS` of the lines end with a mark."""
LONGEST_ADDRESS, SAME_ROWS = 7, 0.75
"""Addresses side by side have at most this many lines; of their rows, this fraction has numbers in both or in none."""
QUESTIONS, ANSWERS = 0.75, 0.25
"""An interview: at least `QUESTIONS` of one column's lines, and less than `ANSWERS` of the other's, end with a "?"."""
SORTED, MIN_SORTED = 0.9, 8
"""A sorted list: `SORTED` of its lines follow the line before in the alphabet. Fewer than `MIN_SORTED` lines may do so
by chance."""

DATED, SHORT = 0.75, 4
"""Labels of a table's rows: `DATED` of a column's lines have digits, or most have fewer than `SHORT` characters."""

LONGEST_LABEL = 30
"""The most letters in a field's label."""

_ENTRY = re.compile(r"^[^\W\d].*?[,.…\s]\s*(\d{1,4})(?:\s*[,–-]\s*\d{1,4})*\.?$")
_ITEM = re.compile(r"^(?:[-–•·*]|(\d{1,3})[.)])\s+\S")
_NEXT = re.compile(r"\w[.!?][\"'”’»)]*\s+[\"'“‘«(]?([^\W\d_])")
_PRICED = re.compile(r"^[^\W\d].*[\s.…](?:[€$£¥] ?\d+|\d+ ?[€$£¥]|\D{0,4}\d+[.,]\d\d\D{0,4})$")
_CLOSING = "\"'”’»)]"
_OPENING = "\"'“‘«([-–— "


class Direction(Enum):
    """How text runs."""

    DOWN = "down columns"
    ACROSS = "across rows"


@dataclass(frozen=True)
class Words:
    """What the text of each line of a page says about its neighbours, as arrays (n,).

    Attributes:
        texts: Strings.
        several: It has at least three words.
        letter, small: It begins with a letter; with a small letter.
        number: It ends with a digit, and perhaps with a full stop or a sign of currency.
        unfinished: It does not end a sentence.
        hyphen, colon, question: It ends with a hyphen; a colon; a question mark.
        paused, begins: It ends with a mark at which a reader pauses; a sentence begins inside.
        digit: It holds a digit.
        figures: Most of its letters and digits are digits.
        field: It is a label with a colon and a value.
        entry: It ends with page numbers, as in an index.
        item: Its number in a list, 0 if it begins with a bullet, -1 if it is no item.
    """

    texts: tuple[str, ...]
    several: Flags
    letter: Flags
    small: Flags
    number: Flags
    unfinished: Flags
    hyphen: Flags
    colon: Flags
    question: Flags
    paused: Flags
    begins: Flags
    digit: Flags
    figures: Flags
    field: Flags
    entry: Flags
    item: Indices

    @staticmethod
    def of(texts: Sequence[str]) -> Words:
        """The words of lines, from their texts (n,)."""
        ends = [text.rstrip(_CLOSING)[-1:] for text in texts]

        def flags(check: Callable[[str, str], bool]) -> Flags:
            return np.array([check(text, end) for text, end in zip(texts, ends, strict=True)], np.bool_)

        return Words(
            texts=tuple(texts),
            several=flags(lambda text, _: text.count(" ") >= 2),
            letter=flags(lambda text, _: text[:1].isalpha()),
            small=flags(lambda text, _: text.lstrip(_OPENING)[:1].islower()),
            number=flags(lambda text, _: text.rstrip(". €$£¥")[-1:].isdecimal()),
            unfinished=flags(lambda _, end: end not in (*".!?:", "")),
            hyphen=flags(lambda text, end: end == "-" and text[-2:-1].isalpha()),
            colon=flags(lambda _, end: end == ":"),
            question=flags(lambda _, end: end == "?"),
            paused=flags(lambda _, end: end in (*",;.!?", "")),
            begins=flags(lambda text, _: any(letter.isupper() for letter in _NEXT.findall(text))),
            digit=flags(lambda text, _: any(map(str.isdigit, text))),
            figures=flags(lambda text, _: sum(map(str.isdigit, text)) > sum(map(str.isalpha, text))),
            field=flags(lambda text, _: 0 < text.find(": ") <= LONGEST_LABEL),
            entry=flags(lambda text, _: bool(_ENTRY.match(text))),
            item=np.array([int(found[1] or 0) if (found := _ITEM.match(text)) else -1 for text in texts], np.int64),
        )


def direction(
    columns: Sequence[Indices], level: Level, words: Words, running: bool, sidebar: bool = False
) -> Direction | None:
    """How text runs in lines that stand in columns; None if their words do not show it.

    Args:
        columns: The lines of each column from top to bottom, columns from left to right.
        level: Returns which lines of two columns stand beside each other: pairs of their places in the columns, (m, 2).
        words: The words of all lines.
        running: The columns are known to be prose, as they are part of larger ones that are.
        sidebar: One of them looks like a sidebar.
    """
    long = max(map(len, columns)) / 2
    if any(words.figures[column].mean() > FIGURES for column in columns if len(column) >= long):
        return Direction.ACROSS
    if all(words.colon[column].tolist() == [True] + [False] * (len(column) - 1) for column in columns):
        return Direction.DOWN  # Each has a heading of its own.
    labels = [column for column in columns[:-1] if words.colon[column].mean() >= LABELS]
    if any(_are_labels(column, words) for column in labels) or _is_interview(columns, words):
        return Direction.ACROSS
    pairs = [level(one, other) for one, other in pairwise(columns)]
    rows = sum(map(len, pairs))
    if _counts_across(columns, pairs, words):
        return Direction.ACROSS
    for goes_on, share in ((_goes_on, BREAKS), (_overflows, OVERFLOWS)):
        going = [goes_on(column, words, running) for column in columns]
        cells = [_are_cells(one, other, pair) for (one, other), pair in zip(pairwise(going), pairs, strict=True)]
        breaks = _breaks(going, [pair[:0] if is_cell else pair for pair, is_cell in zip(pairs, cells, strict=True)])
        if breaks >= max(MIN_BREAKS, share * rows):
            return Direction.DOWN
        if any(cells):
            return Direction.ACROSS
    if labels:
        return None if sidebar or not _have_values(columns, pairs, words) else Direction.ACROSS
    if _is_list(columns, words):
        return Direction.DOWN
    return Direction.ACROSS if all(words.field[column].mean() > FIELDS for column in columns) else None


def _are_labels(column: Indices, words: Words) -> bool:
    """Whether most entries of a column end with a colon: a form has labels alone, a sidebar has values, too."""
    goes_on = np.append(words.small[column[1:]], False)  # The first lines of labels that wrap.
    return bool(np.count_nonzero(words.colon[column]) > np.count_nonzero(~(words.colon[column] | goes_on)))


def _have_values(columns: Sequence[Indices], pairs: Sequence[Indices], words: Words) -> bool:
    """Whether what ends with a colon mostly stands beside a line of the next column, as a label beside its value."""
    beside = np.concatenate([column[pair[:, 0]] for column, pair in zip(columns, pairs, strict=False)])
    colons = sum(np.count_nonzero(words.colon[column]) for column in columns[:-1])
    return bool(np.count_nonzero(words.colon[beside]) >= BESIDE * colons)


def _breaks(goes_on: Sequence[Flags], pairs: Sequence[Indices]) -> int:
    """How many rows would come between two lines of one sentence."""
    count = 0
    for left, right, pair in zip(goes_on, goes_on[1:], pairs, strict=False):
        # The left line goes on below its neighbour, or the right one began above it.
        count += int((np.append(left[1:], False)[pair[:, 0]] | right[pair[:, 1]]).sum())
    return count


def _are_cells(left: Flags, right: Flags, pair: Indices) -> bool:
    """Whether two columns are cells of a table whose text wraps.

    Those of one column begin level with others, and most lines that go on have none beside them.
    """
    goes_on, beside = (left, right), [np.isin(np.arange(len(side)), pair[:, n]) for n, side in enumerate((left, right))]
    wrapped = np.concatenate([going & ~alone for going, alone in zip(goes_on, beside, strict=True)]).sum()
    if wrapped < max(MIN_BREAKS, (left.sum() + right.sum()) / 2):
        return False
    begin = ~left[pair[:, 0]] & ~right[pair[:, 1]]
    return any(begin.sum() >= max(MIN_CELLS, CELLS * np.count_nonzero(~going)) for going in goes_on)


def have_labels(columns: Sequence[Indices], level: Level, words: Words) -> bool:
    """Whether columns are a table whose first one labels the rows: the text of cells begins there, and wraps between.

    Args:
        columns, level, words: As in `direction`.
    """
    if len(columns) <= 2 or len(columns[0]) < MIN_CELLS:
        return False
    labels, *others = columns
    pairs = [level(labels, column) for column in others]
    if min(map(len, pairs)) < max(MIN_CELLS, CELLS * len(labels)):
        return False
    beside = np.concatenate([column[pair[:, 1]] for column, pair in zip(others, pairs, strict=True)])
    wrapped = np.setdiff1d(np.concatenate(others), beside)
    if np.count_nonzero(words.small[wrapped]) < max(MIN_BREAKS, NARROW * len(wrapped)):
        return False
    return bool(words.small[beside].mean() <= FEWER * words.small[wrapped].mean())


def is_running(columns: Sequence[Indices], words: Words) -> bool:
    """Whether sentences begin inside columns and run over most of their lines, as in prose, however narrow."""
    above, below = (np.concatenate([column[part] for column in columns]) for part in (slice(-1), slice(1, None)))
    ended, small = ~words.unfinished[above], words.small[below]
    sentences = np.count_nonzero(words.begins[above] | (ended & ~small))
    goes_on, stray = np.count_nonzero(small & ~ended), np.count_nonzero(small & ended)
    enough = sentences >= max(MIN_SENTENCES, SENTENCES * len(above)) and stray <= STRAY * np.count_nonzero(ended)
    return bool(enough and goes_on >= NARROW * np.count_nonzero(~ended))


def _goes_on(column: Indices, words: Words, running: bool) -> Flags:
    """Which lines of a column, (m,), continue the sentence of the line above."""
    above, below = column[:-1], column[1:]
    if not running and words.small[below].mean() > ALL_SMALL and words.paused[column].mean() < PAUSES:
        return np.zeros(len(column), np.bool_)
    enough = running | (words.several[above] & words.several[below])
    return np.append(False, words.small[below] & ((words.unfinished[above] & enough) | words.hyphen[above]))


def _overflows(column: Indices, words: Words, _: bool) -> Flags:
    """Which lines of a column, (m,), continue the sentence of a long line above, which had no room for more."""
    small = words.small[column[1:]]
    goes_on = np.append(False, small & words.unfinished[column[:-1]] & (small.mean() <= ALL_SMALL))
    texts = [words.texts[n] for n in column.tolist()]
    longest = max(map(len, texts))
    for n in np.flatnonzero(goes_on).tolist():
        above, below = texts[n - 1 : n + 1]
        goes_on[n] = above.count(" ") >= LONG_LINE and len(above) + len(below.split(" ", 1)[0]) >= longest
    return goes_on


def _counts_across(columns: Sequence[Indices], pairs: Sequence[Indices], words: Words) -> bool:
    """Whether the numbers of items count on from one column into the next."""
    counted = [
        (words.item[left[pair[:, 0]]] > 0) & (words.item[right[pair[:, 1]]] == words.item[left[pair[:, 0]]] + 1)
        for (left, right), pair in zip(pairwise(columns), pairs, strict=True)
    ]
    rows = np.concatenate(counted)
    return bool(len(rows) and rows.mean() >= ENTRIES)


def _is_interview(columns: Sequence[Indices], words: Words) -> bool:
    """Whether a column of questions stands beside one of answers."""
    shares = [float(words.question[column].mean()) for column in columns]
    return max(shares) >= QUESTIONS and min(shares) < ANSWERS


def _is_list(columns: Sequence[Indices], words: Words) -> bool:
    """Whether the columns are those of an index, of items, of verse, or of a sorted list."""
    if all(words.entry[column].mean() >= ENTRIES for column in columns) or _has_items(columns, words):
        return True
    if all(words.paused[column].mean() >= ENDS and words.several[column].mean() > 0.5 for column in columns):
        return True
    if all(words.several[column].mean() >= PHRASES for column in columns):
        lengths = [float(np.median([len(words.texts[n]) for n in column.tolist()])) for column in columns]
        if max(lengths) <= ALIKE * min(lengths):
            return True
    return _is_sorted([words.texts[n].casefold() for column in columns for n in column])


def are_addresses(left: Indices, right: Indices, pair: Indices, words: Words) -> bool:
    """Whether two short columns are addresses: after names, the same rows have numbers; a table's whole column has."""
    if max(len(left), len(right)) > LONGEST_ADDRESS or words.field[np.concatenate([left, right])].any():
        return False
    one, other = words.digit[left[pair[:, 0]]], words.digit[right[pair[:, 1]]]
    same = np.count_nonzero(one == other)
    named, numbered = np.count_nonzero(~(one | other)), np.count_nonzero(one & other)
    return bool(same >= SAME_ROWS * len(pair) and named >= 2 and numbered >= 1)


def labels_rows(column: Indices, words: Words) -> bool:
    """Whether the lines of a column may be dates, numbers or letters that stand for the rows of a table."""
    lengths = [len(words.texts[n]) for n in column.tolist()]
    return bool(words.digit[column].mean() >= DATED or np.median(lengths) < SHORT)


def may_be_register(columns: Sequence[Indices], words: Words) -> bool:
    """Whether enough lines of columns begin and end as entries do: a cheap test, as finding their rows takes long."""
    lines, least = np.concatenate(columns), ENTRIES * max(map(len, columns))
    return bool(min(words.letter[lines].sum(), words.number[lines].sum()) >= least)


def is_register(columns: Sequence[Sequence[str]]) -> bool:
    """Whether the rows of columns are those of an index or of contents, whose page numbers may stand apart."""
    entries = _matched(_ENTRY, columns)
    return _is_sorted([entry[0].casefold() for entry in entries]) or _is_sorted([int(entry[1]) for entry in entries])


def is_price_list(columns: Sequence[Sequence[str]]) -> bool:
    """Whether the rows of columns are names with prices, which may stand apart, and headings."""
    return bool(_matched(_PRICED, columns))


def _matched(pattern: re.Pattern[str], columns: Sequence[Sequence[str]]) -> list[re.Match[str]]:
    """The rows that a pattern matches; none, if it does not match `ENTRIES` of each column's."""
    found = [[match for row in rows if (match := pattern.match(row))] for rows in columns]
    enough = all(len(some) >= ENTRIES * len(rows) for some, rows in zip(found, columns, strict=True))
    return [match for some in found for match in some] if enough else []


def _is_sorted(keys: Sequence[str] | Sequence[int]) -> bool:
    follows = [before <= after for before, after in zip(keys, keys[1:], strict=False)]  # type: ignore[operator]
    return len(keys) >= MIN_SORTED and float(np.mean(follows)) >= SORTED


def _has_items(columns: Sequence[Indices], words: Words) -> bool:
    """Whether each column is a list of items, with bullets or with numbers that count down it."""
    items = [words.item[column][words.item[column] >= 0] for column in columns]
    counts = all((np.diff(numbers) == (numbers[:-1] > 0)).all() for numbers in items)
    return counts and all(len(some) >= ENTRIES * len(column) for some, column in zip(items, columns, strict=True))
