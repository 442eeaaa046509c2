"""Words as CSV (RFC 4180): for spreadsheets and tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from raypipe.outputs.base import Document, Format
from raypipe.outputs.places import box_of, numbered, size_of
from raypipe.types import PageRecord

COLUMNS = ("page", "line", "word", "text", "confidence", "left", "top", "right", "bottom", "exception")


def render(document: Document) -> str:
    """A row for each word: page, line and word from 1, its text, confidence 0 to 1, and box in pixels.

    A page that failed is a row with its `exception`, which says why.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for number, page in numbered(document.pages):
        writer.writerows(_rows(page, number + 1, document.confidences))
    return file.getvalue()


def _rows(page: PageRecord, number: int, confidences: bool) -> Iterator[list[object]]:
    if page.exception:
        yield [number, *[""] * (len(COLUMNS) - 2), page.exception]
    size = size_of(page)
    for n, line in enumerate((line for line in page.lines if line.words), 1):
        for m, word in enumerate(line.words, 1):
            yield [number, n, m, word.text, f"{word.confidence:.4f}" if confidences else "", *box_of(word, size), ""]


FORMAT = Format(name="csv", suffix=".csv", media_type="text/csv", render=render)
