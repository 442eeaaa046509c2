"""The text that a PDF itself holds for a page: as lines that replace reading, or for comparison with what is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field
from rapidfuzz.distance import Levenshtein
from typing_extensions import override

from raypipe.columns import LINES, NULLABLE_TEXT, Column
from raypipe.geometry import directions, enclose
from raypipe.images.base import TextLayer
from raypipe.layout.leftward import reading_order
from raypipe.layout.lines import LineLayout, arrange, fold_of, turned
from raypipe.layout.spreads import Spread
from raypipe.stages.base import Stage, Step, Worker
from raypipe.types import Boxes, Line, Row, Word, boxes_of, place_of

Use = Literal["ocr", "use", "compare"]
TEXT_SOURCE, LAYER_TEXT, DIFFERENCE = "text_source", "layer_text", "layer_difference"
"""Columns for the source of a page's text, the text in its layer, and the difference between that and what is read."""
COLUMNS: Mapping[Use, Mapping[str, Column]] = {
    "ocr": {},
    "use": {TEXT_SOURCE: NULLABLE_TEXT},
    "compare": {LAYER_TEXT: NULLABLE_TEXT},
}
"""What BinaryToImage writes for each use of the layer."""
ASLANT = 20
"""Degrees from the horizontal and the vertical from which words count as slanted."""
GAP = 1.0
"""Words that follow each other in the file and are closer than this many line heights are on one line."""
MOST_PIECES = 4000
"""Most lines and parts of lines that are put in order: this takes memory for each pair of them."""
SHARE = Column(pa.float32())


def lines_of(layer: TextLayer, size: Spread = None) -> list[Line]:
    """The lines of a layer in reading order; slanted ones, such as a watermark, come last.

    If a picture of this size may show two pages, the left one is read first.
    """
    angles = layer.lines[:, 4]
    aslant = np.where(np.abs((angles + 45) % 90 - 45) > ASLANT, angles, 0).round()
    lines = list[Line]()
    for angle in sorted(np.unique(aslant).tolist(), key=lambda each: (each != 0, each)):
        group = np.flatnonzero(aslant == angle)
        words, level = [layer.words[n] for n in group], turned(layer.lines[group], -angle)
        pieces = _pieces(level)
        layout = _layout(level, pieces, words, None if angle else size)
        rows, boxes = layout.rows + (lines[-1].row + 1 if lines else 0), turned(layout.boxes, angle)
        for members, box, row in zip(layout.members, boxes.tolist(), rows.tolist(), strict=True):
            lines.append(_line([words[n] for member in members for n in pieces[member]], box, row))
    return lines


def _pieces(boxes: Boxes) -> list[range]:
    """Runs of words (n, 5) that follow each other on a line, in the order of the file: far fewer than words."""
    step, height = boxes[1:, :2] - boxes[:-1, :2], np.minimum(boxes[1:, 3], boxes[:-1, 3])
    along, across = directions(boxes[1:, 4])
    gap = (step * along).sum(1) - (boxes[1:, 2] + boxes[:-1, 2]) / 2
    follows = (boxes[1:, 4] == boxes[:-1, 4]) & (np.abs((step * across).sum(1)) < height / 2)
    follows &= (gap > -height / 2) & (gap < GAP * height)
    starts = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(boxes)]
    return list(map(range, starts, starts[1:]))


def _layout(boxes: Boxes, pieces: Sequence[range], words: Sequence[Word], size: Spread) -> LineLayout:
    """The lines that pieces form; if there are very many, each is a line, in the order of the file."""
    around = np.array([enclose(boxes[piece], float(boxes[piece[0], 4])) for piece in pieces], np.float32)
    if len(pieces) > MOST_PIECES:
        numbers = np.arange(len(pieces))
        return LineLayout(list(numbers[:, None]), around, numbers)
    texts = [" ".join(words[n].text for n in piece) for piece in pieces]
    return arrange(around, texts=texts, spread=fold_of(around, size))


def arranged(lines: list[Line], size: Spread) -> list[Line]:
    """The lines of a layer, those of the left page first if it has two; see `lines_of`."""
    if size is None:
        return lines
    pairs = [(word, replace(word, height=line.height)) for line in lines for word in line.words]
    words, high = [word for word, _ in pairs], [each for _, each in pairs]
    return lines_of(TextLayer(words=words, lines=boxes_of(high)), size)


def _line(words: list[Word], box: Sequence[float], row: int) -> Line:
    words = [words[number] for number in reading_order([word.text for word in words])]
    return Line(text=" ".join(word.text for word in words), confidence=1, row=row, words=words, **place_of(box))


def text_of(lines: Sequence[Line]) -> str:
    """The text of lines, joined."""
    return " ".join(line.text for line in lines)


class LayerComparer(Worker["CompareTextLayer"]):
    """Compares the text layer of each page with what was read."""

    @override
    def process_page(self, row: Row) -> None:
        layer = row[LAYER_TEXT]
        if layer is not None:
            read = text_of(row[self.spec.lines_col] or ())
            row[DIFFERENCE] = Levenshtein.normalized_distance(read, layer)


class CompareTextLayer(Stage):
    """Says how far the text layer of a PDF's page is from what was read, for BinaryToImage's `text_layer="compare"`.

    `layer_difference` is the least number of characters to insert, delete or replace, as a share of the longer text: 0
    if they are the same, 1 if they have nothing in common; null for a page without a text layer.
    """

    lines_col: str = Field("lines", description="the lines that were read")

    @override
    def steps(self) -> tuple[Step, ...]:
        reads = {LAYER_TEXT: NULLABLE_TEXT, self.lines_col: LINES}
        return (Step(stage=self, worker=LayerComparer, reads=reads, writes={DIFFERENCE: SHARE}),)
