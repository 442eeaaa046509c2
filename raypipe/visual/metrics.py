"""How alike two texts are, as Visual NLP measures it."""

from __future__ import annotations

import numpy as np

EXTRA, MISSING, WRONG = 3, 1, 2
"""What a character costs that was read and is not there, one that was not read, and one that was read as another.

Found from the two values that Visual NLP's notebook on grey backgrounds prints, which they give to all digits."""


def score(expected: str, detected: str) -> float:
    """How alike two texts are: 1 if they are the same, less the least cost of edits for each character of both.

    Args:
        expected: The text as it is.
        detected: The text as it was read.
    """
    if not expected and not detected:
        return 1.0
    read = np.frombuffer(detected.encode("utf-32-le"), np.uint32)
    extra = EXTRA * np.arange(len(read) + 1)
    costs = extra
    for character in expected:
        changed = np.minimum(costs[1:] + MISSING, costs[:-1] + np.where(read == ord(character), 0, WRONG))
        # The least cost with extra characters at the end of it: running minima of what each costs without them.
        costs = np.minimum.accumulate(np.concatenate([costs[:1] + MISSING, changed]) - extra) + extra
    return 1 - int(costs[-1]) / (len(expected) + len(detected))
