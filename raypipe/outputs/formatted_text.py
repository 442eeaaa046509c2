"""Text that keeps the page's layout: indents, columns and gaps become spaces and blank lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raypipe.outputs.base import Document, Format, TextColumn
from raypipe.outputs.text import join_pages, rows_of
from raypipe.types import Line


def formatted(lines: Sequence[Line]) -> str:
    """The text with indentation, wide gaps as spaces and a blank line for a gap of two line heights.

    A column of the text is one median character width.
    """
    lines = [line for line in lines if line.text]
    if not lines:
        return ""
    character = max(float(np.median([line.width / len(line.text) for line in lines])), 1.0)
    margin = min(line.x - line.width / 2 for line in lines)
    height = float(np.median([line.height for line in lines]))
    printed: list[str] = []
    previous: float | None = None
    for row in rows_of(lines):
        middle = float(np.mean([line.y for line in row]))
        if previous is not None and middle - previous > 3 * height:
            printed.append("")
        previous = middle
        printed.append(_formatted_row(row, margin, character))
    return "\n".join(printed)


def _formatted_row(row: Sequence[Line], margin: float, character: float) -> str:
    text = ""
    for line in row:
        column = round((line.x - line.width / 2 - margin) / character)
        text += " " * max(column - len(text), 1 if text else 0) + line.text
    return text


def render(document: Document) -> str:
    """The pages of a document, separated by form feeds."""
    return join_pages(formatted(page.lines) for page in document.pages)


FORMAT = Format(
    name="formatted_text",
    suffix=".txt",
    media_type="text/plain",
    render=render,
    column=TextColumn(text=lambda page, _: formatted(page.lines)),
)
