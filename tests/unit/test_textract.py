from __future__ import annotations

import json
from typing import Any

from making import FORM, a_line, a_word, finished

from raypipe.outputs.base import Document
from raypipe.outputs.textract import render

STANDING = a_line("up", 0.5, 100, 200, 80, 20, -90, words=[a_word("up", 0.5, 100, 200, 80, 20, -90)])
PAGES = [
    finished("a.tif", 0, 2, lines=[*FORM, STANDING], width=400, height=300),
    finished("a.tif", 1, 2, exception="Stage image_damaged: why. Mend it."),
]


def answer(confidences: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        render(Document(path="a.tif", name="a.tif", pages=PAGES, confidences=confidences))
    )
    return found


def of(kind: str, confidences: bool = True) -> list[dict[str, Any]]:
    return [block for block in answer(confidences)["Blocks"] if block["BlockType"] == kind]


def test_pages_have_lines_and_these_have_words() -> None:
    blocks = {block["Id"]: block for block in answer()["Blocks"]}
    assert len(blocks) == len(answer()["Blocks"])
    (first, second), lines = of("PAGE"), of("LINE")
    assert [line["Text"] for line in lines] == ["Name:", "Ada", "Born:", "1815", "up"]
    assert first["Relationships"] == [{"Type": "CHILD", "Ids": [line["Id"] for line in lines]}]
    assert "Relationships" not in second and [first["Page"], second["Page"]] == [1, 2]
    for line in lines:
        (word,) = [blocks[key] for each in line["Relationships"] for key in each["Ids"]]
        assert (word["BlockType"], word["Text"]) == ("WORD", line["Text"])


def test_places_are_shares_of_the_page() -> None:
    word = of("WORD")[4]["Geometry"]
    assert word["BoundingBox"] == {"Width": 0.05, "Height": 0.266667, "Left": 0.225, "Top": 0.533333}
    assert word["Polygon"][0] == {"X": 0.225, "Y": 0.8} and len(word["Polygon"]) == 4


def test_confidences_are_percent() -> None:
    assert of("WORD")[0]["Confidence"] == 87.5
    assert not any("Confidence" in block for block in answer(False)["Blocks"])


def test_a_failed_page_is_a_warning() -> None:
    assert answer()["Warnings"] == [{"ErrorCode": "image_damaged", "Pages": [2]}]
