"""PDF pages: counted, measured, drawn, refused."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

import drawn
import numpy as np
import pikepdf
import pytest
from making import encoded, white
from pdfs import FONT, LOCKED, PAGES, fields, form, pdf, stream, written
from PIL.PngImagePlugin import PngInfo

from raypipe.errors import PageError
from raypipe.files.ranged import HeldFile
from raypipe.images.base import Wanted
from raypipe.images.image import Limits, open_image
from raypipe.images.kinds import kind_of, page_count
from raypipe.images.pdf import PdfPages
from raypipe.inputs.pages import documents, pages

LIMITS = Limits(max_bytes=10**7, max_megapixels=100, max_pages=10)


@pytest.fixture
def two_pages() -> bytes:
    """Pages of 6 x 3 inches, the second with a black left half."""
    blank = drawn.page([], (600, 300))
    half = blank.copy()
    half.paste("black", (0, 0, 300, 300))
    file = io.BytesIO()
    blank.save(file, "PDF", resolution=100, save_all=True, append_images=[half])
    return file.getvalue()


REST = "a.pdf", 0, False, LIMITS


def changed(data: bytes, change: Callable[[pikepdf.Pdf], None]) -> bytes:
    """A document after a change."""
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as document:
        change(document)
        document.save(file)
    return file.getvalue()


def test_a_page_is_drawn_at_the_resolution_asked_for(two_pages: bytes) -> None:
    image = open_image(two_pages, "a.pdf", 1, False, LIMITS, Wanted(resolution=150))
    assert (image.width, image.height) == (900, 450) and image.resolution == 150
    pixels = image.pixels()
    assert pixels.shape == (image.height, image.width, 3)
    assert pixels[:, :440].max() < 40 and pixels[:, 460:].min() > 215


def test_grey_pages_have_one_channel(two_pages: bytes) -> None:
    pixels = open_image(two_pages, "a.pdf", 0, True, LIMITS, Wanted(resolution=100)).pixels()
    assert pixels.shape == (300, 600) and pixels.dtype == np.uint8


def test_a_document_is_a_row_a_page(two_pages: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(two_pages)
    (document,) = documents(tmp_path)
    assert [(row["pagenum"], row["total_pages"]) for row in pages(document)] == [(0, 2), (1, 2)]


@pytest.mark.parametrize(
    ("cut", "page", "limits", "code"),
    [
        (200, 0, LIMITS, "pdf_damaged"),
        (None, 2, LIMITS, "page_missing"),
        (None, 1, Limits(10**7, 100, 1), "page_missing"),
        (None, 0, Limits(10**7, 0.1, 10), "image_too_large"),
    ],
)
def test_what_cannot_be_drawn_says_why(two_pages: bytes, cut: int | None, page: int, limits: Limits, code: str) -> None:
    with pytest.raises(PageError, match=r"a\.pdf") as error:
        open_image(two_pages[:cut], "a.pdf", page, False, limits)
    assert error.value.code == code and error.value.remedy and ".." not in str(error.value)


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n", b"x" * 1000])
def test_other_bytes_may_stand_before_the_header(two_pages: bytes, before: bytes) -> None:
    assert page_count(before + two_pages) == 2
    assert open_image(before + two_pages, "a.pdf", 1, True, LIMITS).pixels().shape == (300, 600)


def test_a_picture_that_speaks_of_a_pdf_is_a_picture() -> None:
    info = PngInfo()
    info.add_text("Source", "%PDF-1.7")
    assert kind_of(encoded(white(20, 30), "PNG", pnginfo=info)).name == "raster"


LETTER = (612, 792)
WHOLE_PAGE = b"q 612 0 0 792 0 0 cm /I0 Do Q "
OTHERS = b"q 612 0 0 792 0 0 cm /I1 Do Q "
LINES_ABOVE = b"".join(b"q 612 0 0 18 0 %d cm /I1 Do Q " % (90 + 70 * line) for line in range(10))
OUTLINES = b"10 20 m " + b"30 40 l 50 20 60 30 70 40 c " * 50 + b"f "
SEEN, HIDDEN = b"BT /F0 20 Tf 72 700 Td (seen) Tj ET ", b"BT 3 Tr /F0 20 Tf 72 700 Td (hidden) Tj ET "


@pytest.mark.parametrize(
    ("content", "pictures", "size"),
    [
        (WHOLE_PAGE, [(1275, 1650)], (1275, 1650)),
        (WHOLE_PAGE + HIDDEN, [(850, 1100)], (850, 1100)),
        (WHOLE_PAGE + SEEN, [(850, 1100)], (2550, 3300)),
        (WHOLE_PAGE + OTHERS, [(850, 1100), (1700, 2200)], (1700, 2200)),
        (WHOLE_PAGE, [(867, 539)], (867, 1122)),
        (b"q 0 792 -612 0 612 0 cm /I0 Do Q", [(1100, 850)], (850, 1100)),
        (b"q 612 0 0 396 0 0 cm /I0 Do Q q 612 0 0 396 0 396 cm /I1 Do Q", [(850, 550), (850, 550)], (850, 1100)),
        (b"q 612 0 0 396 0 0 cm /I0 Do Q", [(850, 550)], (2550, 3300)),
        (b"q 72 0 0 36 72 700 cm /I0 Do Q" + SEEN, [(2000, 1000)], (2550, 3300)),
        (b"q 306 0 0 396 0 0 cm /I0 Do Q" + SEEN, [(1700, 2200)], (3400, 4400)),
        (WHOLE_PAGE + LINES_ABOVE, [(850, 1100), (1700, 50)], (1700, 2200)),
        (WHOLE_PAGE + OUTLINES, [(850, 1100)], (2550, 3300)),
        (WHOLE_PAGE + b"0 0 300 300 re f ", [(850, 1100)], (850, 1100)),
        (SEEN, [], (2550, 3300)),
        (b"", [], (2550, 3300)),
    ],
    ids=[
        "scan", "scan with a text layer", "text over a picture", "mask over a background", "fax", "picture on its side",
        "strips", "half a page", "logo", "fine picture",
        "lines over a background", "outlines over a background", "frame", "text", "empty",
    ],
)  # fmt: skip
def test_a_page_is_drawn_as_fine_as_what_is_on_it(
    content: bytes, pictures: list[tuple[int, int]], size: tuple[int, int]
) -> None:
    image = open_image(pdf(content, LETTER, pictures), "a.pdf", 0, True, LIMITS)
    assert (image.width, image.height) == size and image.pixels().shape == size[::-1]


@pytest.mark.parametrize(
    ("pictures", "masks", "size"),
    [
        ([(850, 1100), (425, 550)], {"/I1": ("/SMask", (1700, 2200))}, (1700, 2200)),
        ([(850, 1100), (425, 550)], {"/I1": ("/Mask", (1700, 2200))}, (1700, 2200)),
        ([(850, 1100), (425, 550)], {"/I1": ("/SMask", (425, 550))}, (850, 1100)),
        ([(1, 1)], {"/I0": ("/SMask", (1275, 1650))}, (1275, 1650)),
        ([(850, 1100), (5, 5)], {"/I0": ("/Mask", None)}, (850, 1100)),
    ],
    ids=["ink with a mask", "ink with a stencil", "coarse mask", "nothing but a mask", "colours that are left out"],
)
def test_a_page_is_drawn_as_fine_as_the_masks_of_its_pictures(
    pictures: list[tuple[int, int]], masks: dict[str, tuple[str, tuple[int, int] | None]], size: tuple[int, int]
) -> None:
    def mask(document: pikepdf.Pdf) -> None:
        for name, (key, sides) in masks.items():
            found = pikepdf.Array([0, 0])
            if sides:
                entries = {"Subtype": pikepdf.Name.Image, "Width": sides[0], "Height": sides[1], "BitsPerComponent": 1}
                data = bytes((sides[0] + 7) // 8 * sides[1])
                found = pikepdf.Stream(document, data, ColorSpace=pikepdf.Name.DeviceGray, **entries)
                found.ImageMask = key == "/Mask"
            document.pages[0].resources.XObject[name][key] = document.make_indirect(found)

    content = b"".join(b"q 612 0 0 792 0 0 cm /I%d Do Q " % number for number in range(len(pictures)))
    image = open_image(changed(pdf(content, LETTER, pictures), mask), "a.pdf", 0, True, LIMITS)
    assert (image.width, image.height) == size


def test_a_page_whose_box_is_its_picture_in_points_has_the_size_of_the_picture() -> None:
    data = pdf(b"q 3024 0 0 4032 0 0 cm /I0 Do Q", (3024, 4032), [(3024, 4032)])
    image = open_image(data, "a.pdf", 0, False, LIMITS)
    assert (image.width, image.height, image.resolution) == (3024, 4032, 72)


@pytest.mark.parametrize(("points", "pixels"), [((14_400, 7_200), (6000, 3000)), ((60, 30), (1000, 500))])
def test_a_page_of_any_size_can_be_drawn(points: tuple[int, int], pixels: tuple[int, int]) -> None:
    """The small one may be measured in other units: its letters may be two points high."""
    image = open_image(pdf(SEEN, points), "a.pdf", 0, False, LIMITS)
    assert (image.width, image.height) == pixels


@pytest.mark.parametrize("box", [[300, 300, 400, 400], [50, 50, 50, 50]], ids=["beside the page", "empty"])
def test_a_crop_box_that_shows_nothing_is_not_heeded(box: list[int]) -> None:
    whole = pdf(SEEN, (200, 100))
    image = open_image(changed(whole, lambda document: document.pages[0].__setitem__("/CropBox", box)), *REST)
    assert (image.pixels() == open_image(whole, *REST).pixels()).all()


def test_what_is_not_among_the_pages_is_said(caplog: pytest.LogCaptureFixture) -> None:
    def attach(document: pikepdf.Pdf) -> None:
        document.attachments["scan.pdf"] = pdf(SEEN, (200, 100))

    def xfa(document: pikepdf.Pdf) -> None:
        document.Root.NeedsRendering = True
        document.Root.AcroForm = pikepdf.Dictionary(Fields=[], XFA=document.make_stream(b"<xdp/>"))

    assert not open_image(pdf(SEEN, (200, 100)), *REST).warning
    assert "it has 1 attachment, " in open_image(changed(pdf(SEEN, (200, 100)), attach), *REST).warning
    assert "XFA" in open_image(changed(pdf(SEEN, (200, 100)), xfa), *REST).warning
    assert not caplog.records, "PDFium's package says how to build it, for each page"


@pytest.mark.parametrize("has_form", [True, False])
@pytest.mark.parametrize("has_appearance", [True, False])
def test_what_is_filled_in_is_drawn(has_form: bool, has_appearance: bool) -> None:
    """As far as a document without a form says how it looks."""
    data = form(has_form, has_appearance)
    pixels = open_image(data, "a.pdf", 0, True, LIMITS, Wanted(resolution=72)).pixels()
    field, box, note = pixels[72:102, 150:400], pixels[132:152, 150:170], pixels[350:400, 150:310]
    if has_form or has_appearance:
        assert field.min() < 100 and box.min() < 100
    assert note.min() < 150


BUTTON = b"/F 4 /FT /Btn /T (a) /DA (/F1 0 Tf 0 g) /MK <</CA (l)>> /Rect [150 690 170 710] "
TEXT = b"/FT /Tx /T (a) /V (Ada) /DA (/F0 18 Tf 0 g) /Rect [150 690 400 720] "
CHOICE = b"/F 4 /FT /Ch /T (a) /V (b) /Opt [[(a) (Red)] [(b) (Green)]] /DA (/F0 18 Tf 0 g) /Rect [150 690 400 720] "


def darkest(data: bytes) -> int:
    """Of the fields that begin 150 points from the left and 690 from the bottom."""
    return int(open_image(data, "a.pdf", 0, True, LIMITS, Wanted(resolution=72)).pixels()[82:102, 150:170].min())


def bar(document: pikepdf.Pdf) -> pikepdf.Object:
    """How a field looks: a black bar."""
    look = document.make_stream(b"10 0 5 20 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
    look.BBox = [0, 0, 250, 30]
    return look


@pytest.mark.parametrize(
    ("field", "is_drawn"),
    [
        (BUTTON + b"/Ff 49152 /V /b /AS /b", True),
        (BUTTON + b"/Ff 49152 /V /b", True),
        (BUTTON + b"/V /b /AS /b", True),
        (BUTTON + b"/V /b", True),
        (BUTTON + b"/V /b /AS /Off", False),
        (BUTTON + b"/V /Off /AS /Off", False),
        (BUTTON, False),
        (CHOICE + b"/Ff 131072", True),
        (CHOICE, True),
        (TEXT + b"/F 4 /Ff 16777216 /MaxLen 9", True),
        (TEXT + b"/F 4 /Ff 4096", True),
    ],
)
def test_fields_are_drawn_of_which_the_file_does_not_say_how_they_look(field: bytes, is_drawn: bool) -> None:
    assert (darkest(fields(field)) < 100) == is_drawn


@pytest.mark.filterwarnings("ignore:This document has 1 form widget")
@pytest.mark.parametrize(("flags", "is_drawn"), [(0, True), (4, True), (2, False), (32, False), (36, False)])
@pytest.mark.parametrize("has_form", [True, False])
def test_fields_that_are_not_shown_are_not_drawn(flags: int, is_drawn: bool, has_form: bool) -> None:
    def draw(document: pikepdf.Pdf) -> None:
        document.pages[0].Annots[0].AP = pikepdf.Dictionary(N=bar(document))

    data = changed(fields(TEXT + b"/F %d" % flags, has_form=has_form), draw)
    assert (darkest(data) < 100) == is_drawn


@pytest.mark.filterwarnings("ignore:This document has 2 form widget")
@pytest.mark.parametrize("has_form", [True, False])
@pytest.mark.parametrize(
    ("states", "field", "marked"),
    [
        ("ab", b"/Ff 49152 /V /b", [False, True]),
        ("01", b"/Ff 49152 /V /1", [False, True]),
        ("01", b"/Ff 49152 /V (y) /Opt [(x) (y)]", [False, True]),
        ("bb", b"/V /b", [True, True]),
        ("ab", b"/Ff 49152 /V /Off", [False, False]),
        ("ab", b"/Ff 49152", [False, False]),
    ],
)
def test_buttons_have_the_state_that_the_field_above_them_marks(
    states: str, field: bytes, marked: list[bool], has_form: bool
) -> None:
    def draw(document: pikepdf.Pdf) -> None:
        buttons = document.pages[0].Annots
        above = document.make_indirect(pikepdf.Object.parse(b"<</FT /Btn /T (a) " + field + b">>"))
        above.Kids = buttons
        for button, state in zip(buttons, states, strict=True):
            button.Parent, button.AP = above, pikepdf.Dictionary(N={f"/{state}": bar(document)})
        if has_form:
            document.Root.AcroForm.Fields = [above]

    two = [b"/F 4 /MK <</CA (l)>> /DA (/F1 0 Tf 0 g) /Rect [150 %d 170 %d] " % (y, y + 20) for y in (690, 640)]
    data = changed(fields(*two, has_form=has_form), draw)
    pixels = open_image(data, "a.pdf", 0, True, LIMITS, Wanted(resolution=72)).pixels()
    assert [int(pixels[top : top + 20, 150:170].min()) < 100 for top in (82, 132)] == marked


@pytest.mark.filterwarnings("ignore:This document has 1 form widget")
@pytest.mark.parametrize("has_form", [True, False])
def test_fields_that_are_in_a_circle_hang_nobody(has_form: bool) -> None:
    def draw(document: pikepdf.Pdf) -> None:
        (button,) = document.pages[0].Annots
        above = document.make_indirect(pikepdf.Dictionary(FT=pikepdf.Name.Btn, Kids=document.pages[0].Annots))
        button.Parent = above.Parent = above
        button.AP = pikepdf.Dictionary(N=pikepdf.Dictionary(b=bar(document)))

    assert darkest(changed(fields(BUTTON, has_form=has_form), draw)) > 200


@pytest.mark.parametrize(("value", "is_drawn"), [(b"/V /b", True), (b"/V /Off", False), (b"/V /b /AS /Off", False)])
def test_a_box_that_does_not_say_its_state_has_that_of_its_field(value: bytes, is_drawn: bool) -> None:
    def draw(document: pikepdf.Pdf) -> None:
        document.pages[0].Annots[0].AP = pikepdf.Dictionary(N=pikepdf.Dictionary(b=bar(document)))

    assert (darkest(changed(fields(BUTTON + value), draw)) < 100) == is_drawn


def test_a_locked_document_says_so() -> None:
    with pytest.raises(PageError, match="password") as error:
        open_image(LOCKED, "a.pdf", 0, False, LIMITS)
    assert error.value.code == "pdf_locked"


def test_a_document_without_pages_is_damaged_whatever_was_opened_before() -> None:
    file = io.BytesIO()
    pikepdf.new().save(file)
    for data, code in ((LOCKED, "pdf_locked"), (file.getvalue(), "pdf_damaged")):
        with pytest.raises(PageError) as error:
            open_image(data, "a.pdf", 0, False, LIMITS)
        assert error.value.code == code


def test_a_document_without_its_end_is_put_together_anew() -> None:
    whole = pdf(SEEN, (200, 100))
    image = open_image(whole[: whole.index(b"xref\n")], "a.pdf", 0, True, LIMITS)
    assert "damaged" in image.warning
    assert (image.pixels() == open_image(whole, "a.pdf", 0, True, LIMITS).pixels()).all()


@pytest.mark.parametrize("end", [b"100 0 100 100", b"xref\n"])
def test_the_object_in_which_a_document_ends_is_read_as_far_as_it_goes(end: bytes) -> None:
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 4 0 R>>"
    shown = stream(b"", b"0 0 100 100 re f 100 0 100 100 re f")
    whole = written([b"<</Type /Catalog /Pages 2 0 R>>", PAGES, page, shown])
    image = open_image(whole[: whole.index(end)], *REST)
    assert "damaged" in image.warning and image.pixels().min() < 100


def test_of_a_document_that_is_cut_off_the_pages_are_read_that_are_there() -> None:
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Resources <</Font <</F0 5 0 R>>>> /Contents %d 0 R>>"
    shown = stream(b"", b"BT /F0 20 Tf 20 50 Td (seen) Tj ET")
    tree = b"<</Type /Pages /Kids [3 0 R 4 0 R] /Count 2>>"
    data = written([b"<</Type /Catalog /Pages 2 0 R>>", tree, page % 6, page % 7, FONT, shown, shown])
    data = data[: data.index(b"7 0 obj") + 20]
    assert page_count(data) == 2
    image = open_image(data, *REST)
    assert "damaged" in image.warning and image.pixels().min() < 100
    with pytest.raises(PageError, match=r"page 2, is damaged") as error:
        open_image(data, "a.pdf", 1, False, LIMITS)
    assert error.value.code == "pdf_damaged"


def test_a_document_without_what_its_page_shows_is_damaged() -> None:
    whole = pdf(SEEN, (200, 100))
    with pytest.raises(PageError) as error:
        open_image(whole[: whole.index(b"4 0 obj")], "a.pdf", 0, True, LIMITS)
    assert error.value.code == "pdf_damaged"


@pytest.mark.parametrize(
    ("content", "kind", "is_lost"),
    [
        (zlib.compress(SEEN * 30)[:20], "/FlateDecode", True),
        (b"neither this nor that", "/FlateDecode", True),
        (zlib.compress(SEEN), "/OddDecode", True),
        (zlib.compress(SEEN), "/FlateDecode", False),
        (zlib.compress(b" "), "/FlateDecode", False),
        (b"", None, False),
    ],
)
def test_a_page_of_which_nothing_can_be_decoded_is_not_read_as_empty(
    tmp_path: Path, content: bytes, kind: str | None, is_lost: bool
) -> None:
    def change(document: pikepdf.Pdf) -> None:
        document.pages[0].Contents.write(content, filter=kind and pikepdf.Name(kind))

    data = changed(pdf(SEEN, (200, 100)), change)
    (tmp_path / "a.pdf").write_bytes(data)
    for given in (data, None):
        with pytest.raises(PageError, match="cannot be decoded") if is_lost else nullcontext():
            assert not open_image(given, str(tmp_path / "a.pdf"), 0, True, LIMITS).warning


def test_a_page_whose_content_is_no_stream_is_not_read_as_empty() -> None:
    def change(document: pikepdf.Pdf) -> None:
        document.pages[0].obj.Contents = document.make_indirect(pikepdf.Dictionary(Length=9))

    with pytest.raises(PageError, match="cannot be decoded"):
        open_image(changed(pdf(SEEN, (200, 100)), change), *REST)


@pytest.mark.parametrize("hidden", [b"", HIDDEN], ids=["scan", "scan with a text layer"])
@pytest.mark.parametrize("lost", [b"4 0 obj", b"6 0 obj"], ids=["content", "picture"])
@pytest.mark.parametrize("kept", [0, 30])
def test_a_page_one_of_whose_objects_is_in_a_hole_is_not_read_as_empty(hidden: bytes, lost: bytes, kept: int) -> None:
    data = pdf(WHOLE_PAGE + hidden, LETTER, [(850, 1100)])
    start = data.index(lost) + kept
    end = data.index(b"endobj", start)
    assert not open_image(data, *REST).warning
    with pytest.raises(PageError, match="cannot be decoded"):
        open_image(data[:start] + bytes(end - start) + data[end:], *REST)


def _twice(content: bytes) -> bytes:
    """A document of two pages that show the same."""
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 5 0 R /Resources <</Font <</F0 6 0 R>>>>>>"
    tree = b"<</Type /Pages /Kids [3 0 R 4 0 R] /Count 2>>"
    return written([b"<</Type /Catalog /Pages 2 0 R>>", tree, page, page, stream(b"", content), FONT])


def test_pikepdf_opens_a_document_once_for_all_of_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, really = list[object](), pikepdf.Pdf.open
    monkeypatch.setattr(pikepdf.Pdf, "open", lambda *args, **named: opened.append(args) or really(*args, **named))
    with closing(PdfPages(HeldFile(_twice(b" ")), "a.pdf")) as document:
        assert document.describe(0, Wanted()) == document.describe(1, Wanted())
    assert len(opened) == 1


def test_content_that_is_lost_is_lost_on_each_page_that_shows_it() -> None:
    data = _twice(SEEN)
    start = data.index(b"5 0 obj")
    end = data.index(b"endobj", start)
    with closing(PdfPages(HeldFile(data[:start] + bytes(end - start) + data[end:]), "a.pdf")) as document:
        for page in (0, 1):
            with pytest.raises(PageError, match="cannot be decoded"):
                document.describe(page, Wanted())


def test_a_page_without_content_is_empty() -> None:
    def change(document: pikepdf.Pdf) -> None:
        del document.pages[0].Contents

    assert open_image(changed(pdf(SEEN, (200, 100)), change), "a.pdf", 0, True, LIMITS).pixels().min() == 255
