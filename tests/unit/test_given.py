"""Columns that come with a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import (
    PICTURE,
    Reader,
    serving,
)

from raypipe.columns import REGIONS, given

REGION = {"x": 10, "y": 20, "width": 30.5, "height": 8}


def with_regions(value: str | None, files: int = 1) -> tuple[Reader, Any]:
    reader = Reader()
    reader.needs = {"text_regions": given("text_regions", REGIONS)}
    form = {} if value is None else {"text_regions": value}
    with serving(reader) as http:
        return reader, http.post("/v1/ocr", data=form, files=[("file", ("a.png", PICTURE))] * files)


def test_columns_that_come_with_a_request_reach_the_reader() -> None:
    reader, answer = with_regions(json.dumps([REGION]))
    assert answer.status_code == 200
    (region,) = REGIONS.decode(reader.rows[0]["text_regions"])
    assert (region.x, region.width, region.angle, region.rotated) == (10, 30.5, 0, False)


@pytest.mark.parametrize(
    ("value", "code", "word"),
    [
        (None, "column_missing", "text_regions"),
        ("[", "column_invalid", "text_regions"),
        ('"words"', "column_invalid", "text_regions"),
        ('[{"x": 1}]', "column_invalid", "width"),
        ('[{"x": "1", "y": 1, "width": 1, "height": 1}]', "column_invalid", "text_regions"),
        ('[{"x": NaN, "y": 1, "width": 1, "height": 1}]', "column_invalid", "NaN"),
        ('[{"x": 1e30, "y": 1, "width": 1, "height": 1}]', "column_invalid", "1,000,000"),
        ('[{"x": 1, "y": 1, "width": 1, "height": 1, "path": "/etc"}]', "column_invalid", "path"),
        (json.dumps([REGION] * 10_001), "column_invalid", "10,000"),
        ("[" * 100_000, "column_invalid", "text_regions"),
    ],
)
def test_columns_that_are_missing_or_wrong_are_refused(value: str | None, code: str, word: str) -> None:
    reader, answer = with_regions(value)
    assert (answer.status_code, answer.json()["code"], reader.rows) == (422, code, [])
    assert word in answer.json()["detail"]


def test_columns_belong_to_one_file() -> None:
    assert with_regions(json.dumps([REGION]), files=2)[1].json()["code"] == "too_many_files"
