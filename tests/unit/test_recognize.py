"""Lines that are cut out, read, and put back on their pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import PICTURE, a_region, boxes, carried_out, encoded, image_of, white, worker

import raypipe as rp
from raypipe.images.image import Image
from raypipe.recognition.base import PageReading, Reading
from raypipe.stages import recognize
from raypipe.stages.recognize import CROPS_COLUMN, LineCropper, TextReader
from raypipe.types import Crops, Region, Row, regions_from_boxes


def cropped(image: Image, regions: list[Region] | None, **parameters: Any) -> tuple[Row, Crops]:
    cropper = worker(LineCropper, rp.ImageToText(model="some_reader", **parameters))
    cropper.setup()
    row: Row = {"path": "x", "pagenum": 0, "image": image}
    if regions is not None:
        row["text_regions"] = regions
    (row,) = carried_out(cropper, [row])
    return row, row[CROPS_COLUMN]


@pytest.mark.parametrize("column", [None, ""])
def test_without_regions_the_whole_picture_is_a_line(fake_models: Path, column: str | None) -> None:
    pixels = white(24, 100)
    pixels[:, :50] = 0
    _, crops = cropped(image_of(pixels), None, regions_column=column)
    (picture,) = crops.pictures()
    assert picture.shape == (48, 200, 3)
    assert (picture[:, :95] == 0).all()
    assert (picture[:, 105:] == 255).all()


def test_without_found_regions_nothing_is_read(fake_models: Path) -> None:
    assert cropped(image_of(white(24, 100)), [])[1].widths == []


def test_upright_regions_are_cut_from_their_corner(fake_models: Path) -> None:
    pixels = white(100, 200)
    pixels[40:60, 80:140] = 0
    region = a_region(80, 40, 60, 20, 0, rotated=False)
    (picture,) = cropped(image_of(pixels), [region], border_width=0)[1].pictures()
    assert picture.shape == (48, 144, 3)
    assert (picture[2:-2, 2:-2] == 0).all()
    assert picture.mean() < 10


def test_a_picture_that_cannot_be_decoded_fails_its_page_alone(fake_models: Path) -> None:
    bad = replace(image_of(PICTURE), origin="bad.jpg", data=encoded(PICTURE, "JPEG")[:-4], cached=None)
    cropper = worker(LineCropper, rp.ImageToText(model="some_reader", regions_column=None))
    cropper.setup()
    rows = carried_out(cropper, [{"path": "bad.jpg", "pagenum": 0, "image": bad}, {"image": image_of(white(20, 30))}])
    assert "image_truncated" in rows[0]["exception"]
    assert "bad.jpg" in rows[0]["exception"]
    assert rows[0][CROPS_COLUMN] is None
    assert len(rows[1][CROPS_COLUMN].widths) == 1


class FakeReader:
    """Reads the pictures' numbers in words."""

    doubtful = 0.4

    def read(self, pictures: Sequence[np.ndarray], batch_size: int) -> list[Reading]:
        texts = ["one", "", "two too", "three", "four"]
        return [
            Reading(text, [0.5 + 0.1 * n] * len(text), np.linspace(10, picture.shape[1] - 10, len(text)).tolist())
            for n, (text, picture) in enumerate(zip(texts, pictures, strict=False))
        ]


def read(fake_models: Path, recognizer: FakeReader | None = None, **parameters: Any) -> list[Row]:
    """A page of two lines, of which one has no text, a page without lines, a failed page, a page of two lines."""
    spec = rp.ImageToText(model="some_reader", **parameters)
    pages = [
        boxes((100, 20, 100, 20, 0), (100, 60, 100, 20, 0)),
        boxes(),
        None,
        boxes((60, 20, 100, 20, 0), (160, 70, 40, 20, 0)),
    ]
    rows: list[Row] = [
        {"path": f"{n}.png", "pagenum": 0, "image": image_of(white(100, 200))}
        | (
            {"exception": "Stage code: why"}
            if some is None
            else {"text_regions": regions_from_boxes(some, [1] * len(some), 0)}
        )
        for n, some in enumerate(pages)
    ]
    cropper, reader = worker(LineCropper, spec), worker(TextReader, spec)
    cropper.setup()
    reader._recognizer = recognizer or FakeReader()
    return carried_out(reader, carried_out(cropper, rows))


def test_texts_go_back_to_their_pages(fake_models: Path) -> None:
    rows = read(fake_models)
    assert [row["text"] for row in rows] == ["one", "", "", "two too\nthree"]
    assert [[line.text for line in row["lines"]] for row in rows] == [["one"], [], [], ["two too", "three"]]
    assert [word.text for word in rows[3]["lines"][0].words] == ["two", "too"]
    assert [row["exception"] for row in rows] == [None, None, "Stage code: why", None]
    assert all(row["positions"] == [] for row in rows)
    assert all(CROPS_COLUMN not in row and "image" in row for row in rows)


def test_a_page_that_can_hardly_be_read_says_so(fake_models: Path) -> None:
    first, _, _, last = read(fake_models)
    assert "hardly a letter was read in 1 of 2 lines" in first["warning"]
    assert last.get("warning") is None


def test_confidence_is_the_mean_of_all_characters(fake_models: Path) -> None:
    found = [row["confidence"] for row in read(fake_models, include_confidence=True)]
    assert found[:3] == [[0.5], [], []]
    assert found[3] == pytest.approx([(7 * 0.7 + 5 * 0.8) / 12])


def test_output_formats(fake_models: Path) -> None:
    assert read(fake_models, output_format="formatted_text")[3]["text"].splitlines()[0] == "two too"
    hocr = read(fake_models, output_format="hocr", include_confidence=True)
    assert 'class="ocr_page"' in hocr[0]["text"]
    assert "x_wconf 50" in hocr[0]["text"]
    assert "ocr_page" in hocr[1]["text"]
    assert hocr[2]["text"] == ""
    (matrix,) = read(fake_models, output_format="text_with_positions")[3]["positions"]
    assert "".join(entry.c for entry in matrix.mapping) == "twotoothree"


def test_the_picture_is_dropped_if_it_is_not_kept(fake_models: Path) -> None:
    assert not any("image" in row for row in read(fake_models, keep_input=False))


class Asked(FakeReader):
    """Counts how often it is asked."""

    times = 0

    def read(self, pictures: Sequence[np.ndarray], batch_size: int) -> list[Reading]:
        self.times += 1
        return super().read(pictures, batch_size)


class Polyglot(FakeReader):
    """Takes pages with text for French, and doubts all that it reads."""

    doubtful = 0.99

    def __init__(self) -> None:
        self.readers = {"en": Asked(), "fr": Asked()}
        self._given = FakeReader()

    def read_pages(self, pages: Sequence[Sequence[np.ndarray]], batch_size: int) -> list[PageReading]:
        readings = iter(self._given.read([picture for page in pages for picture in page], batch_size))
        languages = ["fr" if len(page) else "en" for page in pages]
        return [
            PageReading(language, self.readers[language], [next(readings) for _ in page])
            for language, page in zip(languages, pages, strict=True)
        ]


def test_a_page_is_looked_at_again_in_its_language(fake_models: Path) -> None:
    reader = Polyglot()
    rows = read(fake_models, reader)
    assert [row["language"] for row in rows] == ["fr", "en", None, "fr"]
    assert reader.readers["fr"].times > 0
    assert reader.readers["en"].times == 0


class Turning(Polyglot):
    """Takes pages for English at first sight, and for French at the second."""

    seen = 0

    def read_pages(self, pages: Sequence[Sequence[np.ndarray]], batch_size: int) -> list[PageReading]:
        self.seen += 1
        found = super().read_pages(pages, batch_size)
        return found if self.seen > 1 else [replace(page, language="en") for page in found]


@pytest.mark.parametrize("is_turned", [True, False])
def test_the_language_of_a_page_that_is_turned_is_told_then(
    fake_models: Path, monkeypatch: pytest.MonkeyPatch, is_turned: bool
) -> None:
    monkeypatch.setattr(
        recognize, "righted", lambda crops, found, *_: (replace(crops) if is_turned else crops, list(found))
    )
    rows = read(fake_models, Turning())
    assert [row["language"] for row in rows] == (["fr", "en", None, "fr"] if is_turned else ["en", "en", None, "en"])


@pytest.mark.parametrize(
    ("model", "language", "guide"),
    [
        ("ocr_small_handwritten_v2_opt", "auto", None),
        ("ocr_small_handwritten_v2_opt", "fr", "fr"),
        ("ocr_base_handwritten_v2", "auto", "en"),
    ],
)
def test_a_language_that_is_named_or_the_only_one_is_that_of_all_pages(
    model: str, language: str, guide: str | None
) -> None:
    assert rp.ImageToText(model=model, language=language).guide == guide


@pytest.mark.parametrize(("language", "told"), [("fr", "fr"), ("auto", None)])
def test_the_language_of_a_page_is_told(fake_models: Path, language: str, told: str | None) -> None:
    """Unless it is unknown: this reader does not choose one."""
    assert [row["language"] for row in read(fake_models, language=language)] == [told, told, None, told]
