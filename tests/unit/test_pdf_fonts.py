"""Letters of PDFs whose fonts are not in the file."""

from __future__ import annotations

import io

import pikepdf
import pytest
from fpdf import FPDF
from pdfs import FONT, PAGES, pdf, stream, written

from raypipe.images.base import Wanted
from raypipe.images.image import Image, Limits, open_image

LIMITS = Limits(max_bytes=10**7, max_megapixels=100, max_pages=10)
DESCRIPTOR = (
    b"<</Type /FontDescriptor /FontName /A /Flags 4 /FontBBox [0 0 1000 900] /ItalicAngle 0 /Ascent 900 /Descent 0 "
    b"/CapHeight 700 /StemV 80>>"
)


def simple(name: bytes, differences: bytes) -> bytes:
    return b"<</Type /Font /Subtype /TrueType /BaseFont /%s /Encoding <</Differences [65 %s]>>>>" % (name, differences)


def composite(ordering: bytes, encoding: bytes) -> bytes:
    """Object 6 describes its letters."""
    system = b"<</Registry (Adobe) /Ordering (%s) /Supplement 0>>" % ordering
    letters = b"<</Type /Font /Subtype /CIDFontType2 /BaseFont /A /CIDSystemInfo %s /FontDescriptor 6 0 R>>" % system
    return b"<</Type /Font /Subtype /Type0 /BaseFont /A /Encoding /%s /DescendantFonts [%s]>>" % (encoding, letters)


THIRD = (
    b"<</Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [0.1 0 0 0.1 0 0] /CharProcs <</A 7 0 R>> "
    b"/Encoding <</Differences [65 /A]>> /FirstChar 65 /LastChar 65 /Widths [9]>>"
)


def opened(font: bytes, letters: bytes, layer: bool = False) -> Image:
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 300 100] /Contents 4 0 R /Resources <</Font <</F0 5 0 R>>>>>>"
    content = stream(b"", b"BT /F0 20 Tf 20 50 Td <%s> Tj ET" % letters.hex().encode())
    glyph = stream(b"", b"9 0 d0 0 0 8 8 re f")
    data = written([b"<</Type /Catalog /Pages 2 0 R>>", PAGES, page, content, font, DESCRIPTOR, glyph])
    return open_image(data, "a.pdf", 0, True, LIMITS, Wanted(layer=layer))


@pytest.mark.parametrize(
    ("font", "letters", "lost"),
    [
        (simple(b"Arial", b"/lslash /aogonek /afii10065"), b"ABC abc", "2 of 6"),
        (simple(b"ABCDEF+Own", b"/g1 /g2"), b"AB", "2 of 2"),
        (composite(b"Identity", b"Identity-H"), b"\0\x2b\0\x44", "2 of 2"),
    ],
)
def test_letters_that_cannot_be_drawn_are_counted(font: bytes, letters: bytes, lost: str) -> None:
    said = f"{lost} letters on the page are missing or wrong, as the file lacks their fonts"
    assert opened(font, letters).warning == said


def test_letters_are_drawn_by_fonts_of_the_system_or_counted() -> None:
    image = opened(composite(b"Japan1", b"UniJIS-UCS2-H"), "日本 a".encode("utf-16-be"))
    dots = image.width / 300
    is_drawn = (image.pixels()[:, round(20 * dots) : round(60 * dots)] < 128).any()
    said = "2 of 3 letters on the page are missing or wrong, as the file lacks their fonts"
    assert image.warning == ("" if is_drawn else said)


@pytest.mark.parametrize(
    ("font", "letters"),
    [(FONT, b"Zoe's (9)"), (simple(b"Arial", b"/fi /lslash"), b"AB plain"), (THIRD, b"AAA")],
)
def test_letters_that_can_be_drawn_are_not_complained_about(font: bytes, letters: bytes) -> None:
    assert opened(font, letters).warning == ""


def test_an_ocr_layer_needs_no_font() -> None:
    document = FPDF()
    document.add_page()
    document.set_font("Helvetica", size=20)
    document.text_mode = "INVISIBLE"
    document.text(20, 50, "words")
    image = open_image(bytes(document.output()), "a.pdf", 0, True, LIMITS)
    assert image.warning == "" and int(image.pixels().min()) == 255


@pytest.mark.parametrize(("below", "above"), [("", "text"), ("text", "")])
@pytest.mark.parametrize("in_form", [False, True])
def test_text_below_a_scan_does_not_matter(below: str, above: str, in_form: bool) -> None:
    """Some OCR programs put it there in place of an invisible layer."""
    text, scan = b"BT /F1 20 Tf 20 50 Td (AB) Tj ET ", b"q 300 0 0 100 0 0 cm /I0 Do Q "
    drawn = b"/X Do " if in_form else text
    file = io.BytesIO(pdf((drawn if below else b"") + scan + (drawn if above else b""), (300, 100), [(30, 10)]))
    with pikepdf.open(file) as document:
        font = document.make_indirect(pikepdf.Object.parse(simple(b"Arial", b"/aogonek /lslash")))
        resources = document.pages[0].Resources
        resources.Font.F1 = font
        resources.XObject.X = document.make_stream(text, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
        resources.XObject.X.BBox, resources.XObject.X.Resources = [0, 0, 300, 100], {"/Font": {"/F1": font}}
        made = io.BytesIO()
        document.save(made)
    warning = open_image(made.getvalue(), "a.pdf", 0, True, LIMITS).warning
    assert warning.startswith("1 of 2 letters" if above else "") and bool(warning) == bool(above)


def test_letters_that_cannot_be_drawn_are_text() -> None:
    layer = opened(composite(b"Japan1", b"UniJIS-UCS2-H"), "日本".encode("utf-16-be"), layer=True).layer
    assert layer is not None and not layer.doubt and [word.text for word in layer.words] == ["日本"]
