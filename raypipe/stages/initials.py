"""Initials several lines high: a letter that a detector finds apart from the word that it begins."""

from __future__ import annotations

from dataclasses import replace

from raypipe.geometry import enclose
from raypipe.types import Word, boxes_of, confidence_of, place_of

HIGH = 1.6
"""An initial is at least this many times as high as the word beside it."""
ALONE, VOWELS = frozenset("AEIOUYÀÉO"), frozenset("aeiouyäöüàâáãåæèéêëìíîïòóôõøœùúûý")
"""Letters that may be a word, in one language or another: they begin another one only if its rest has no vowels."""


def with_initial(words: list[Word]) -> list[Word]:
    """The words of a line; if the first is an initial, it is one with the rest of its word."""
    if len(words) < 2 or not _begins(words[0], words[1]):
        return words
    initial, rest = words[:2]
    whole = Word(
        text=initial.text + rest.text,
        confidence=confidence_of(words[:2]),
        alternatives=[replace(other, text=initial.text + other.text) for other in rest.alternatives],
        **place_of(enclose(boxes_of(words[:2]), rest.angle).tolist()),
    )
    return [whole, *words[2:]]


def _begins(initial: Word, rest: Word) -> bool:
    """Whether the first of two words is the initial of the second one."""
    letter = initial.text
    if len(letter) != 1 or not letter.isupper() or initial.height < HIGH * rest.height:
        return False
    goes_on = rest.text[0].islower() or (rest.text[0].isalpha() and rest.text.isupper())
    return goes_on and (letter not in ALONE or not VOWELS.intersection(rest.text.casefold()))
