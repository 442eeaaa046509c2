from __future__ import annotations

import pyarrow as pa

from raypipe.columns import CONFIDENCE, INTEGER, TEXT
from raypipe.rows import from_table, others, schema, to_table

COLUMNS = {"path": TEXT, "pagenum": INTEGER, "confidence": CONFIDENCE}


def test_rows_come_back_from_a_table() -> None:
    rows = [{"path": "a", "pagenum": 0, "confidence": [0.5]}, {"path": "b", "pagenum": 1, "confidence": []}]
    table = to_table(rows, COLUMNS)
    assert table.schema == schema(COLUMNS)
    assert from_table(table, COLUMNS) == rows


def test_a_missing_column_is_null_and_an_unknown_one_stays_out() -> None:
    table = to_table([{"path": "a", "cached": object()}], COLUMNS)
    assert table.to_pylist() == [{"path": "a", "pagenum": None, "confidence": None}]


def test_columns_of_others_are_left_to_them() -> None:
    table = pa.table({"path": ["a"], "label": ["x"], "rank": [3]})
    assert from_table(table, COLUMNS) == [{"path": "a"}]
    assert others(table, COLUMNS).column_names == ["label", "rank"]


def test_no_rows_have_a_schema() -> None:
    assert to_table([], COLUMNS).schema == schema(COLUMNS)
    assert from_table(to_table([], COLUMNS), COLUMNS) == []
