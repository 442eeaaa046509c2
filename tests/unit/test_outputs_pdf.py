"""Searchable PDFs: the pages as they came, and words where their ink is."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pdfs
import pikepdf
import pypdfium2
import pytest
from making import a_line, a_word, encoded, finished, white
from PIL import Image as PillowImage

from raypipe.columns import LANGUAGE, LINES, roles_of
from raypipe.errors import ConfigError
from raypipe.files import paths
from raypipe.images.base import Wanted
from raypipe.images.image import IMAGE, Limits, open_image
from raypipe.outputs import originals, pdfa
from raypipe.outputs.base import Document
from raypipe.outputs.documents import write
from raypipe.outputs.pdf import render
from raypipe.outputs.text_layer import text_layer, visual
from raypipe.types import Line, PageRecord

LIMITS = Limits(max_bytes=10**7, max_megapixels=100, max_pages=10)
WORDS = [
    a_word("Zażółć", 0.9, 130, 60, 100, 24, 0), a_word("(gęślą)", 0.9, 250, 62, 110, 28, 0),
    a_word("standing", 0.9, 60, 250, 120, 22, -90), a_word("slanted", 0.9, 300, 200, 120, 26, 8),
]  # fmt: skip
COLUMNS = {"image": IMAGE, "lines": LINES, "language": LANGUAGE}


def lines() -> list[Line]:
    return [a_line(word.text, 0.9, word.x, word.y, word.width, word.height, word.angle, words=[word]) for word in WORDS]


def page(data: bytes, name: str = "a", pagenum: int = 0, total: int = 1) -> PageRecord:
    image = open_image(data, name, pagenum, False, LIMITS, Wanted(resolution=100))
    row = finished(name, pagenum, total, image=image, lines=lines(), language="pl")
    return PageRecord(dict(row), roles_of(COLUMNS))


def document(pages: Sequence[PageRecord], folder: str | None = None) -> Document:
    return Document(path=pages[0].path, name=pages[0].name, pages=pages, folder=folder)


def photo(kind: str = "JPEG", size: tuple[int, int] = (500, 400), **options: object) -> bytes:
    return encoded(PillowImage.new("RGB", size, "beige"), kind, **options)


def scan(*rotations: int) -> bytes:
    """A PDF with an outline; each page is seen as 360 x 288 points, 500 x 400 pixels at 100 dots an inch."""
    pdf = pikepdf.new()
    for rotation in rotations:
        width, height = (360, 288) if rotation % 180 == 0 else (288, 360)
        pdf.add_blank_page(page_size=(width + 100, height + 100))
        pdf.pages[-1].cropbox = (70, 30, 70 + width, 30 + height)
        pdf.pages[-1].rotate(rotation, relative=False)
    with pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("Chapter", 0))
    file = io.BytesIO()
    pdf.save(file)
    return file.getvalue()


def assert_words_are_in_place(data: bytes, number: int = 0, points: float = 0.72) -> None:
    """Each word is selected by its box, and by no box beside it; they come in order."""
    with pypdfium2.PdfDocument(data) as pdf:
        text = pdf[number].get_textpage()
        assert text.get_text_range().split() == [word.text for word in WORDS]
        seen, (width, height) = pdf[number].render(scale=1).to_numpy().shape[:2], pdf[number].get_size()
        assert seen[:2] == (pytest.approx(height, abs=1), pytest.approx(width, abs=1))
        matrix = unseen(pdf[number])
        for word in WORDS:
            across, along = (word.height, word.width) if abs(word.angle) < 45 else (word.width, word.height)
            corners = np.array([[word.x - along / 2, word.y - across / 2], [word.x + along / 2, word.y + across / 2]])
            low, high = matrix(corners * points + np.array([[-3], [3]]))
            assert text.get_text_bounded(*np.minimum(low, high), *np.maximum(low, high)).strip() == word.text


def unseen(page: pypdfium2.PdfPage):
    """From points of the page as it is seen, from its top left, to those of its content."""
    left, bottom, right, top = page.get_cropbox()

    def to_content(points: np.ndarray) -> np.ndarray:
        x, y = points.T
        return {
            0: np.stack([left + x, top - y], 1),
            90: np.stack([left + y, bottom + x], 1),
            180: np.stack([right - x, bottom + y], 1),
            270: np.stack([right - y, top - x], 1),
        }[page.get_rotation()]

    return to_content


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_words_of_a_pdf_are_where_they_are_seen(rotation: int) -> None:
    data = render(document([page(scan(rotation), "a.pdf")]))
    assert_words_are_in_place(data)


def boxed(data: bytes, whole: tuple[int, ...], part: tuple[int, ...]) -> bytes:
    """A PDF whose page has this media box and crop box."""
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.pages[0].mediabox, pdf.pages[0].cropbox = whole, part
        pdf.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("whole", "part", "seen"),
    [
        *(
            ((0, 0, 360, 288), part, (0, 0, 360, 288))
            for part in ((400, 400, 500, 500), (-50, -50, 500, 500), (0,) * 4)
        ),
        *((none, none, (0, 0, 612, 792)) for none in ((0,) * 4, (0, 0, 0, 792))),
    ],
)
def test_words_are_in_place_if_boxes_are_not_heeded(
    whole: tuple[int, ...], part: tuple[int, ...], seen: tuple[int, ...]
) -> None:
    found = render(document([page(boxed(scan(0), whole, part), "a.pdf")]))
    assert_words_are_in_place(boxed(found, seen, seen))


@pytest.mark.parametrize(("angle", "side", "drift"), [(4, 1, 0), (-15, 1, 0), (25, 1, 43.5), (-86, 0, 0)])
def test_words_that_are_tilted_little_are_written_straight(angle: float, side: int, drift: float) -> None:
    word = a_word("slanted", 0.9, 200, 200, 120, 26, angle)
    row = finished("a", width=400, height=400, lines=[a_line("slanted", 0.9, 200, 200, 120, 26, angle, words=[word])])
    with pypdfium2.PdfDocument(text_layer([row])) as pdf:
        text = pdf[0].get_textpage()
        origins = [text.get_charbox(n, loose=True)[side] for n in range(len(word.text))]
    assert origins[0] - origins[-1] == pytest.approx(drift, abs=1)


def test_a_pdf_is_kept_as_it_is() -> None:
    data = scan(0, 90, 0)
    found = pikepdf.open(io.BytesIO(render(document([page(data, "a.pdf", n, 3) for n in (0, 1)]))))
    with found.open_outline() as outline:
        assert [item.title for item in outline.root] == ["Chapter"]
    assert len(found.pages) == 3
    assert "/Resources" not in found.pages[2] or "/XObject" not in found.pages[2].Resources
    assert found.Root.Lang == "pl"


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_is_kept_byte_for_byte(orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    data = photo(size=(500, 400) if orientation in (1, 3) else (400, 500), exif=exif, dpi=(100, 100))
    made = render(document([page(data)]))
    with pikepdf.open(io.BytesIO(made)) as found:
        streams = [each.read_raw_bytes() for each in found.pages[0].Resources.XObject.values()]
    assert data in streams
    assert_words_are_in_place(made)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "BMP"])
def test_other_pictures_are_kept_pixel_for_pixel(kind: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (400, 500, 3), np.uint8)
    data = encoded(pixels, kind, dpi=(100, 100), **({"lossless": True} if kind == "WEBP" else {}))
    made = render(document([page(data)]))
    with pypdfium2.PdfDocument(made) as pdf:
        assert np.array_equal(next(pdf[0].get_objects()).get_bitmap().to_numpy()[:, :, ::-1], pixels)
    assert_words_are_in_place(made, points=0.72 if kind != "WEBP" else 842 / 500)


@pytest.mark.parametrize("dots", [1, 100, 9000])
@pytest.mark.parametrize("size", [(3, 2000), (2000, 3), (1, 1), (1, 6000), (30_000, 500)])
@pytest.mark.parametrize("archival", [False, True])
def test_a_picture_of_any_shape_and_resolution_is_a_page(size: tuple[int, int], dots: int, archival: bool) -> None:
    data = encoded(PillowImage.new("L", size, 255), "PNG", dpi=(dots, dots))
    made = (pdfa.render if archival else render)(document([page(data)]))
    with pikepdf.open(io.BytesIO(made)) as pdf:
        shown = pikepdf.Rectangle(pdf.pages[0].mediabox)
    assert round(min(shown.width, shown.height), 3) >= 3 and round(max(shown.width, shown.height), 3) <= 14_400


@pytest.mark.parametrize("colours", [2, 8, 200])
@pytest.mark.parametrize("ink", [0, 255])
def test_a_picture_with_transparency_is_kept_as_it_was_read(colours: int, ink: int) -> None:
    """Viewers would show white ink on nothing as an empty page."""
    picture = PillowImage.new("RGBA", (500, 400), (ink, ink, ink, 0))
    picture.paste((ink, ink, ink, 255), (100, 100, 400, 200))
    for kind, stored in (("PNG", picture), ("PNG", picture.quantize(colours)), ("TIFF", picture)):
        some = page(encoded(stored, kind))
        with pypdfium2.PdfDocument(render(document([some]))) as pdf:
            drawn = pdf[0].render(scale=500 / 842).to_numpy()
        assert np.abs(drawn[:400, :500].astype(int) - some.image.pixels()).mean() < 5


@pytest.mark.parametrize(("suffix", "shape"), [(".png", (400, 500)), (".png", (400, 500, 3)), (".ppm", (400, 500, 3))])
def test_a_picture_that_uses_few_of_its_bits_is_as_bright_as_it_was_read(suffix: str, shape: tuple[int, ...]) -> None:
    """Viewers would show one of 12 bits in 16 as black."""
    values = np.full(shape, 4095, np.uint16)
    values[100:200] = 0
    with pypdfium2.PdfDocument(render(document([page(bytes(cv2.imencode(suffix, values)[1]))]))) as pdf:
        drawn = pdf[0].render(scale=500 / 842).to_numpy()
    assert drawn[:90].min() > 250 and drawn[110:190].max() < 5


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "CMYK"), ("JPEG2000", "RGB"), ("TIFF", "CMYK")])
def test_any_picture_becomes_pdf_a(kind: str, mode: str) -> None:
    data = encoded(PillowImage.new(mode, (500, 400)), kind)
    with pikepdf.open(io.BytesIO(pdfa.render(document([page(data)])))) as found, found.open_metadata() as metadata:
        assert metadata.pdfa_status == "2B"


def test_pages_of_a_tiff_and_pictures_with_holes() -> None:
    frames = [PillowImage.new("RGBA", (500, 400), colour) for colour in ("red", "blue")]
    tiff = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    made = render(document([*[page(tiff, "a.tif", n, 2) for n in (0, 1)], page(encoded(frames[0], "PNG"), "b.png")]))
    for number in range(3):
        assert_words_are_in_place(made, number, 842 / 500)


def test_a_file_of_many_pages_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [PillowImage.new("L", (500, 400), shade) for shade in (250, 240, 230)]
    (tmp_path / "a.tif").write_bytes(encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    read = []
    monkeypatch.setattr(originals, "read_file", lambda path: read.append(path) or paths.read_file(path))
    rows = [finished(str(tmp_path / "a.tif"), n, 3, name="a", lines=lines(), width=500, height=400) for n in range(3)]
    assert not write([rows], {"pdf": str(tmp_path / "out")})
    assert len(read) == 1


def test_pdf_a() -> None:
    found = pikepdf.open(io.BytesIO(pdfa.render(document([page(photo())]))))
    with found.open_metadata() as metadata:
        assert metadata.pdfa_status == "2B"


def test_what_cannot_become_pdf_a_says_why() -> None:
    with pytest.raises(ConfigError, match=r"^a cannot become PDF/A: .*not embedded.*Choose the format pdf"):
        pdfa.render(document([page(pdfs.pdf(b"BT /F0 20 Tf 40 150 Td (text) Tj ET", (360, 288)))]))


def test_words_without_letters_are_left_out() -> None:
    """Somebody who corrects a page may empty a word."""
    some = page(photo())
    some["lines"][0].words.append(a_word("", 0.9, 400, 60, 50, 24, 0))
    assert_words_are_in_place(render(document([some])), points=842 / 500)


@pytest.mark.parametrize("count", [1, 2])
def test_a_pdf_too_damaged_to_be_changed_is_made_of_what_is_drawn(count: int) -> None:
    """PDFium opens a document whose pages lead back to themselves, qpdf does not."""
    loop = pdfs.pdf(b"BT /F0 20 Tf 40 150 Td (text) Tj ET", (360, 288)).replace(
        b"[3 0 R] /Count 1", b"[3 0 R 2 0 R] /Count 2"
    )
    with pytest.raises(pikepdf.PdfError):
        len(pikepdf.open(io.BytesIO(loop)).pages)
    found = render(document([page(loop), page(photo(), "b")][:count]))
    assert_words_are_in_place(found)


@pytest.mark.parametrize("data", [None, pdfs.LOCKED])
def test_a_page_that_failed_is_empty(data: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "b"
    if data:
        file.write_bytes(data)
    failed = finished(str(file), exception="Stage code: why")
    found = pikepdf.open(io.BytesIO(render(document([page(photo()), PageRecord({**failed, "image": None})], "/"))))
    assert [tuple(map(float, each.mediabox[2:])) for each in found.pages][1] == (595, 842)


def test_no_path_is_opened_but_for_files_that_are_written(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(encoded(white(400, 500), "PNG"))
    row = finished(str(tmp_path / "secret.png"), name="s", lines=lines(), width=500, height=400)
    with pytest.raises(ConfigError, match="not kept"):
        render(document([row]))
    assert not write([[row]], {"pdf": str(tmp_path / "out")})
    assert_words_are_in_place((tmp_path / "out/s.pdf").read_bytes(), points=842 / 500)


RIGHT_TO_LEFT = [
    [("שלום", 350), ("עולם", 250), ("ספר", 150)],
    [("العربية", 350), ("لغة", 250), ("جميلة", 150)],
    [("בשנת", 350), ("1948", 250), ("אב12ג", 150)],
]


def test_words_from_right_to_left_are_selected_in_logical_order_where_their_letters_are() -> None:
    lines = []
    for n, row in enumerate(RIGHT_TO_LEFT):
        words = [a_word(text, 0.9, x, 60 + 60 * n, 80, 24, 0) for text, x in row]
        lines.append(a_line(" ".join(text for text, _ in row), 0.9, 250, 60 + 60 * n, 300, 24, 0, words=words))
    with pypdfium2.PdfDocument(text_layer([finished("a", width=500, height=300, lines=lines)])) as pdf:
        text = pdf[0].get_textpage()
        for n, row in enumerate(RIGHT_TO_LEFT):
            top = 300 - 60 * (n + 1)
            for word, x in row:
                assert text.get_text_bounded(x - 42, top - 14, x + 42, top + 14).strip().strip("\u202b\u202c") in (
                    word,
                    visual(word),  # PDFium leaves the order of a word with digits to who shows it.
                )
            first = row[0][0][0]
            assert first in text.get_text_bounded(350 + 20, top - 14, 390, top + 14)


@pytest.mark.parametrize(
    ("logical", "from_left"),
    [
        ("שלום", "םולש"), ("אב12ג", "ג12בא"), ("(שלום)", ")םולש("), ("العربية", "ةيبرعلا"),
        ("1948", "1948"), ("word", "word"), ("(word)", "(word)"), ("א\u200eב", "ב\u200eא"),
    ],
)  # fmt: skip
def test_the_order_in_which_letters_are_written(logical: str, from_left: str) -> None:
    assert visual(logical) == from_left
