from __future__ import annotations

import re
from xml.etree import ElementTree

from making import FORM, finished, line

from raypipe.outputs.base import Document
from raypipe.outputs.hocr import hocr, render


def parsed(text: str) -> list[tuple[str, str, str]]:
    return [
        (node.get("class", ""), node.get("title", ""), (node.text or "").strip())
        for node in ElementTree.fromstring(text).iter()
    ]


def test_hocr() -> None:
    found = parsed(hocr(FORM[:2], 3, 400, 300, False))
    assert found == [
        ("ocr_page", "bbox 0 0 400 300", ""),
        ("ocr_carea", "bbox 0 0 400 300", ""),
        ("ocr_line", "bbox 100 40 150 60", ""),
        ("ocrx_word", "bbox 100 40 150 60", "Name:"),
        ("ocr_line", "bbox 300 42 330 62", ""),
        ("ocrx_word", "bbox 300 42 330 62", "Ada"),
    ]
    assert "\n" not in hocr(FORM, 0, 400, 300, False)


def test_hocr_ids_are_unique_and_name_the_page() -> None:
    nodes = [node.get("id") for node in ElementTree.fromstring(hocr(FORM, 3, 400, 300, False)).iter()]
    assert nodes[:2] == ["page_3", "block_1"]
    assert len(set(nodes)) == len(nodes) == 10


def test_hocr_ids_of_a_page_among_others_carry_its_number() -> None:
    pages = [ElementTree.fromstring(hocr(FORM, page, 400, 300, False, page > 0)) for page in range(3)]
    ids = [node.get("id") for page in pages for node in page.iter()]
    assert len(set(ids)) == len(ids) == 30
    assert ids[10:14] == ["page_1", "block_1_1", "line_1_1", "word_1_1"]


def test_hocr_escapes_and_tells_confidences() -> None:
    found = parsed(hocr([line('<&">é', 10, 50, 0)], 0, 400, 300, True))
    assert found[-1] == ("ocrx_word", "bbox 10 40 60 60; x_wconf 88", '<&">é')


def test_hocr_boxes_stay_on_the_page() -> None:
    lines = [line("over the edge", 350, 5, 0, angle=30), line("before it", -80, 295, 1)]
    for _, title, _ in parsed(hocr(lines, 0, 400, 300, False)):
        left, top, right, bottom = map(int, re.findall(r"-?\d+", title))
        assert 0 <= left <= right <= 400
        assert 0 <= top <= bottom <= 300


def test_hocr_of_an_empty_page() -> None:
    assert len(parsed(hocr([], 0, 400, 300, True))) == 2


def test_a_whole_document() -> None:
    pages = [finished("<&>.tif", n, 3, lines=FORM, width=400, height=300) for n in range(2)]
    failed = finished("<&>.tif", 2, 3, exception="Stage code: why")
    document = Document(path="in/<&>.tif", name="<&>.tif", pages=[*pages, failed])
    nodes = list(ElementTree.fromstring(render(document)).iter())
    assert [node.text for node in nodes if node.tag.endswith("title")] == ["<&>.tif"]
    found = [(node.get("id"), node.get("title")) for node in nodes if node.get("class") == "ocr_page"]
    assert found == [("page_0", "bbox 0 0 400 300"), ("page_1", "bbox 0 0 400 300"), ("page_2", "bbox 0 0 0 0")]
    ids = [node.get("id") for node in nodes if node.get("id")]
    assert len(set(ids)) == len(ids)
