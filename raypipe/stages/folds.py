"""Lines that run across the fold of an open book: their words show that a detector joined the lines of two pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from raypipe.geometry import directions, enclose
from raypipe.layout.lines import arrange, fold_of
from raypipe.layout.spreads import CROSSING, LEAST_GAP, Spread
from raypipe.types import Boxes, Line, Word, boxes_of, confidence_of, place_of


def unfolded(lines: list[Line], tolerance: float, size: Spread, dividers: Boxes | None = None) -> list[Line]:
    """The lines of a picture, split at the fold between two pages, those of the left page first; see `arrange`."""
    words = [word for line in lines for word in line.words]
    if size is None or not words or fold_of(boxes_of(lines), size):
        return lines
    found = fold_of(boxes_of(words), size)
    if found is None:
        return lines
    sides = iter(found.is_right.tolist())
    parted = [_parts(line, [next(sides) for _ in line.words]) for line in lines]
    across = [parts for parts in parted if len(parts) > 1]
    if sum(_gap(*parts[:2]) < LEAST_GAP or len(parts) > 2 for parts in across) > CROSSING * len(across):
        return lines  # The gaps are spaces between the words of one page.
    lines = [part for parts in parted for part in parts]
    boxes = boxes_of(lines)
    layout = arrange(boxes, tolerance, [line.text for line in lines], fold_of(boxes, size), dividers)
    rows = zip(layout.members, layout.rows.tolist(), strict=True)
    return [replace(lines[n], row=row) for members, row in rows for n in members.tolist()]


def _parts(line: Line, is_right: Sequence[bool]) -> list[Line]:
    """A line, cut wherever its next word is on the other page."""
    starts = [0, *(np.flatnonzero(np.diff(is_right)) + 1).tolist(), len(line.words)]
    if len(starts) <= 2:
        return [line]
    return [_part(line, line.words[start:end]) for start, end in zip(starts, starts[1:], strict=False)]


def _part(line: Line, words: list[Word]) -> Line:
    return replace(
        line,
        text=" ".join(word.text for word in words),
        confidence=confidence_of(words),
        words=words,
        **place_of(enclose(boxes_of(words), line.angle).tolist()),
    )


def _gap(left: Line, right: Line) -> float:
    """How far two parts of a line are apart, in heights of their words."""
    along, _ = directions(np.array([left.angle], np.float32))
    distance = float(np.abs(along[0] @ np.array([right.x - left.x, right.y - left.y], np.float32)))
    height = float(np.median([word.height for word in (*left.words, *right.words)]))
    return (distance - (left.width + right.width) / 2) / height
