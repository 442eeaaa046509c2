"""The text that PDFs hold: where its words are, when it is relied on, and what becomes of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
import pytest
from making import a_word, boxes, carried_out, encoded, white
from pdfs import pdf

import raypipe as rp
from raypipe.errors import ConfigError
from raypipe.images import pdf_text
from raypipe.images.base import TextLayer
from raypipe.images.image import IMAGE, Image
from raypipe.metrics import Metrics
from raypipe.outputs.base import Document
from raypipe.outputs.pdf import render
from raypipe.recognition.base import Reading
from raypipe.run.runner import carry_out
from raypipe.stages.decode import ImageOpener
from raypipe.stages.detect import TextDetector
from raypipe.stages.recognize import CROPS_COLUMN, LineCropper, TextReader
from raypipe.stages.text_layer import LayerComparer, arranged, lines_of
from raypipe.types import PageRecord, Row

SIZE = 300, 200
TEXT = b"BT /F0 20 Tf 40 150 Td (First line) Tj 0 -40 Td (second one) Tj ET"
STANDING = b" BT /F0 12 Tf 0 1 -1 0 280 60 Tm (margin) Tj ET"
PAGE = pdf(TEXT + STANDING, SIZE)


def opened(data: bytes, use: str = "use", **parameters: Any) -> Row:
    worker = ImageOpener(rp.BinaryToImage(text_layer=use, resolution=100, **parameters), 1, Metrics())
    (row,) = carried_out(worker, [{"path": "a.pdf", "name": "a.pdf", "pagenum": 0, "content": data}])
    assert row["exception"] is None
    return row


def changed(data: bytes, **entries: object) -> bytes:
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as document:
        for name, value in entries.items():
            document.pages[0][f"/{name}"] = value
        document.save(file)
    return file.getvalue()


def layer_of(content: bytes) -> TextLayer:
    found = pdf_text.text_layer(pypdfium2.PdfDocument(pdf(content, SIZE))[0], *SIZE)
    assert found
    return found


@pytest.mark.parametrize(
    ("further", "words"),
    [
        (b"32 4 Td (two) Tj", ["onetwo"]),
        (b"32 14 Td (two) Tj", ["one", "two"]),
        (b"0.94 0.34 -0.34 0.94 73 150 Tm (two) Tj", ["one", "two"]),
        (b"20 Tf 0 1 -1 0 73 150 Tm (two) Tj", ["one", "two"]),
        (b"0 -22 Td (hyph-) Tj 0 -22 Td (en) Tj", ["one", "hyph-", "en"]),
        (b"255 0 Td (off) Tj", ["one"]),
        (b"-80 0 Td (off) Tj", ["one"]),
        (b"0 60 Td (off) Tj", ["one"]),
        (b"0 -180 Td (off) Tj", ["one"]),
    ],
    ids=["on one line", "raised", "tilted", "upright", "a hyphen", "right of the page", "left", "above", "below"],
)
def test_where_words_begin(further: bytes, words: list[str]) -> None:
    found = layer_of(b"BT /F0 20 Tf 40 150 Td (one) Tj " + further + b" ET").words
    assert [word.text for word in found] == words


def test_a_line_is_as_high_as_its_font_and_a_word_as_its_ink() -> None:
    found = layer_of(b"BT /F0 20 Tf 40 150 Td (one) Tj (                  high) Tj ET")
    low, high = (word.height for word in found.words)
    assert low == pytest.approx(11, abs=1) and high == pytest.approx(19, abs=1)
    assert found.lines[:, 3] == pytest.approx(23.4, abs=1)


@pytest.mark.parametrize(("stated", "height"), [(0, 12), (5, 12), (18, 18)])
def test_some_fonts_do_not_say_how_high_they_are(stated: int, height: int) -> None:
    letter = pdf_text._Character("l", True, False, (10, 20, 14, 32), (10, 20, 14, 20 + stated), (1, 0))
    words, lines = pdf_text._words([letter], np.array([[1, 0], [0, -1]], np.float32), np.array([0, 100]), (100, 100))
    assert words[0].height == 12 and lines[0, 3] == pytest.approx(height)


@pytest.mark.parametrize(
    ("letters", "text"),
    [
        ("\ufb01ne \ufb06ory", "fine story"),
        ("x\u00b2 \u00bd", "x\u00b2 \u00bd"),
        ("\ud835\udc00", "\U0001d400"),
        ("\ud835", "\ufffd"),
    ],
    ids=["ligatures", "other compositions stay", "halves of a pair", "half of a pair"],
)
def test_the_characters_of_a_word(letters: str, text: str) -> None:
    nowhere = (0.0, 0.0, 1.0, 1.0)
    characters = [pdf_text._Character(letter, False, False, nowhere, nowhere, (1, 0)) for letter in letters]
    assert pdf_text._text(characters) == text


@pytest.mark.parametrize(("letters", "doubt"), [(50, ""), (49, "it is invisible, like the text that scanners add")])
def test_one_of_fifty_letters_may_be_invisible(letters: int, doubt: str) -> None:
    text = b"BT /F0 5 Tf 10 150 Td (%s) Tj 3 Tr 0 -20 Td (o) Tj ET" % (b"o" * (letters - 1))
    assert layer_of(text).doubt == doubt


def test_of_very_many_characters_none_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"BT /F0 20 Tf 40 150 Td (letters) Tj ET"
    monkeypatch.setattr(pdf_text, "MOST_CHARACTERS", 7)
    assert layer_of(content).doubt == ""
    monkeypatch.setattr(pdf_text, "MOST_CHARACTERS", 6)
    found = layer_of(content)
    assert found.doubt == "it has 7 characters" and not found.words and found.lines.shape == (0, 5)


@pytest.mark.parametrize("scale", [1, 0.5])
@pytest.mark.parametrize(("gray", "seen"), [(255 - pdf_text.CONTRAST, True), (256 - pdf_text.CONTRAST, False)])
def test_words_are_looked_for_where_they_are_on_the_smaller_picture(scale: float, gray: int, seen: bool) -> None:
    picture = np.full((round(100 * scale), round(200 * scale)), 255, np.uint8)
    picture[round(80 * scale), round(160 * scale)] = gray
    layer = TextLayer(words=[a_word("here", 1, 160, 80, 20, 10, 0)], lines=boxes((160, 80, 20, 10, 0)))
    assert pdf_text.is_seen(layer, picture, scale) is seen


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, [20, 30, 290, 190]])
def test_the_words_of_a_page_are_where_their_ink_is(rotation: int, crop: list[int] | None) -> None:
    data = changed(PAGE, Rotate=rotation, **({"CropBox": pikepdf.Array(crop)} if crop else {}))
    image: Image = opened(data)["image"]
    words = [word for line in image.lines or () for word in line.words]
    assert {word.text for word in words} == {"First", "line", "second", "one", "margin"}
    left = image.bgr()[:, :, 0] < 128
    for word in words:
        assert word.confidence == 1
        turned = round(word.angle) % 180 == 90
        half = np.array([word.height, word.width] if turned else [word.width, word.height]) / 2
        (x0, y0), (x1, y1) = ((np.array([word.x, word.y]) + sign * (half + 1)).astype(int) for sign in (-1, 1))
        ink = np.argwhere(left[y0 : y1 + 1, x0 : x1 + 1])
        assert (ink.min(0) <= 3).all() and (ink.max(0) >= [y1 - y0 - 3, x1 - x0 - 3]).all(), word
        left[y0 : y1 + 1, x0 : x1 + 1] = False
    assert not left.any()


def test_lines_come_in_reading_order() -> None:
    lines = opened(PAGE)["image"].lines
    assert [line.text for line in lines] == ["First line", "second one", "margin"]
    assert [line.row for line in lines] == [0, 1, 2] and [line.angle for line in lines] == [0, 0, -90]


def test_a_watermark_comes_last_and_joins_no_line() -> None:
    spots = [(100, 100, 60, 20, 0), (180, 100, 60, 20, 0), (140, 100, 200, 60, -45), (100, 140, 60, 20, 0)]
    words = [a_word(text, 1, *spot) for text, spot in zip(("a", "b", "DRAFT", "c"), spots, strict=True)]
    lines = lines_of(TextLayer(words=words, lines=boxes(*spots)))
    assert [line.text for line in lines] == ["a b", "c", "DRAFT"]
    found = lines[-1]
    assert (found.x, found.y, found.width, found.height, found.angle) == pytest.approx(
        (140, 100, 200, 60, -45), abs=0.1
    )


def test_a_line_in_hebrew_is_read_from_the_right() -> None:
    spots = [(x, 50.0, 60.0, 20.0, 0.0) for x in (340.0, 270.0, 200.0)]
    words = [a_word(text, 1, *spot) for text, spot in zip(("שלום", "7", "ימים"), spots, strict=True)]
    lines = lines_of(TextLayer(words=words, lines=boxes(*spots)))
    assert [line.text for line in lines] == [line.text for line in arranged(lines, (900, 500))] == ["שלום 7 ימים"]


def turned_off(data: bytes) -> bytes:
    """A document whose page has a layer /O, which is not shown."""
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as document:
        layer = document.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name="a layer"))
        shown = pikepdf.Dictionary(OFF=[layer])
        document.Root.OCProperties = pikepdf.Dictionary(OCGs=[layer], D=shown)
        document.pages[0].Resources.Properties = pikepdf.Dictionary(O=layer)
        document.save(file)
    return file.getvalue()


NOTE = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FreeText, Rect=[10, 10, 90, 30])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pdf(b"BT /F0 20 Tf 3 Tr 40 150 Td (Scanned) Tj ET", SIZE), "it is invisible"),
        (pdf(b"q 300 0 0 120 0 0 cm /I0 Do Q " + TEXT, SIZE, [(300, 120)]), "pictures cover the page"),
        (changed(PAGE, Annots=pikepdf.Array([NOTE])), "filled in or noted"),
        (pdf(TEXT.replace(b"First", b"\\001\\002\\003"), SIZE), "no Unicode"),
        (pdf(b"1 g " + TEXT, SIZE), "bright as the paper"),
        (pdf(TEXT + b" 1 g 0 0 300 200 re f", SIZE), "covered"),
        (pdf(b"0 0 9 9 re W n " + TEXT, SIZE), "cannot be seen"),
        (pdf(TEXT.replace(b"20 Tf", b"0.1 Tf"), SIZE), "cannot be seen"),
        (turned_off(pdf(b"/OC /O BDC " + TEXT + b" EMC", SIZE)), "turned off"),
    ],
    ids=["invisible", "scan", "note", "letters", "white", "covered", "clipped", "tiny", "turned off"],
)
def test_text_that_is_not_relied_on_is_not_used_and_the_row_says_why(data: bytes, why: str) -> None:
    row = opened(data)
    assert row["image"].lines is None and row["text_source"] == "ocr"
    assert row["warning"].startswith("a.pdf: ") and why in row["warning"].partition("its text layer is not used: ")[2]


def test_pictures_that_are_not_looked_at_are_counted() -> None:
    row = opened(pdf(b"q 100 0 0 100 0 0 cm /I0 Do Q " + TEXT, SIZE, [(100, 100)]))
    assert row["text_source"] == "layer" and "not its 1 picture" in row["warning"]


@pytest.mark.parametrize("data", [pdf(b"0 0 50 50 re f", SIZE), encoded(white(40, 60), "PNG")], ids=["empty", "png"])
@pytest.mark.parametrize("use", ["use", "compare"])
def test_pages_without_text_are_read_as_always(data: bytes, use: str) -> None:
    row = opened(data, use)
    assert row["image"].lines is None and row["warning"] is None
    assert row["text_source" if use == "use" else "layer_text"] == ("ocr" if use == "use" else None)


def test_no_model_sees_a_page_that_is_read_from_its_layer() -> None:
    row = opened(PAGE)
    row["image"] = IMAGE.decode(IMAGE.encode(row["image"]))  # As on its way to another process.
    # Without `setup`, none of them has a model.
    detector = TextDetector(rp.ImageTextDetector(), 1, Metrics())
    cropper = LineCropper(rp.ImageToText(), 1, Metrics())
    reader = TextReader(rp.ImageToText(), 1, Metrics())
    cropper._size, reader._recognizer = (48, 2000), Reader()
    for worker in (detector, cropper, reader):
        step = next(step for step in worker.spec.steps() if step.worker is type(worker))
        carry_out(step, worker, [row])
    assert row["exception"] is None and row["image"].cached is None
    assert row["text"] == "First line\nsecond one\nmargin" and row["confidence"] == [1]
    assert len(row["text_regions"]) == 3 and CROPS_COLUMN not in row


class Reader:
    """A recognizer that is given nothing to read."""

    doubtful = 0.8

    def read(self, pictures: Sequence[Any], batch_size: int) -> list[Reading]:
        assert not pictures
        return []


def test_a_layer_is_compared_with_what_was_read() -> None:
    row = opened(PAGE, "compare")
    assert row["layer_text"] == "First line second one margin" and row["image"].lines is None
    worker = LayerComparer(rp.CompareTextLayer(), 1, Metrics())
    same = lines_of(TextLayer(words=[a_word("Fist", 1, 50, 20, 60, 20, 0)], lines=boxes((50, 20, 60, 20, 0))))
    rows = [
        {**row, "lines": same},
        {**row, "layer_text": None, "lines": same},
        {**row, "layer_text": "Fist", "lines": same},
    ]
    found = [each["layer_difference"] for each in carried_out(worker, rows)]
    assert found == [pytest.approx(24 / 28), None, 0]


def test_a_comparison_needs_the_layer() -> None:
    stages = [rp.BinaryToImage(), rp.ImageTextDetector(), rp.ImageToText(), rp.CompareTextLayer()]
    with pytest.raises(ConfigError, match="layer_text"):
        rp.Pipeline(stages).graph.check_input(["path"], "the input")


def test_a_searchable_pdf_has_no_word_twice() -> None:
    row = opened(PAGE, keep_input=True)
    page = PageRecord({**row, "total_pages": 1, "text": "", "lines": row["image"].lines})
    made = render(Document(path="a.pdf", name="a.pdf", pages=[page], folder=None))
    assert pypdfium2.PdfDocument(made)[0].get_textpage().get_text_range().count("First") == 1


def test_very_many_scattered_words_keep_the_order_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    spots = [(100.0 * (n % 3), 100 - 40.0 * (n // 3), 60, 20, 0) for n in range(9)]
    layer = TextLayer(words=[a_word(str(n), 1, *spot) for n, spot in enumerate(spots)], lines=boxes(*spots))
    assert [line.text for line in lines_of(layer)] == ["6 7 8", "3 4 5", "0 1 2"]
    monkeypatch.setattr("raypipe.stages.text_layer.MOST_PIECES", 5)
    assert [line.text for line in lines_of(layer)] == [str(n) for n in range(9)]


def test_a_few_letters_without_unicode_are_marked() -> None:
    text = b"BT /F0 6 Tf 10 150 Td (%s \\001x) Tj ET" % (b"letter " * 20)
    row = opened(pdf(text, (600, 200)))
    assert row["text_source"] == "layer" and row["image"].lines[0].text.endswith("letter \ufffdx")
