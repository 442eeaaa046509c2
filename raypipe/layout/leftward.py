"""The order in which the words of a line are read that run from right to left, as those of Hebrew and Arabic do."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

RIGHT, LEFT = "R", "L"
KINDS = {"R": RIGHT, "AL": RIGHT, "L": LEFT}
"""Where the letters of a direction begin, by Unicode's names of directions; digits and marks have none of their own."""


def reading_order(texts: Sequence[str]) -> list[int]:
    """The numbers of words, given from left to right, in the order in which they are read.

    A line begins at the right if most of its words do. Runs of the other direction are turned in it: Unicode's UAX 9,
    rule L2, backwards. A number goes with the word before it (rule W7).
    """
    kinds, order = list(map(_kind, texts)), list(range(len(texts)))
    if RIGHT not in kinds:
        return order
    for number in order[1:]:
        if not kinds[number] and kinds[number - 1] == LEFT and any(map(str.isdigit, texts[number])):
            kinds[number] = LEFT
    if kinds.count(RIGHT) > kinds.count(LEFT):
        return _turned(order[::-1], kinds, LEFT, RIGHT)
    return _turned(order, kinds, RIGHT, LEFT)


def _kind(text: str) -> str:
    """Where the first letter of a word begins that has a direction; empty if none has."""
    return next((KINDS[kind] for kind in map(unicodedata.bidirectional, text) if kind in KINDS), "")


def _turned(order: list[int], kinds: list[str], kind: str, other: str) -> list[int]:
    """An order with each run of words of a kind turned; a run goes on across words without one."""
    found, run, after = list[int](), list[int](), list[int]()
    for number in [*order, None]:
        if number is not None and kinds[number] == kind:
            run, after = [*run, *after, number], []
        elif number is None or kinds[number] == other or not run:
            found += [*run[::-1], *after, *([] if number is None else [number])]
            run, after = [], []
        else:
            after.append(number)
    return found
