from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import jobs
import numpy as np
import pyarrow as pa
from making import a_line, a_word, finished

import raypipe as rp
from raypipe.columns import BYTES, LINES, RECOGNIZED, TEXT, Column
from raypipe.outputs.base import Document
from raypipe.outputs.json import page_values, render
from raypipe.stages.base import Stage, Step, Worker
from raypipe.types import Row

SCORES = Column(pa.list_(pa.struct([("language", pa.string()), ("score", pa.float64())])))


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
        "turned": 0,
        "lang": None,
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


class LanguageWorker(Worker["Language"]):
    def process(self, rows: Sequence[Row]) -> None:
        for row in rows:
            row["ocr"], row["language"], row["thumbnail"] = "Hallo", "de", b"small"
            row["rows"] = [a_line("Hallo", 0.5, 1, 2, 3, 4, 0)]
            row["scores"] = [{"language": "de", "score": 1 / 3}]


class Language(Stage):
    """Reads every page alike, into columns of its own names."""

    def steps(self) -> tuple[Step, ...]:
        read = {"ocr": RECOGNIZED, "rows": LINES}
        own = {"language": TEXT, "scores": SCORES, "thumbnail": BYTES}
        return (Step(stage=self, worker=LanguageWorker, reads={}, writes={**read, **own}),)


def test_further_and_renamed_columns(tmp_path: Path, page_png: bytes) -> None:
    """They come alike from a run in this process and from the files of a job; what is binary stays out."""
    (tmp_path / "a.png").write_bytes(page_png)
    pipeline = rp.Pipeline([rp.BinaryToImage(), Language()])
    (ran,) = pipeline.run(tmp_path / "a.png")
    jobs.run(tmp_path / "a.png", tmp_path / "out", pipeline)
    (stored,) = jobs.pages(tmp_path / "out", pipeline)
    for page in (ran, stored):
        assert (page.text, page.lines[0].text) == ("Hallo", "Hallo")
        values = json.loads(json.dumps(page_values(page)))
        assert (values["text"], values["lines"][0]["text"], values["language"]) == ("Hallo", "Hallo", "de")
        assert values["scores"] == [{"language": "de", "score": 1 / 3}]
        assert not {"ocr", "rows", "thumbnail", "image", "content", "path"} & set(values)


def test_overlays_are_drawn_from_renamed_columns() -> None:
    stages = [
        rp.BinaryToImage(output_col="scan"),
        rp.ImageTextDetector(input_col="scan", output_col="boxes"),
        rp.ImageToText(input_col="scan", regions_column="boxes", output_col="ocr", lines_col="rows"),
    ]
    drawing = rp.Pipeline(stages).with_drawing("png").stages[-1]
    assert isinstance(drawing, rp.ImageDrawRegions) and drawing.draw_text
    assert (drawing.input_col, drawing.input_regions_col, drawing.lines_col) == ("scan", "boxes", "rows")
    clean = rp.Pipeline(stages).with_drawing("clean").stages[-1]
    assert isinstance(clean, rp.ImageDrawRegions) and (clean.line_width, clean.draw_text) == (0, False)
    assert list(rp.Pipeline(stages).drawings()) == ["jpeg", "png", "clean"]
