from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from making import boxes

from raypipe import types
from raypipe.images.image import BGR, GRAY, IMAGE, Image
from raypipe.types import Crops, Line, Page, Region, Word, boxes_from_regions, regions_from_boxes

WORD = Word("Ünï &<", 0.5, 10, 20, 30.5, 8, -2.25)
LINE = Line("Ünï &< x", 0.75, 15, 20, 40, 8, -2.25, 3, [WORD, Word("x", 1, 30, 20, 4, 8, 0)])
REGION = Region(0, 2, 1.5, 2.5, 30, 10, 0.875, "", -12.5, True)
SEGMENTS = np.array([[0, 0, 2, 5, 6, 7, 8, 9, 0, 1], [1, 0, 1, 5, 6, 7, 8, 9, 1, 1]], np.float32)
CROPS = Crops(bytes(range(18)), 2, [2, 1], SEGMENTS.tobytes())
POSITION = {"c": "a", "x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0, "fontSize": 4, "source": "ocr"}

CASES = {
    "TEXT": (types.TEXT, ["", "two\nlines", "Ünï"]),
    "NULLABLE_TEXT": (types.NULLABLE_TEXT, [None, "stage code: message"]),
    "INTEGER": (types.INTEGER, [0, None, 2**31 - 1]),
    "BYTES": (types.BYTES, [b"", b"\x00\xff", None]),
    "CONFIDENCE": (types.CONFIDENCE, [[], [0.5], None]),
    "REGIONS": (types.REGIONS, [[], [REGION, REGION], None]),
    "LINES": (types.LINES, [[], [LINE], [Line("", 0, 1, 2, 3, 4, 5, 6)], None]),
    "CROPS": (types.CROPS, [CROPS, Crops(b"", 48, [], b""), None]),
    "POSITIONS": (types.POSITIONS, [[], [{"mapping": []}], [{"mapping": [POSITION]}]]),
    "IMAGE": (
        IMAGE,
        [Image("a.png", 0, 30, 20, GRAY, 300, 1, b"file", True), Image("b.jpg", 1, 30, 20, BGR, 0, 4), None],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_column_comes_back_from_parquet_as_it_went(name: str) -> None:
    column, values = CASES[name]
    file = io.BytesIO()
    pq.write_table(pa.table({"column": column.to_arrow(values)}), file)
    assert column.from_arrow(pq.read_table(file)["column"]) == values


@pytest.mark.parametrize("name", CASES)
def test_the_empty_value_of_a_column_can_be_stored(name: str) -> None:
    column, _ = CASES[name]
    empty = column.empty()
    assert column.from_arrow(pa.chunked_array([column.to_arrow([empty])])) == [empty]


def test_every_column_kind_has_a_case() -> None:
    kinds = {name for name, value in vars(types).items() if isinstance(value, types.Column)}
    assert kinds | {"IMAGE"} == set(CASES)


def test_pixels_and_files_read_from_disk_stay_out_of_arrow() -> None:
    image = Image("b.jpg", 0, 30, 20, BGR, 0, 1, b"read from b.jpg", False, np.zeros((20, 30, 3), np.uint8))
    struct = IMAGE.to_arrow([image]).to_pylist()[0]
    assert struct["data"] is None
    assert (struct["nChannels"], struct["mode"]) == (3, 5)


def test_crops_give_their_pictures() -> None:
    first, second = CROPS.pictures()
    assert first.tolist() == np.arange(12).reshape(2, 2, 3).tolist()
    assert second.tolist() == np.arange(12, 18).reshape(2, 1, 3).tolist()
    assert CROPS.segment_table().tolist() == SEGMENTS.tolist()


def test_crops_without_pictures() -> None:
    empty = Crops(b"", 48, [], b"")
    assert empty.pictures() == []
    assert empty.segment_table().shape == (0, 10)


def test_regions_and_boxes_are_each_others_inverse() -> None:
    some = boxes((10, 20, 30, 8, -12.5), (40, 50, 6, 7, 30))
    regions = regions_from_boxes(some, [0.5, 0.25], 3)
    assert regions[1] == Region(1, 3, 40, 50, 6, 7, 0.25, "", 30, True)
    assert boxes_from_regions(regions).tolist() == some.tolist()


def test_upright_regions_are_given_by_their_top_left_corner() -> None:
    region = Region(0, 0, 100, 50, 40, 20, 1, "", 0, False)
    assert boxes_from_regions([region]).tolist() == [[120, 60, 40, 20, 0]]


def test_no_regions_are_no_boxes() -> None:
    assert boxes_from_regions([]).shape == (0, 5)
    assert regions_from_boxes(np.zeros((0, 5), np.float32), [], 0) == []


def test_page_gives_columns_as_items_and_attributes() -> None:
    row = {"path": "a.png", "pagenum": 2, "text": "hi", "lines": [LINE], "text_regions": [REGION], "confidence": [0.5]}
    page = Page({**row, "exception": None, "extra": 7})
    assert (page.path, page.pagenum, page.text, page.confidence) == ("a.png", 2, "hi", 0.5)
    assert (page.lines, page.regions, page.exception) == ([LINE], [REGION], None)
    assert page["extra"] == 7
    assert set(page) == {*row, "exception", "extra"}
    assert len(page) == 8
    assert "2 characters" in repr(page)


def test_page_that_failed_has_nothing_to_give() -> None:
    page = Page({"path": "a.png", "pagenum": 0, "exception": "Stage code: why", "text": None, "confidence": []})
    assert (page.text, page.lines, page.regions, page.confidence) == ("", [], [], None)
    assert "Stage code: why" in repr(page)
