"""Plain text, with one line per row of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from raypipe.outputs.base import Document, Format, TextColumn
from raypipe.types import Line


def rows_of(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines grouped by row: those side by side are together."""
    return [list(row) for _, row in groupby(lines, key=lambda line: line.row)]


def plain(lines: Sequence[Line]) -> str:
    """The text, with one line per row of the page; lines side by side are separated by a space."""
    rows = (" ".join(line.text for line in row if line.text) for row in rows_of(lines))
    return "\n".join(text for text in rows if text)


def join_pages(texts: Iterable[str]) -> str:
    """The texts of pages, separated by form feeds."""
    return "\f".join(f"{text}\n" for text in texts)


def render(document: Document) -> str:
    """The text columns of the pages, whatever format the pipeline gave them."""
    return join_pages(page.text for page in document.pages)


FORMAT = Format(
    name="text",
    suffix=".txt",
    media_type="text/plain",
    render=render,
    column=TextColumn(text=lambda page, _: plain(page.lines)),
)
