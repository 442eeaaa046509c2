from __future__ import annotations

import numpy as np
import pytest
from making import a_line, a_region, boxes

from raypipe.types import Crops, Line, PageRecord, Region, Word, boxes_from_regions, regions_from_boxes

LINE = a_line("hi", 0.5, 1, 2, 3, 4, 0)
REGION = a_region(1, 2, 3, 4, 0)
SEGMENTS = np.array([[0, 0, 2, 5, 6, 7, 8, 9], [1, 0, 1, 5, 6, 7, 8, 9]], np.float32)
CROPS = Crops(pixels=bytes(range(18)), height=2, widths=[2, 1], segments=SEGMENTS.tobytes())


@pytest.mark.parametrize("kind", [Region, Word, Line, Crops])
def test_the_fields_of_a_record_are_named(kind: type) -> None:
    with pytest.raises(TypeError, match="positional"):
        kind("text", 0.5)


def test_crops_give_their_pictures() -> None:
    first, second = CROPS.pictures()
    assert first.tolist() == np.arange(12).reshape(2, 2, 3).tolist()
    assert second.tolist() == np.arange(12, 18).reshape(2, 1, 3).tolist()
    assert CROPS.segment_table().tolist() == SEGMENTS.tolist()


def test_crops_without_pictures() -> None:
    empty = Crops(pixels=b"", height=48, widths=[], segments=b"")
    assert empty.pictures() == []
    assert empty.segment_table().shape == (0, 8)


def test_regions_and_boxes_are_each_others_inverse() -> None:
    some = boxes((10, 20, 30, 8, -12.5), (40, 50, 6, 7, 30))
    regions = regions_from_boxes(some, [0.5, 0.25], 3)
    assert regions[1] == a_region(40, 50, 6, 7, 30, index=1, page=3, score=0.25)
    assert boxes_from_regions(regions).tolist() == some.tolist()


def test_upright_regions_are_given_by_their_top_left_corner() -> None:
    region = a_region(100, 50, 40, 20, 0, rotated=False)
    assert boxes_from_regions([region]).tolist() == [[120, 60, 40, 20, 0]]


def test_no_regions_are_no_boxes() -> None:
    assert boxes_from_regions([]).shape == (0, 5)
    assert regions_from_boxes(np.zeros((0, 5), np.float32), [], 0) == []


def test_page_gives_columns_as_items_and_attributes() -> None:
    row = {"path": "a.png", "pagenum": 2, "text": "hi", "lines": [LINE], "text_regions": [REGION], "confidence": [0.5]}
    page = PageRecord({**row, "exception": None, "extra": 7})
    assert (page.path, page.pagenum, page.text, page.confidence) == ("a.png", 2, "hi", 0.5)
    assert (page.lines, page.regions, page.exception) == ([LINE], [REGION], None)
    assert page["extra"] == 7
    assert set(page) == {*row, "exception", "extra"}
    assert len(page) == 8
    assert "2 characters" in repr(page)


def test_page_that_failed_has_nothing_to_give() -> None:
    page = PageRecord({"path": "a.png", "pagenum": 0, "exception": "Stage code: why", "text": None, "confidence": []})
    assert (page.text, page.lines, page.regions, page.confidence) == ("", [], [], None)
    assert "Stage code: why" in repr(page)
