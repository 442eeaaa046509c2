"""Output formats side by side: what other programs read in hOCR, ALTO and PAGE, and tables of words and of pages."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from making import FORM, a_line, a_word, finished, line

from raypipe.geometry import bounds
from raypipe.outputs.base import Document
from raypipe.outputs.formats import FORMATS, find
from raypipe.outputs.pagexml import render
from raypipe.types import PageRecord

TILTED = a_line("Łódź & <co>", 0.9, 200, 150, 220, 30, 3, words=[
    a_word("Łódź", 0.9, 130, 146, 70, 28, 3), a_word("&", 0.9, 190, 149, 20, 20, 3),
    a_word("<co>", 0.9, 260, 154, 80, 30, 3),
])  # fmt: skip
STANDING = a_line("two words", 0.5, 50, 200, 80, 20, -90, words=[
    a_word("two", 0.75, 50, 225, 30, 20, -90), a_word("words", 0.5, 50, 180, 40, 20, -90),
])  # fmt: skip
LINES = [*FORM, TILTED, STANDING]
PAGE = finished("a.png", lines=LINES, width=400, height=300, confidence=[0.9])
Found = list[tuple[str, tuple[float, ...]]]


def of_hocr(file: Path) -> Found:
    parser = pytest.importorskip("ocrmypdf.hocrtransform.hocr_parser").HocrParser(file)
    words = parser.parse().words
    return [(word.text, (word.bbox.left, word.bbox.top, word.bbox.right, word.bbox.bottom)) for word in words]


def of_alto(file: Path) -> Found:
    found = []
    for word in ElementTree.parse(file).iter("{http://www.loc.gov/standards/alto/ns-v4#}String"):
        left, top, width, height = (float(word.attrib[key]) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
        found.append((word.attrib["CONTENT"], (left, top, left + width, top + height)))
    return found


def of_page(file: Path) -> Found:
    names = {"": "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"}
    found = []
    for word in ElementTree.parse(file).iterfind(".//Word", names):
        points = np.array([point.split(",") for point in word.find("Coords", names).get("points").split()], float)  # type: ignore[union-attr]
        found.append((word.findtext("TextEquiv/Unicode", "", names), (*points.min(0), *points.max(0))))
    return found


@pytest.mark.parametrize(("name", "reader"), [("hocr", of_hocr), ("alto", of_alto), ("page", of_page)])
def test_words_and_boxes_are_read_back(name: str, reader: Callable[[Path], Found], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(find(name).encode(Document(path="a.png", name="a.png", pages=[PAGE])))
    words = [word for line in LINES for word in line.words]
    boxes = bounds(np.array([(word.x, word.y, word.width, word.height, word.angle) for word in words], np.float32))
    found = reader(file)
    assert [text for text, _ in found] == [word.text for word in words]
    assert np.abs(np.array([box for _, box in found]) - boxes).max() <= 1


@pytest.mark.parametrize(
    ("name", "said"),
    [("hocr", 'lang="fr"'), ("alto", 'LANG="fr"'), ("page", 'primaryLanguage="French"'), ("html", 'lang="fr"')],
)
def test_the_language_is_told(name: str, said: str) -> None:
    for language in ("fr", None):
        page = PageRecord({**PAGE, "language": language})
        text = find(name).encode(Document(path="a.png", name="a.png", pages=[page])).decode()
        assert (said in text) == bool(language)


def test_a_document_in_several_languages_has_that_of_most_of_its_pages() -> None:
    pages = [finished("a.tif", n, 4, language=language) for n, language in enumerate(["en", None, "fr", "fr"])]
    document = Document(path="a.tif", name="a.tif", pages=pages)
    assert document.language == "fr"
    assert Document(path="a.tif", name="a.tif", pages=pages[1:2]).language is None
    told = re.findall(r'<(html|div)[^>]*? (?:class="ocr_page"[^>]* )?lang="(..)"', rendered("hocr", document))
    assert told == [("html", "fr"), ("div", "en")]


def test_a_language_that_page_has_no_word_for() -> None:
    page = PageRecord({**PAGE, "language": "nds"})
    assert 'primaryLanguage="other"' in str(render(Document(path="a.png", name="a.png", pages=[page])))


@pytest.mark.parametrize(("name", "said"), [("hocr", 'dir="rtl"'), ("page", 'readingDirection="right-to-left"')])
@pytest.mark.parametrize(
    ("text", "is_from_right"), [("שלום word", True), ("1948 العربية", True), ("word שלום", False), ("1948", False)]
)
def test_lines_from_right_to_left_say_so(name: str, said: str, text: str, is_from_right: bool) -> None:
    line = a_line(text, 0.9, 100, 50, 80, 20, 0, words=[a_word(text, 0.9, 100, 50, 80, 20, 0)])
    page = finished("a.png", lines=[line], width=400, height=300)
    assert (said in find(name).encode(Document(path="a.png", name="a.png", pages=[page])).decode()) == is_from_right


ODD = line('"a,b', 100, 110, 2)
PAGES = [finished("a.tif", 0, 2, lines=[*FORM, ODD], width=400, height=300), finished("a.tif", 1, 2)]
TABLES = Document(path="in/a.tif", name="a.tif", pages=PAGES)


def rendered(name: str, document: Document = TABLES) -> str:
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
    assert list(rows[1].values()) == ["1", "2", "1", "Ada", "0.8750", "300", "42", "330", "62", ""]


FAILED = "Stage code: it is --> no good. Mend it."


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("csv", f"2,,,,,,,,,{FAILED}\r\n"),
        ("hocr", "<!-- Stage code: it is - -> no good. Mend it. -->"),
        ("markdown", "<!-- Stage code: it is - -> no good. Mend it. -->\n"),
    ],
)
def test_why_a_page_failed_is_said(name: str, said: str) -> None:
    """It looked like an empty page."""
    pages = [TABLES.pages[0], finished("in/a.tif", 1, 2, exception=FAILED)]
    text = rendered(name, replace(TABLES, pages=pages))
    assert text.count(said) == 1 and "Born" in text
    if name == "hocr":
        ElementTree.fromstring(text)


def test_a_line_of_json_for_each_page() -> None:
    first, second = map(json.loads, rendered("jsonl").splitlines())
    assert first["path"] == "in/a.tif" and (first["pagenum"], second["pagenum"]) == (0, 1)
    assert [each["text"] for each in first["lines"]][:2] == ["Name:", "Ada"]


def test_confidences_are_left_out_where_nobody_wants_them() -> None:
    bare = replace(TABLES, confidences=False)
    assert "87.50" not in rendered("tsv", bare) and "0.8750" not in rendered("csv", bare)
    assert "confidence" not in rendered("jsonl", bare)
