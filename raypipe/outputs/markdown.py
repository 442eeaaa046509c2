"""Markdown (spec.commonmark.org): paragraphs, headings, and a rule between pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from raypipe.outputs.base import Document, Format
from raypipe.outputs.blocks import blocks
from raypipe.outputs.places import comment
from raypipe.outputs.text import rows_of
from raypipe.types import Line, PageRecord

LARGE = 1.4
"""Rows this many times higher than the page's median are headings."""
_MARKS = re.compile(r"([\\`*_\[\]<>|&~])")
_START = re.compile(r"^(\s*)(\d*)([#+=.)-])")
"""What would begin a heading, a rule or a list in Markdown."""


def render(document: Document) -> str:
    """The pages of a document: rows below each other are a paragraph, and each stays a line of the source.

    A comment says why a page failed.
    """
    return "\n---\n\n".join(f"{text}\n" if (text := _page(page)) else "" for page in document.pages)


def _page(page: PageRecord) -> str:
    return f"<!--{comment(page.exception)}-->" if page.exception else markdown(page.lines)


def markdown(lines: Sequence[Line]) -> str:
    """The text of a page."""
    rows = [_whole(row) for row in rows_of([line for line in lines if line.words])]
    usual = float(np.median([row.height for row in rows])) if rows else 0
    parts = (part for block in blocks(rows) for part in groupby(block, key=lambda row: row.height > LARGE * usual))
    texts = ((is_large, [_escaped(row.text) for row in part]) for is_large, part in parts)
    return "\n\n".join(f"## {' '.join(text)}" if is_large else "\n".join(text) for is_large, text in texts)


def _whole(row: Sequence[Line]) -> Line:
    """The lines of a row as one."""
    left = min(line.x - line.width / 2 for line in row)
    right = max(line.x + line.width / 2 for line in row)
    text = " ".join(line.text for line in row)
    return replace(row[0], text=text, x=(left + right) / 2, width=right - left) if len(row) > 1 else row[0]


def _escaped(text: str) -> str:
    """Text, escaped so that Markdown shows it unchanged."""
    text = _MARKS.sub(r"\\\1", text)
    return _START.sub(r"\1\2\\\3", text)


FORMAT = Format(name="markdown", suffix=".md", media_type="text/markdown", render=render)
