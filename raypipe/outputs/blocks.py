"""Blocks of a page: lines below each other that follow each other in reading order."""

from __future__ import annotations

from collections.abc import Sequence

from raypipe.geometry import bounds, turn
from raypipe.types import Line, boxes_of

GAP = 1.2
"""Two lines of a block are at most this many line heights apart."""
SHARED = 0.3
"""The shorter of two lines of a block lies above or below the other with at least this share of its width."""
TURNED = 20
"""The angles of two lines of a block differ by at most this many degrees."""


def blocks(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines in reading order, grouped into blocks; those without words are left out."""
    found: list[list[Line]] = []
    for line in lines:
        if not line.words:
            continue
        if found and _follows(found[-1][-1], line):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def _follows(above: Line, line: Line) -> bool:
    """Whether a line is below another, in the direction of its text."""
    if abs((line.angle - above.angle + 180) % 360 - 180) > TURNED:
        return False
    boxes = boxes_of([above, line])
    boxes[:, :2] = turn(boxes[:, :2], -above.angle)
    boxes[:, 4] -= above.angle
    first, second = bounds(boxes).tolist()
    shared = min(first[2], second[2]) - max(first[0], second[0])
    gap, height = second[1] - first[3], max(above.height, line.height)
    is_below = second[1] + second[3] > first[1] + first[3] and gap > -0.75 * min(above.height, line.height)
    return bool(is_below and gap <= GAP * height and shared >= SHARED * min(above.width, line.width))
