"""Fixtures of the unit tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import serving
from starlette.testclient import TestClient


@pytest.fixture
def client() -> Iterator[TestClient]:
    with serving() as client:
        yield client


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate, self-made for localhost, and its key in one file."""
    folder = tmp_path_factory.mktemp("tls")
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    try:
        subprocess.run([*new, *named, "-keyout", "key", "-out", "cert"], cwd=folder, check=True, capture_output=True)
    except OSError:
        pytest.skip("openssl is not installed")
    (folder / "both").write_text((folder / "cert").read_text() + (folder / "key").read_text())
    return folder / "both"


@pytest.fixture
def folder(tmp_path: Path, page_png: bytes) -> Path:
    """Inputs of a job: three pictures, one of which cannot be read."""
    for name in ("a.png", "sub/b.png", "sub/c.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page_png)
    (tmp_path / "in" / "sub" / "c.png").write_bytes(b"no picture")
    return tmp_path / "in"
