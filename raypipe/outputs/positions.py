"""Plain text with a column of its characters' places: Visual NLP's PageMatrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raypipe.outputs.base import TextColumn
from raypipe.outputs.text import plain
from raypipe.types import Character, Line, PageMatrix


def positions(lines: Sequence[Line]) -> list[PageMatrix]:
    """The characters of all words, in one matrix; those of a word share its box evenly."""
    mapping = []
    for line in lines:
        for word in line.words:
            step = word.width / len(word.text)
            cos, sin = np.cos(np.deg2rad(word.angle)), np.sin(np.deg2rad(word.angle))
            for n, character in enumerate(word.text):
                offset = (n + 0.5) * step - word.width / 2
                mapping.append(
                    Character(
                        c=character,
                        x=float(word.x + offset * cos - step / 2),
                        y=float(word.y + offset * sin - word.height / 2),
                        width=step,
                        height=word.height,
                        fontSize=round(word.height),
                        source="ocr",
                    )
                )
    return [PageMatrix(mapping=mapping)]


NAME = "text_with_positions"
COLUMN = TextColumn(text=lambda page, _: plain(page.lines), positions=positions)
