"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asking import serving
from starlette.testclient import TestClient


@pytest.fixture
def client() -> Iterator[TestClient]:
    with serving() as client:
        yield client
