"""The text that a PDF itself holds reaches the rows of every adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adapters import EACH_ADAPTER_RAY_LATER
from fpdf import FPDF

import raypipe as rp

USED = rp.Pipeline([rp.BinaryToImage(text_layer="use"), rp.ImageTextDetector(), rp.ImageToText()])


@EACH_ADAPTER_RAY_LATER
def test_the_text_of_a_pdf_is_used(read: Any, tmp_path: Path, ray_cluster: None) -> None:
    document = FPDF(unit="pt", format=(300, 200))
    document.add_page()
    document.set_font("Helvetica", size=20)
    document.text(40, 60, "First line")
    document.text(40, 100, "second one")
    file = tmp_path / "typed.pdf"
    document.output(str(file))
    (row,) = read(USED, [{"path": str(file)}])
    assert (row["text"].split("\n"), row["text_source"]) == (["First line", "second one"], "layer")
