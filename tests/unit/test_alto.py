from __future__ import annotations

import re
from xml.etree import ElementTree

from making import FORM, a_line, a_word, finished

from raypipe.outputs.alto import render
from raypipe.outputs.base import Document

NAMES = {"": "http://www.loc.gov/standards/alto/ns-v4#"}
PLACE = {"HPOS", "VPOS", "WIDTH", "HEIGHT"}
SCHEMA: dict[str, tuple[str, set[str]]] = {
    "alto": ("Description Layout", {"SCHEMAVERSION", "schemaLocation"}),
    "Description": ("MeasurementUnit sourceImageInformation Processing", set()),
    "sourceImageInformation": ("fileName", set()),
    "Processing": ("processingCategory processingSoftware", {"ID"}),
    "processingSoftware": ("softwareName", set()),
    "Layout": ("Page", set()),
    "Page": ("PrintSpace", {"ID", "PHYSICAL_IMG_NR", "PROCESSINGREFS", "QUALITY_DETAIL", "PC", "WIDTH", "HEIGHT"}),
    "PrintSpace": ("TextBlock", PLACE),
    "TextBlock": ("TextLine", PLACE | {"ID", "LANG"}),
    "TextLine": ("Shape (String (SP )?)+", PLACE | {"ID", "BASELINE"}),
    "String": ("Shape", PLACE | {"ID", "CONTENT", "WC"}),
    "Shape": ("Polygon", set()),
    "Polygon": ("", {"POINTS"}),
}
"""The parts of the schema that are used: the children of each element in order, any of which may lack or be repeated
where there is no other pattern, and its attributes."""
STANDING = a_line("two words", 0.5, 100, 200, 80, 20, -90, words=[
    a_word("two", 0.75, 100, 225, 30, 20, -90), a_word("words", 0.5, 100, 180, 40, 20, -90),
])  # fmt: skip
PAGES = [
    finished("sub/<a>.tif", 0, 3, lines=[*FORM, STANDING], confidence=[0.5], width=400, height=300),
    finished("sub/<a>.tif", 1, 3, width=400, height=300),
    finished("sub/<a>.tif", 2, 3, exception="Stage code: why"),
]


def alto(name: str = "sub/<a>.tif", confidences: bool = True) -> ElementTree.Element:
    return ElementTree.fromstring(render(Document(path=name, name=name, pages=PAGES, confidences=confidences)).encode())


def test_words_have_text_box_and_confidence() -> None:
    words = alto().findall(".//String", NAMES)
    assert [word.get("CONTENT") for word in words] == ["Name:", "Ada", "Born:", "1815", "two", "words"]
    keys = "HPOS", "VPOS", "WIDTH", "HEIGHT", "WC"
    assert [words[0].get(key) for key in keys] == ["100", "40", "50", "20", "0.8750"]
    assert [words[4].get(key) for key in keys] == ["90", "210", "20", "30", "0.7500"]
    assert not any("WC" in word.attrib for word in alto(confidences=False).findall(".//String", NAMES))


def test_lines_have_baselines_and_those_that_stand_outlines() -> None:
    lines = alto().findall(".//TextLine", NAMES)
    assert lines[0].get("BASELINE") == "100,58 150,58" and lines[0].find("Shape", NAMES) is None
    assert lines[4].get("BASELINE") == "108,240 108,160"
    assert [child.tag.split("}")[1] for child in lines[4]] == ["Shape", "String", "SP", "String"]
    (outline,) = lines[4].findall("Shape/Polygon", NAMES)
    assert outline.get("POINTS") == "90,240 90,160 110,160 110,240"


def test_elements_and_attributes_are_those_of_the_schema() -> None:
    for node in alto().iter():
        children, attributes = SCHEMA.get(node.tag.split("}")[1], ("", set()))
        pattern = re.sub(r"(?<![(\w])(\w+)( |$)", r"(\1 )*", children)
        assert re.fullmatch(pattern, "".join(f"{child.tag.split('}')[1]} " for child in node)), node.tag
        assert {name.split("}")[-1] for name in node.attrib} <= attributes, node.tag


def test_each_page_is_there_and_a_failed_one_says_why() -> None:
    pages = alto().findall(".//Page", NAMES)
    assert [page.get("PHYSICAL_IMG_NR") for page in pages] == ["1", "2", "3"]
    assert [page.get("QUALITY_DETAIL") for page in pages] == [None, None, "Stage code: why"]
    assert [len(page.findall(".//TextBlock", NAMES)) for page in pages] == [1, 0, 0]


def test_ids_are_unique() -> None:
    ids = [node.get("ID") for node in alto().iter() if node.get("ID")]
    assert len(ids) == len(set(ids)) == 1 + 3 + 1 + 5 + 6


def test_any_name_can_be_written() -> None:
    assert alto("a\udcff\x01<&.tif").findtext(".//fileName", "", NAMES) == "a\ufffd\ufffd<&.tif"
