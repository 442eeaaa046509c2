from __future__ import annotations

import json

import numpy as np
from making import a_line, a_word, finished

from raypipe.outputs.base import Document
from raypipe.outputs.json import page_values, render


def test_a_page() -> None:
    """What was stored as float32 is rounded to hundredths of a pixel, and confidences to four digits."""
    odd, sure = float(np.float32(20.123)), float(np.float32(0.97531))
    word = a_word("Dear", sure, odd, 10, 40, 20, 0.5)
    line = a_line("Dear", sure, odd, 10, 40, 20, 0.5, row=3, words=[word])
    page = finished("sub/a.tif", 1, 2, lines=[line], confidence=[sure], width=200, height=100)
    values = {"text": "Dear", "confidence": 0.9753, "x": 20.12, "y": 10, "width": 40, "height": 20, "angle": 0.5}
    assert page_values(page) == {
        "name": "sub/a.tif",
        "pagenum": 1,
        "total_pages": 2,
        "width": 200,
        "height": 100,
        "text": "sub/a.tif 1",
        "confidence": 0.9753,
        "lines": [{**values, "row": 3, "words": [values]}],
        "exception": None,
        "failure": None,
    }


def test_confidences_are_left_out() -> None:
    line = a_line("Dear", 0.5, 1, 2, 3, 4, 0, words=[a_word("Dear", 0.5, 1, 2, 3, 4, 0)])
    assert "confidence" not in json.dumps(page_values(finished(lines=[line], confidence=[0.5]), confidences=False))


def test_a_document() -> None:
    pages = [finished("a.tif", 0, 2), finished("a.tif", 1, 2, exception="Stage code: ünd", text=None)]
    found = json.loads(render(Document(path="in/a.tif", name="a.tif", pages=pages)))
    assert found == {"path": "in/a.tif", "pages": [page_values(page) for page in pages]}
    assert [page["confidence"] for page in found["pages"]] == [None, None]
    assert (found["pages"][1]["text"], found["pages"][1]["exception"]) == ("", "Stage code: ünd")
    assert found["pages"][1]["failure"] == {"stage": "Stage", "code": "code", "message": "ünd"}
