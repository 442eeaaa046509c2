"""Words as invisible text for search, selection and copying, written by fpdf2."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unicodedata import bidirectional

from raypipe.outputs.places import RIGHT_TO_LEFT, legal, size_of
from raypipe.types import PageRecord, Word

if TYPE_CHECKING:
    from fpdf import FPDF

EM, ADVANCE, SPACE, DESCENT = 1000, 500, 1, 200
"""The font, in its own units: its em, the advance of a character and of a space, and the descent."""
_FAMILY = "invisible"
STRAIGHT = 20
"""Words that are tilted by fewer degrees are written straight, as high as the box around them: if a baseline drifts by
half a point, poppler takes one word for several."""


def text_layer(pages: Sequence[PageRecord]) -> bytes:
    """A PDF with the words of each page in their boxes, invisible; one point per pixel."""
    from fpdf import FPDF
    from fpdf.enums import TextMode

    words = [[word for line in page.lines for word in line.words if word.text] for page in pages]
    pdf = FPDF(unit="pt")
    pdf.set_auto_page_break(False)
    with TemporaryDirectory() as folder:
        file = Path(folder, f"{_FAMILY}.ttf")
        file.write_bytes(font(character for some in words for word in some for character in legal(word.text)))
        pdf.add_font(_FAMILY, fname=file)
    pdf.text_mode = TextMode.INVISIBLE
    for page, some in zip(pages, words, strict=True):
        size = size_of(page)
        pdf.add_page(orientation="P", format=(max(size.width, 1), max(size.height, 1)))
        for word in some:
            _write(pdf, word)
    return bytes(pdf.output())


def _write(pdf: FPDF, word: Word) -> None:
    """Writes a word as large as its box, and the narrowest of spaces, so that programs separate it from the next."""
    word, text = _straight(word), visual(legal(word.text))
    width, height = max(word.width, 1), max(word.height, 1)
    pdf.set_font(_FAMILY, size=height)
    pdf.set_stretching(100 * width * EM / (len(text) * ADVANCE * height))
    with pdf.rotation(-word.angle, word.x, word.y) if word.angle else nullcontext():
        pdf.text(word.x - width / 2, word.y + height / 2 - height * DESCENT / EM, f"{text} ")


def visual(text: str) -> str:
    """The characters of a word from left to right, as PDFs hold Hebrew and Arabic for readers to put in order."""
    if not any(bidirectional(character) in RIGHT_TO_LEFT for character in text):
        return text
    from fpdf.bidi import BidiParagraph

    # By its place, as a bracket comes back as its mirror image, and some characters not at all.
    order = [each.character_index for each in BidiParagraph(text).get_reordered_characters()]
    return "".join(text[n] for n in order) if len(order) == len(text) else text[::-1]


def _straight(word: Word) -> Word:
    """A slightly tilted word, made horizontal or vertical; others unchanged."""
    quarter = round(word.angle / 90) * 90
    tilt = math.radians(abs(word.angle - quarter))
    if tilt >= math.radians(STRAIGHT):
        return word
    width = word.width * math.cos(tilt)  # Narrower than the box, so that words stay apart.
    height = word.width * math.sin(tilt) + word.height * math.cos(tilt)
    return replace(word, width=width, height=height, angle=quarter)


def font(characters: Iterable[str]) -> bytes:
    """A TrueType font in which each of these characters is a box of half an em, which viewers mark when selected."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    names = {ord(character): f"u{ord(character):05X}" for character in sorted({" ", *characters})}
    glyphs = [".notdef", *names.values()]
    pen = TTGlyphPen(None)
    pen.moveTo((0, -DESCENT))
    for corner in ((0, EM - DESCENT), (ADVANCE, EM - DESCENT), (ADVANCE, -DESCENT)):
        pen.lineTo(corner)
    pen.closePath()
    box = pen.glyph()
    builder = FontBuilder(EM)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap(names)
    builder.setupGlyf(dict.fromkeys(glyphs, box))
    builder.setupHorizontalMetrics({name: (SPACE if name == names[32] else ADVANCE, 0) for name in glyphs})
    builder.setupHorizontalHeader(ascent=EM - DESCENT, descent=-DESCENT)
    builder.setupNameTable({"familyName": _FAMILY, "styleName": "Regular", "psName": _FAMILY})
    builder.setupOS2(sTypoAscender=EM - DESCENT, sTypoDescender=-DESCENT)
    builder.setupPost()
    file = io.BytesIO()
    builder.save(file)
    return file.getvalue()
