"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import serving
from starlette.testclient import TestClient


@pytest.fixture
def client() -> Iterator[TestClient]:
    with serving() as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path, page_png: bytes) -> Path:
    """Inputs of a job: three pictures, one of which cannot be read."""
    for name in ("a.png", "sub/b.png", "sub/c.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page_png)
    (tmp_path / "in" / "sub" / "c.png").write_bytes(b"no picture")
    return tmp_path / "in"
