from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from making import a_line, a_region, a_word, image_of, white

from raypipe import columns
from raypipe.columns import arrow_of, roles_of
from raypipe.images.image import GRAY, IMAGE
from raypipe.types import Alternative, Character, Crops, Line, PageMatrix, Region

WORD = a_word("Ünï &<", 0.5, 10, 20, 30.5, 8, -2.25)
LINE = a_line("Ünï &< x", 0.75, 15, 20, 40, 8, -2.25, row=3, words=[WORD, a_word("x", 1, 30, 20, 4, 8, 0)])
OPEN = replace(LINE, words=[replace(WORD, alternatives=[Alternative(text="Uni", confidence=0.25)]), *LINE.words[1:]])
REGION = a_region(1.5, 2.5, 30, 10, -12.5, page=2, score=0.875)
SEGMENTS = np.array([[0, 0, 2, 5, 6, 7, 8, 9, 0, 1], [1, 0, 1, 5, 6, 7, 8, 9, 1, 1]], np.float32)
CROPS = Crops(
    pixels=bytes(range(18)), height=2, widths=[2, 1], segments=SEGMENTS.tobytes(), dividers=SEGMENTS[0, :5].tobytes()
)
CHARACTER = Character(c="a", x=1.0, y=2.0, width=3.0, height=4.0, fontSize=4, source="ocr")

CASES = {
    "TEXT": (columns.TEXT, ["", "two\nlines", "Ünï"]),
    "RECOGNIZED": (columns.RECOGNIZED, ["", "two\nlines", "Ünï"]),
    "OVERLAY": (columns.OVERLAY, [None, "overlays/a.png.jpeg"]),
    "PICTURE": (columns.PICTURE, [b"\x89PNG", None]),
    "NULLABLE_TEXT": (columns.NULLABLE_TEXT, [None, "stage code: message"]),
    "LANGUAGE": (columns.LANGUAGE, ["en", None]),
    "TURNED": (columns.TURNED, [0, None, 270]),
    "INTEGER": (columns.INTEGER, [0, None, 2**31 - 1]),
    "FLOAT": (columns.FLOAT, [0.5, None]),
    "BYTES": (columns.BYTES, [b"", b"\x00\xff", None]),
    "CONFIDENCE": (columns.CONFIDENCE, [[], [0.5], None]),
    "REGIONS": (columns.REGIONS, [[], [REGION, REGION], None]),
    "LINES": (columns.LINES, [[], [LINE], [a_line("", 0, 1, 2, 3, 4, 5)], None]),
    "LINES_WITH_ALTERNATIVES": (columns.LINES_WITH_ALTERNATIVES, [[], [LINE], [OPEN], None]),
    "CROPS": (columns.CROPS, [CROPS, Crops(pixels=b"", height=48, widths=[], segments=b""), None]),
    "POSITIONS": (columns.POSITIONS, [[], [PageMatrix(mapping=[])], [PageMatrix(mapping=[CHARACTER])]]),
    "IMAGE": (
        IMAGE,
        [
            replace(image_of(white(20, 30)), origin="a.png", mode=GRAY, resolution=300, data=b"file"),
            replace(image_of(white(20, 30)), page=1, reduction=4, data=None, in_memory=False),
            None,
        ],
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
    kinds = {name for name, value in vars(columns).items() if isinstance(value, columns.Column)}
    assert kinds | {"IMAGE"} == set(CASES)


def test_the_structs_are_those_of_visual_nlp() -> None:
    box = [(name, pa.float32()) for name in ("x", "y", "width", "height")]
    region = [("index", pa.int32()), ("page", pa.int32()), *box, ("score", pa.float32()), ("label", pa.string())]
    assert arrow_of(Region) == pa.struct([*region, ("angle", pa.float32()), ("rotated", pa.bool_())])
    character = pa.struct([("c", pa.string()), *box, ("fontSize", pa.int32()), ("source", pa.string())])
    assert columns.POSITIONS.arrow == pa.list_(pa.struct([("mapping", pa.list_(character))]))


def test_a_line_holds_words_that_are_stored_as_it_is() -> None:
    word = [("text", pa.string()), ("confidence", pa.float32())]
    word += [(name, pa.float32()) for name in ("x", "y", "width", "height", "angle")]
    line = pa.struct([*word, ("row", pa.int32()), ("words", pa.list_(pa.struct(word)))])
    assert columns.LINES.arrow == pa.list_(line) == pa.list_(arrow_of(Line, columns.UNLESS_ASKED_FOR))


def test_a_field_that_arrow_has_no_type_for_is_an_error() -> None:
    with pytest.raises(KeyError):
        arrow_of(complex)


def test_pixels_and_files_read_from_disk_stay_out_of_arrow() -> None:
    image = replace(image_of(white(20, 30)), data=b"read from its file", in_memory=False)
    struct = IMAGE.to_arrow([image]).to_pylist()[0]
    assert struct["data"] is None
    assert (struct["nChannels"], struct["mode"]) == (3, 5)


def test_roles_are_played_whatever_the_columns_are_called() -> None:
    """Of two that play a role the last does, the other is carried like any that is simple enough for JSON."""
    scores = columns.Column(pa.list_(pa.struct([("name", pa.string()), ("score", pa.float64())])))
    found = roles_of(
        {
            "ocr": columns.RECOGNIZED,
            "rows": columns.LINES,
            "better": columns.RECOGNIZED,
            "language": columns.TEXT,
            "scores": scores,
            "thumbnail": columns.BYTES,
            "crops": columns.CROPS,
        }
    )
    assert found.columns == {"text": "better", "lines": "rows"}
    assert found.further == ("ocr", "language", "scores")


def test_a_column_that_is_replaced_hands_on_its_role() -> None:
    assert columns.TEXT.in_place_of(columns.RECOGNIZED).role == "text"
    assert columns.LINES.in_place_of(columns.RECOGNIZED).role == "lines"
    assert columns.TEXT.in_place_of(None).role is None
