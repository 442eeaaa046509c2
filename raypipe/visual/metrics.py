"""How alike two texts are, as Visual NLP measures it."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

EXTRA, MISSING, WRONG = 3, 1, 2
"""What a character costs that was read and is not there, one that was not read, and one that was read as another.

Found from the two values that Visual NLP's notebook on grey backgrounds prints, which they give to all digits."""


def score(expected: str, detected: str) -> float:
    """How alike two texts are: 1 if they are the same, less the least cost of edits for each character of both.

    Args:
        expected: The text as it is.
        detected: The text as it was read.
    """
    longest = len(expected) + len(detected)
    return 1 - Levenshtein.distance(expected, detected, weights=(EXTRA, MISSING, WRONG)) / longest if longest else 1.0
