"""OCRmyPDF with the plug-in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

pytest.importorskip("ocrmypdf")
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("tesseract"), reason="OCRmyPDF asks for Tesseract, whatever engine it is to use")
def test_a_scan_on_its_side_becomes_searchable(tmp_path: Path) -> None:
    import ocrmypdf

    with Image.open(EXAMPLES / "form.jpg") as picture:
        picture.rotate(-90, expand=True).save(tmp_path / "in.pdf", resolution=150)
    ocrmypdf.ocr(
        tmp_path / "in.pdf",
        tmp_path / "out.pdf",
        language=["eng"],
        plugins=["raypipe.ocrmypdf"],
        rotate_pages=True,
        sidecar=tmp_path / "out.txt",
        jobs=1,
        progress_bar=False,
    )
    with pypdfium2.PdfDocument(tmp_path / "out.pdf") as pdf:
        assert pdf[0].get_width() < pdf[0].get_height()
        assert "Millbrook Public Library" in pdf[0].get_textpage().get_text_range()
    assert "Application for a reader's card" in (tmp_path / "out.txt").read_text("utf-8")
