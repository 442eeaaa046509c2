"""Whether the words of lines that stand side by side run down columns or across rows.

Verse, an index or the sidebar of a CV looks like a table: short lines, level with each other. What is written there
tells them apart. A sentence that goes on in the line below must not be interrupted by the line beside it; amounts,
dates and values belong to what stands left of them. Nothing here knows a language.
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
ALL_SMALL, PAUSES = 0.8, 0.2
"""A column is a list of phrases, not text, if more than this fraction of its lines begins with a small letter, less
than this fraction ends with a mark, and no sentence begins inside a line."""
NARROW = 0.5
"""Where a sentence begins inside a line, and this fraction of the lines begins with a small letter, a column is narrow
prose: two words on a line say as much as three."""
FIGURES = 0.5
"""A column of a table: more than this fraction of its lines is figures."""
LABELS = 0.25
"""Labels of a form: this fraction of a column's lines ends with a colon."""
FIELDS = 0.5
"""A form with fields side by side: more than this fraction of each column's lines is a label and what was filled in."""
ENTRIES, ENDS = 0.6, 0.5
"""An index: this fraction of each column's lines ends with page numbers, and of a list, begins with a bullet or number.
Verse: this fraction ends with a mark."""
QUESTIONS, ANSWERS = 0.75, 0.25
"""Questions: this fraction of a column's lines, and less than this one of the answers, ends with a "?"."""
SORTED, MIN_SORTED = 0.9, 8
"""A list: this fraction of its lines follows the one before in the alphabet; shorter lists may do so by chance."""

LONGEST_LABEL = 30
"""Letters in a field's label at most."""

_ENTRY = re.compile(r"^[^\W\d].*?[,.…\s]\s*\d{1,4}(\s*[,–-]\s*\d{1,4})*\.?$")
_ITEM = re.compile(r"^(?:[-–•·*]|(\d{1,3})[.)])\s+\S")
_NEXT = re.compile(r"\w[.!?][\"'”’»)]*\s+[\"'“‘«(]?([^\W\d_])")
_CLOSING = "\"'”’»)]"
_OPENING = "\"'“‘«([-–— "


class Direction(Enum):
    """How text runs."""

    DOWN = "down columns"
    ACROSS = "across rows"


@dataclass(frozen=True)
class Words:
    """What each line of a page says about its neighbours, arrays (n,).

    Attributes:
        texts: Strings.
        several, pair: It has at least three words, two words.
        small: It begins with a small letter.
        unfinished: It does not end a sentence.
        hyphen, colon, question: It ends with a hyphen, a colon, a question mark.
        paused, begins: It ends with a mark at which a reader pauses; a sentence begins inside.
        figures: Most of its letters and digits are digits.
        field: It is a label with a colon and a value.
        entry: It ends with page numbers, as in an index.
        item: Its number in a list, 0 if it begins with a bullet, -1 if it is no item.
    """

    texts: tuple[str, ...]
    several: Flags
    pair: Flags
    small: Flags
    unfinished: Flags
    hyphen: Flags
    colon: Flags
    question: Flags
    paused: Flags
    begins: Flags
    figures: Flags
    field: Flags
    entry: Flags
    item: Indices

    @staticmethod
    def of(texts: Sequence[str]) -> Words:
        """What the texts (n,) of lines say."""
        ends = [text.rstrip(_CLOSING)[-1:] for text in texts]

        def flags(check: Callable[[str, str], bool]) -> Flags:
            return np.array([check(text, end) for text, end in zip(texts, ends, strict=True)], np.bool_)

        return Words(
            texts=tuple(texts),
            several=flags(lambda text, _: text.count(" ") >= 2),
            pair=flags(lambda text, _: " " in text),
            small=flags(lambda text, _: text.lstrip(_OPENING)[:1].islower()),
            unfinished=flags(lambda _, end: end not in (*".!?:", "")),
            hyphen=flags(lambda text, end: end == "-" and text[-2:-1].isalpha()),
            colon=flags(lambda _, end: end == ":"),
            question=flags(lambda _, end: end == "?"),
            paused=flags(lambda _, end: end in (*",;.!?", "")),
            begins=flags(lambda text, _: any(letter.isupper() for letter in _NEXT.findall(text))),
            figures=flags(lambda text, _: _is_figures(text)),
            field=flags(lambda text, _: 0 < text.find(": ") <= LONGEST_LABEL),
            entry=flags(lambda text, _: bool(_ENTRY.match(text))),
            item=np.array([int(found[1] or 0) if (found := _ITEM.match(text)) else -1 for text in texts], np.int64),
        )


def direction(columns: Sequence[Indices], level: Level, words: Words) -> Direction | None:
    """How text runs in lines that stand in columns; None if their words do not tell.

    Args:
        columns: The lines of each column from top to bottom, columns from left to right.
        level: Says which lines of two columns stand beside each other: pairs of their places in the columns, (m, 2).
        words: The words of all lines.
    """
    long = max(map(len, columns)) / 2
    if any(words.figures[column].mean() > FIGURES for column in columns if len(column) >= long):
        return Direction.ACROSS
    if all(words.colon[column].tolist() == [True] + [False] * (len(column) - 1) for column in columns):
        return Direction.DOWN  # Each has a heading of its own.
    if any(words.colon[column].mean() >= LABELS for column in columns[:-1]) or _is_interview(columns, words):
        return Direction.ACROSS
    pairs = [level(one, other) for one, other in pairwise(columns)]
    rows = sum(map(len, pairs))
    if _breaks(columns, pairs, words) >= max(MIN_BREAKS, BREAKS * rows) or _is_list(columns, words):
        return Direction.DOWN
    return Direction.ACROSS if all(words.field[column].mean() > FIELDS for column in columns) else None


def _breaks(columns: Sequence[Indices], pairs: Sequence[Indices], words: Words) -> int:
    """How many rows would come between two lines of one sentence."""
    goes_on = [_goes_on(column, words) for column in columns]
    count = 0
    for left, right, pair in zip(goes_on, goes_on[1:], pairs, strict=False):
        # The left line goes on below its neighbour, or the right one began above it.
        count += int((np.append(left[1:], False)[pair[:, 0]] | right[pair[:, 1]]).sum())
    return count


def _goes_on(column: Indices, words: Words) -> Flags:
    """Which lines of a column, (m,), go on with the sentence of the line above."""
    above, below, begins = column[:-1], column[1:], words.begins[column].any()
    if words.small[below].mean() > ALL_SMALL and words.paused[column].mean() < PAUSES and not begins:
        return np.zeros(len(column), np.bool_)
    enough = words.pair if begins and words.small[below].mean() >= NARROW else words.several
    sentence = words.unfinished[above] & enough[above] & enough[below]
    return np.append(False, words.small[below] & (sentence | words.hyphen[above]))


def _is_interview(columns: Sequence[Indices], words: Words) -> bool:
    """Whether a column of questions stands beside one of answers."""
    asked = [float(words.question[column].mean()) for column in columns]
    return max(asked) >= QUESTIONS and min(asked) < ANSWERS


def _is_list(columns: Sequence[Indices], words: Words) -> bool:
    """Whether the columns are those of an index, of items, of verse, or of a sorted list."""
    if all(words.entry[column].mean() >= ENTRIES for column in columns) or _has_items(columns, words):
        return True
    if all(words.paused[column].mean() >= ENDS and words.several[column].mean() > 0.5 for column in columns):
        return True
    keys = [words.texts[n].casefold() for column in columns for n in column]
    follows = [before <= after for before, after in zip(keys, keys[1:], strict=False)]
    return len(keys) >= MIN_SORTED and float(np.mean(follows)) >= SORTED


def _has_items(columns: Sequence[Indices], words: Words) -> bool:
    """Whether each column is a list of items, with bullets or with numbers that count down it."""
    items = [words.item[column][words.item[column] >= 0] for column in columns]
    counts = all((np.diff(numbers) == (numbers[:-1] > 0)).all() for numbers in items)
    return counts and all(len(some) >= ENTRIES * len(column) for some, column in zip(items, columns, strict=True))


def _is_figures(text: str) -> bool:
    digits, letters = sum(map(str.isdigit, text)), sum(map(str.isalpha, text))
    return digits > letters
