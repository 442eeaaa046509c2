"""Words as a table with the columns of Tesseract's TSV, for programs that read those."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import count

from raypipe.outputs.base import Document, Format
from raypipe.outputs.places import Box, box_of, numbered, size_of
from raypipe.types import PageRecord

_PLACE = "level", "page_num", "block_num", "par_num", "line_num", "word_num"
COLUMNS = (*_PLACE, "left", "top", "width", "height", "conf", "text")
PAGE, BLOCK, PARAGRAPH, LINE, WORD = 1, 2, 3, 4, 5
NO_CONFIDENCE = "-1"
"""What Tesseract writes in rows that are not words."""


def render(document: Document) -> str:
    """A row for each page, line and word; pages are numbered from 1, `conf` is 0 to 100, boxes are pixels."""
    file = io.StringIO()
    # Tesseract quotes nothing; words hold neither tabs nor line ends.
    writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    writer.writerow(COLUMNS)
    for number, page in numbered(document.pages):
        writer.writerows(_rows(page, number + 1, document.confidences))
    return file.getvalue()


def _rows(page: PageRecord, number: int, confidences: bool) -> Iterator[list[object]]:
    size = size_of(page)
    yield _row(PAGE, (number, 0, 0, 0, 0), size.box)
    lines = [line for line in page.lines if line.words]
    if lines:
        yield _row(BLOCK, (number, 1, 0, 0, 0), size.box)
        yield _row(PARAGRAPH, (number, 1, 1, 0, 0), size.box)
    for n, line in zip(count(1), lines, strict=False):
        yield _row(LINE, (number, 1, 1, n, 0), box_of(line, size))
        for m, word in enumerate(line.words, 1):
            confidence = f"{100 * word.confidence:.2f}" if confidences else NO_CONFIDENCE
            yield _row(WORD, (number, 1, 1, n, m), box_of(word, size), confidence, " ".join(word.text.split()))


def _row(level: int, place: tuple[int, ...], box: Box, confidence: str = NO_CONFIDENCE, text: str = "") -> list[object]:
    return [level, *place, box.left, box.top, box.width, box.height, confidence, text]


FORMAT = Format(name="tsv", suffix=".tsv", media_type="text/tab-separated-values", render=render)
