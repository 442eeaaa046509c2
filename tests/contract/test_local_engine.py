"""The local engine reads several pages at once as it reads each alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn import page

import raypipe as rp
from raypipe.inputs.pages import documents, page_rows
from raypipe.metrics import Metrics
from raypipe.run import local
from raypipe.types import Row

PIPELINE = rp.Pipeline([rp.BinaryToImage(), rp.ImageTextDetector(use_gpu=False, width=480)])


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    """Ten page rows, each page with its own number of lines; one is broken."""
    for n in range(10):
        page(["a line of it"] * (n % 4), (400, 400)).save(tmp_path / f"{n:02}.png")
    (tmp_path / "07.png").write_bytes(b"no picture")
    return list(page_rows(documents(tmp_path)))


def test_pages_that_are_read_at_once_come_in_order_and_as_if_read_alone(rows: list[Row]) -> None:
    metrics = Metrics()
    alone = [row for batch in local.finished(PIPELINE.graph, [dict(r) for r in rows], 3, 1, Metrics()) for row in batch]
    together = [
        row for batch in local.finished(PIPELINE.graph, [dict(r) for r in rows], 3, 4, metrics) for row in batch
    ]
    assert [row["path"] for row in together] == [row["path"] for row in rows]
    for one, other in zip(alone, together, strict=True):
        assert one["exception"] == other["exception"]
        assert one["text_regions"] == other["text_regions"]
    assert [bool(row["exception"]) for row in together] == [n == 7 for n in range(10)]
    assert metrics.drain()["regions_total"] == sum(len(row["text_regions"]) for row in together) > 0
