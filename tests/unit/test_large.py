from __future__ import annotations

import numpy as np
from making import Boxes, boxes

from raypipe.detection.base import Detection
from raypipe.detection.large import whole

LONGER, WIDTH = 1600, 1280
WORD = boxes((800, 500, 1200, 400, 0))
SMALL_PRINT = boxes((800, 1000, 500, 30, 0))
PIECES = boxes((400, 480, 400, 380, 0), (900, 500, 90, 300, 0), (1200, 510, 300, 390, 0))


def detection(*some: Boxes, scores: float = 0.95) -> Detection:
    every = np.concatenate(some)
    return Detection(every, np.full(len(every), scores, np.float32))


def found(first: Detection, reduced: Detection) -> tuple[list[list[float]], list[int]]:
    widths: list[int] = []

    def detect(width: int) -> Detection:
        widths.append(width)
        return reduced

    return whole(first, LONGER, WIDTH, detect).boxes.tolist(), widths


def test_a_very_large_word_found_in_pieces_is_found_whole() -> None:
    result, widths = found(detection(PIECES, SMALL_PRINT), detection(WORD))
    assert result == [*WORD.tolist(), *SMALL_PRINT.tolist()]
    assert widths == [320]


def test_ordinary_text_is_looked_for_once() -> None:
    assert found(detection(SMALL_PRINT), detection(WORD)) == (SMALL_PRINT.tolist(), [])
    assert found(detection(boxes()), detection(WORD)) == ([], [])


def test_lines_across_a_large_word_stay() -> None:
    """A watermark behind the text."""
    lines = boxes(*((800, 400 + 60 * n, 1100, 40, 0) for n in range(4)))
    first = detection(PIECES[:1], lines)
    assert found(first, detection(WORD))[0] == first.boxes.tolist()


def test_doubtful_pieces_beside_a_large_word_are_no_text() -> None:
    edge = Detection(boxes((100, 1100, 60, 150, 0)), np.array([0.58], np.float32))
    first = Detection(np.concatenate([WORD, edge.boxes]), np.array([0.95, 0.58], np.float32))
    assert found(first, detection(WORD))[0] == WORD.tolist()
