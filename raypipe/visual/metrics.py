"""How alike two texts are, as Visual NLP measures it."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

from raypipe.visual.checked import checked

EXTRA, MISSING, WRONG = 3, 1, 2
"""The costs of a character that was read but is not there, of one that was not read, and of one read as another.

Derived from the two values that Visual NLP's notebook on grey backgrounds prints: they give all of their digits."""


@checked
def score(expected: str, detected: str) -> float:
    """How alike two texts are: 1 if they are the same, less the least cost of edits for each character of both."""
    longest = len(expected) + len(detected)
    return 1 - Levenshtein.distance(expected, detected, weights=(EXTRA, MISSING, WRONG)) / longest if longest else 1.0
