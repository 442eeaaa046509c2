from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from making import FORM, finished, line

from raypipe.outputs.base import Document
from raypipe.outputs.hocr import page_element, render
from raypipe.types import Line, PageRecord


def hocr(lines: Sequence[Line], page: int, width: int, height: int, confidences: bool, many: bool = False) -> str:
    shown = PageRecord({"pagenum": page, "lines": lines, "width": width, "height": height})
    return ElementTree.tostring(page_element(shown, page, confidences, many), encoding="unicode")


def parsed(text: str) -> list[tuple[str, str, str]]:
    return [
        (node.get("class", ""), node.get("title", ""), (node.text or "").strip())
        for node in ElementTree.fromstring(text).iter()
    ]


def test_hocr() -> None:
    found = parsed(hocr(FORM[:2], 3, 400, 300, False))
    assert found == [
        ("ocr_page", "bbox 0 0 400 300; ppageno 3", ""),
        ("ocr_carea", "bbox 0 0 400 300", ""),
        ("ocr_par", "bbox 0 0 400 300", ""),
        ("ocr_line", "bbox 100 40 150 60; baseline 0 -2; x_size 20", ""),
        ("ocrx_word", "bbox 100 40 150 60", "Name:"),
        ("ocr_line", "bbox 300 42 330 62; baseline 0 -2; x_size 20", ""),
        ("ocrx_word", "bbox 300 42 330 62", "Ada"),
    ]
    assert "\n" not in hocr(FORM, 0, 400, 300, False)


def test_hocr_ids_are_unique_and_name_the_page() -> None:
    nodes = [node.get("id") for node in ElementTree.fromstring(hocr(FORM, 3, 400, 300, False)).iter()]
    assert nodes[:3] == ["page_3", "block_1", "par_1"]
    assert len(set(nodes)) == len(nodes) == 11


def test_hocr_ids_of_a_page_among_others_carry_its_number() -> None:
    pages = [ElementTree.fromstring(hocr(FORM, page, 400, 300, False, page > 0)) for page in range(3)]
    ids = [node.get("id") for page in pages for node in page.iter()]
    assert len(set(ids)) == len(ids) == 33
    assert ids[11:16] == ["page_1", "block_1_1", "par_1_1", "line_1_1", "word_1_1"]


def test_hocr_escapes_and_tells_confidences() -> None:
    found = parsed(hocr([line('<&">é', 10, 50, 0)], 0, 400, 300, True))
    assert found[-1] == ("ocrx_word", "bbox 10 40 60 60; x_wconf 88", '<&">é')


def test_hocr_boxes_stay_on_the_page() -> None:
    lines = [line("over the edge", 350, 5, 0, angle=30), line("before it", -80, 295, 1)]
    found = parsed(hocr(lines, 0, 400, 300, False))
    assert len(found) > len(lines)
    for _, title, _ in found:
        left, top, right, bottom = map(int, re.findall(r"-?\d+", title)[:4])
        assert 0 <= left <= right <= 400
        assert 0 <= top <= bottom <= 300


def test_hocr_of_an_empty_page() -> None:
    assert len(parsed(hocr([], 0, 400, 300, True))) == 3


def test_a_whole_document() -> None:
    pages = [finished("<&>.tif", n, 3, lines=FORM, width=400, height=300) for n in range(2)]
    failed = finished("<&>.tif", 2, 3, exception="Stage code: why")
    document = Document(path="in/<&>.tif", name="<&>.tif", pages=[*pages, failed])
    nodes = list(ElementTree.fromstring(render(document)).iter())
    assert [node.text for node in nodes if node.tag.endswith("title")] == ["<&>.tif"]
    found = [(node.get("id"), node.get("title")) for node in nodes if node.get("class") == "ocr_page"]
    assert found == [
        (f"page_{n}", f"bbox 0 0 {size}; ppageno {n}") for n, size in enumerate(("400 300", "400 300", "0 0"))
    ]
    ids = [node.get("id") for node in nodes if node.get("id")]
    assert len(set(ids)) == len(ids)


def test_a_tilted_line_has_a_sloping_baseline_and_a_standing_one_an_angle() -> None:
    tilted, standing = line("on a slope", 100, 100, 0, angle=10), line("upwards", 200, 150, 1, angle=-90)
    titles = [title for kind, title, _ in parsed(hocr([tilted, standing], 0, 400, 300, False)) if kind == "ocr_line"]
    slope, offset = map(float, re.findall(r"baseline (\S+) (\S+);", titles[0])[0])
    _, _, _, bottom = map(int, titles[0].split(";")[0].split()[1:])
    middle = bottom + offset + slope * (tilted.x - int(titles[0].split()[1]))
    assert abs(slope - 0.1763) < 0.001 and tilted.y < middle < tilted.y + 10
    assert "textangle 90" in titles[1] and "baseline" not in titles[1]


def test_the_whole_document_says_what_it_holds() -> None:
    pages = [finished("a.tif", n, 2, lines=FORM, width=400, height=300) for n in range(2)]
    text = render(Document(path="a.tif", name="a.tif", pages=pages))
    metas = {node.get("name"): node.get("content") for node in ElementTree.fromstring(text).iter() if node.get("name")}
    assert metas["ocr-number-of-pages"] == "2" and metas["ocr-capabilities"].endswith("ocrp_wconf")
    bare = render(Document(path="a.tif", name="a.tif", pages=pages, confidences=False))
    assert "wconf" not in bare
