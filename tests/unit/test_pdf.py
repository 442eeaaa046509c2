"""PDF pages: counted, measured, drawn, refused."""

from __future__ import annotations

import io
from pathlib import Path

import drawn
import numpy as np
import pytest

from raypipe.errors import PageError
from raypipe.images.image import Limits, open_image
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


def test_a_page_is_drawn_at_the_resolution_asked_for(two_pages: bytes) -> None:
    image = open_image(two_pages, "a.pdf", 1, False, LIMITS, pdf_resolution=150)
    assert 900 <= image.width <= 901 and 450 <= image.height <= 451 and image.resolution == 150
    pixels = image.pixels()
    assert pixels.shape == (image.height, image.width, 3)
    assert pixels[:, :440].max() < 40 and pixels[:, 460:].min() > 215


def test_grey_pages_have_one_channel(two_pages: bytes) -> None:
    pixels = open_image(two_pages, "a.pdf", 0, True, LIMITS, pdf_resolution=100).pixels()
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
    assert error.value.code == code and error.value.remedy
