"""Bytes to pictures."""

from __future__ import annotations

from pathlib import Path

from making import PICTURE, carried_out, encoded, worker

import raypipe as rp
from raypipe.stages.decode import ImageOpener


def test_binary_to_image_opens_bytes_and_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(PICTURE, "PNG"))
    rows = [
        {"path": str(tmp_path / "a.png"), "pagenum": 0, "content": None},
        {"path": "bytes-0", "pagenum": 0, "content": encoded(PICTURE, "PNG")},
        {"path": "bytes-1", "pagenum": 0, "content": b"no picture"},
    ]
    found = carried_out(worker(ImageOpener, rp.BinaryToImage(image_type="TYPE_3BYTE_BGR")), rows)
    assert [row["image"].pixels().shape for row in found[:2]] == [(20, 30, 3)] * 2
    assert found[2]["image"] is None
    assert found[2]["exception"].startswith("BinaryToImage image_unknown: bytes-1")
    assert not any("content" in row for row in found)


def test_binary_to_image_keeps_its_input_if_asked_and_takes_other_columns() -> None:
    spec = rp.BinaryToImage(
        input_col="b", origin_col="o", page_num_col="n", output_col="i", keep_input=True, image_type="TYPE_BYTE_GRAY"
    )
    (row,) = carried_out(worker(ImageOpener, spec), [{"o": "x", "n": 0, "b": encoded(PICTURE, "PNG")}])
    assert row["b"]
    assert row["i"].pixels().ndim == 2


def test_binary_to_image_applies_its_limits() -> None:
    row = {"path": "x", "pagenum": 0, "content": encoded(PICTURE, "PNG")}
    for spec in (rp.BinaryToImage(max_bytes=10), rp.BinaryToImage(max_megapixels=0.0005)):
        (found,) = carried_out(worker(ImageOpener, spec), [dict(row)])
        assert "image_too_large" in found["exception"]
