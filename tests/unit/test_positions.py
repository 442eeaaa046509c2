from __future__ import annotations

import numpy as np

from raypipe.outputs.positions import positions
from raypipe.types import Line, Word


def test_positions_share_a_word_evenly() -> None:
    word = Word("abcd", 1, 100, 50, 40, 10, 0)
    (matrix,) = positions([Line("abcd", 1, 100, 50, 40, 10, 0, 0, [word])])
    assert matrix["mapping"][1] == {
        "c": "b", "x": 90, "y": 45, "width": 10, "height": 10, "fontSize": 10, "source": "ocr",
    }  # fmt: skip
    assert [entry["x"] for entry in matrix["mapping"]] == [80, 90, 100, 110]
    assert positions([]) == [{"mapping": []}]


def test_positions_follow_a_turned_word() -> None:
    (matrix,) = positions([Line("ab", 1, 100, 50, 40, 10, 90, 0, [Word("ab", 1, 100, 50, 40, 10, 90)])])
    centres = [(entry["x"] + entry["width"] / 2, entry["y"] + entry["height"] / 2) for entry in matrix["mapping"]]
    assert np.allclose(centres, [(100, 40), (100, 60)])
