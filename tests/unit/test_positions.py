from __future__ import annotations

import numpy as np
from making import a_line, a_word

from raypipe.outputs.positions import positions
from raypipe.types import Character, PageMatrix


def test_positions_share_a_word_evenly() -> None:
    word = a_word("abcd", 1, 100, 50, 40, 10, 0)
    (matrix,) = positions([a_line("abcd", 1, 100, 50, 40, 10, 0, words=[word])])
    assert matrix.mapping[1] == Character(c="b", x=90, y=45, width=10, height=10, fontSize=10, source="ocr")
    assert [entry.x for entry in matrix.mapping] == [80, 90, 100, 110]
    assert positions([]) == [PageMatrix(mapping=[])]


def test_positions_follow_a_turned_word() -> None:
    (matrix,) = positions([a_line("ab", 1, 100, 50, 40, 10, 90, words=[a_word("ab", 1, 100, 50, 40, 10, 90)])])
    centres = [(entry.x + entry.width / 2, entry.y + entry.height / 2) for entry in matrix.mapping]
    assert np.allclose(centres, [(100, 40), (100, 60)])
