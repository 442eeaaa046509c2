from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from asking import PICTURE, serving
from making import FORM, a_line, a_word, finished

from raypipe.outputs.base import Document
from raypipe.outputs.blocks import blocks
from raypipe.outputs.documents import write
from raypipe.outputs.pagexml import render
from raypipe.types import Line

NAMES = {"": "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"}
SCHEMA = {
    "PcGts": ["Metadata", "Page"],
    "Metadata": ["Creator", "Created", "LastChange", "Comments"],
    "Page": ["ReadingOrder", "TextRegion"],
    "ReadingOrder": ["OrderedGroup"],
    "OrderedGroup": ["RegionRefIndexed"],
    "TextRegion": ["Coords", "TextLine", "TextEquiv"],
    "TextLine": ["Coords", "Baseline", "Word", "TextEquiv"],
    "Word": ["Coords", "TextEquiv"],
    "TextEquiv": ["Unicode"],
    **dict.fromkeys(["Creator", "Created", "LastChange", "Comments"], []),
    **dict.fromkeys(["RegionRefIndexed", "Coords", "Baseline", "Unicode"], []),
}
"""The parts of the schema that are used: the order in which each element has its children."""
STANDING = a_line("two words", 0.5, 100, 200, 80, 20, -90, words=[
    a_word("two", 0.75, 100, 225, 30, 20, -90), a_word("words", 0.5, 100, 180, 40, 20, -90),
])  # fmt: skip
PAGE = finished("sub/<a>.tif", 0, 2, lines=[*FORM, STANDING], confidence=[0.5], width=400, height=300)
FAILED = finished("sub/<a>.tif", 1, 2, exception="Stage code: why")


def page(shown: object = PAGE, confidences: bool = True) -> ElementTree.Element:
    document = Document(path="a", name="a\udcff.tif", pages=[shown], confidences=confidences)  # type: ignore[list-item]
    return ElementTree.fromstring(render(document).encode())


def line(text: str, x: float, y: float, width: float, angle: float = 0) -> Line:
    return a_line(text, 1, x, y, width, 20, angle, words=[a_word(text, 1, x, y, width, 20, angle)])


def test_words_and_lines_have_text_outline_and_confidence() -> None:
    words = page().findall(".//Word", NAMES)
    texts = [word.findtext("TextEquiv/Unicode", "", NAMES) for word in words]
    assert texts == ["Name:", "Ada", "Born:", "1815", "two", "words"]
    assert [node.get("points") for node in words[4].findall("Coords", NAMES)] == ["90,240 90,210 110,210 110,240"]
    assert [node.get("conf") for node in words[4].findall("TextEquiv", NAMES)] == ["0.7500"]
    assert page().findall(".//Baseline", NAMES)[-1].get("points") == "108,240 108,160"
    assert not [node for node in page(confidences=False).iter() if "conf" in node.attrib]
    assert page().find("Page", NAMES).attrib == {
        "imageFilename": "a\ufffd.tif", "imageWidth": "400", "imageHeight": "300", "conf": "0.5000",
    }  # fmt: skip


def test_children_come_in_the_order_of_the_schema() -> None:
    for node in page().iter():
        names = [child.tag.split("}")[1] for child in node]
        assert names == sorted(names, key=SCHEMA[node.tag.split("}")[1]].index)
        assert all(re.fullmatch(r"([0-9]+,[0-9]+ )+[0-9]+,[0-9]+", node.get("points", "0,0 0,0")) for node in node)


def test_reading_order_names_each_region_once() -> None:
    regions = [node.get("id") for node in page().findall(".//TextRegion", NAMES)]
    order = [node.get("regionRef") for node in page().findall(".//RegionRefIndexed", NAMES)]
    assert order == regions and len(regions) > 1
    ids = [node.get("id") for node in page().iter() if node.get("id")]
    assert len(ids) == len(set(ids))


def test_a_failed_page_says_why() -> None:
    assert page(FAILED).findtext("Metadata/Comments", "", NAMES) == "Stage code: why"
    assert page(FAILED).find(".//ReadingOrder", NAMES) is None


def test_each_page_of_a_document_is_a_file(tmp_path: Path) -> None:
    assert not write([[PAGE, FAILED]], {"page": str(tmp_path)})
    assert sorted(file.name for file in (tmp_path / "sub").iterdir()) == ["<a>.tif.0.xml", "<a>.tif.1.xml"]


def test_a_server_answers_for_one_page() -> None:
    with serving() as client:
        files = [("file", PICTURE), ("file", PICTURE)]
        answer = client.post("/v1/ocr?output_format=page", files=files)
        assert (answer.status_code, answer.json()["code"]) == (406, "one_page")


def test_a_block_is_lines_below_each_other() -> None:
    left = [line("a", 100, 100, 150), line("b", 90, 130, 130)]
    right = [line("c", 400, 100, 150), line("d", 400, 135, 150)]
    below, far, turned = line("e", 100, 160, 20), line("f", 100, 230, 150), line("g", 100, 260, 150, 90)
    found = blocks([*left, *right, below, far, turned, a_line("", 1, 100, 290, 9, 9, 0)])
    assert [[each.text for each in block] for block in found] == [["a", "b"], ["c", "d"], ["e"], ["f"], ["g"]]


@pytest.mark.parametrize("angle", [-90, 30, 180])
def test_blocks_go_with_the_direction_of_the_text(angle: float) -> None:
    from making import boxes, rotated

    some = rotated(boxes((500, 480, 200, 20, 0), (500, 510, 200, 20, 0), (500, 600, 200, 20, 0)), angle)
    lines = [line(str(n), x, y, width, turn) for n, (x, y, width, _, turn) in enumerate(some.tolist())]
    assert [len(block) for block in blocks(lines)] == [2, 1]
