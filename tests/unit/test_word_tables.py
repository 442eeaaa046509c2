"""The formats that are tables of words, and pages as lines of JSON."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

from making import FORM, finished, line

from raypipe.outputs.base import Document
from raypipe.outputs.formats import FORMATS

ODD = line('"a,b', 100, 110, 2)
PAGES = [finished("a.tif", 0, 2, lines=[*FORM, ODD], width=400, height=300), finished("a.tif", 1, 2)]
DOCUMENT = Document(path="in/a.tif", name="a.tif", pages=PAGES)


def rendered(name: str, document: Document = DOCUMENT) -> str:
    return FORMATS[name].encode(document).decode()


def test_tsv_is_as_tesseracts() -> None:
    lines = rendered("tsv").splitlines()
    header = "level page_num block_num par_num line_num word_num left top width height conf text"
    assert lines[0].split("\t") == header.split()
    assert lines[1:6] == [
        "1\t1\t0\t0\t0\t0\t0\t0\t400\t300\t-1\t",
        "2\t1\t1\t0\t0\t0\t0\t0\t400\t300\t-1\t",
        "3\t1\t1\t1\t0\t0\t0\t0\t400\t300\t-1\t",
        "4\t1\t1\t1\t1\t0\t100\t40\t50\t20\t-1\t",
        "5\t1\t1\t1\t1\t1\t100\t40\t50\t20\t87.50\tName:",
    ]
    assert lines[-2].split("\t")[-1] == '"a,b' and lines[-1].startswith("1\t2\t0")


def test_csv_reads_back() -> None:
    rows = list(csv.DictReader(rendered("csv").splitlines()))
    assert [row["text"] for row in rows] == ["Name:", "Ada", "Born:", "1815", '"a,b']
    assert list(rows[1].values()) == ["1", "2", "1", "Ada", "0.8750", "300", "42", "330", "62"]


def test_a_line_of_json_for_each_page() -> None:
    first, second = map(json.loads, rendered("jsonl").splitlines())
    assert first["path"] == "in/a.tif" and (first["pagenum"], second["pagenum"]) == (0, 1)
    assert [each["text"] for each in first["lines"]][:2] == ["Name:", "Ada"]


def test_confidences_are_left_out_where_nobody_wants_them() -> None:
    bare = replace(DOCUMENT, confidences=False)
    assert "87.50" not in rendered("tsv", bare) and "0.8750" not in rendered("csv", bare)
    assert "confidence" not in rendered("jsonl", bare)
