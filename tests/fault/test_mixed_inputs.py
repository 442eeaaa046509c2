"""Good and bad files of many kinds from a folder, a bucket and a list: each is accounted for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import hostile
import jobs
import pytest
from pipelines import Decoder
from store import Bucket

import raypipe as rp
from raypipe.files.paths import split_options

PIPELINE = rp.Pipeline([rp.BinaryToImage(), Decoder()])
COUNT = 80


@pytest.fixture
def bad(tmp_path: Path) -> set[str]:
    return hostile.write(tmp_path / "in", COUNT, len(hostile.BAD))


def check(output: Any, bad: set[str], failed: int) -> None:
    pages = jobs.pages(output, PIPELINE)
    rows = Counter((page.path, page.pagenum) for page in pages)
    names = {PurePosixPath(split_options(page.path)[0]).name: page for page in pages}
    assert set(rows.values()) == {1} and len(names) == COUNT
    assert {name for name, page in names.items() if page.exception} == bad
    assert failed == len(bad)
    reasons = [page.exception for page in pages if page.exception]
    assert all(PurePosixPath(page.path).name in str(page.exception) for page in pages if page.exception), reasons
    assert not [reason for reason in reasons if "worker_died" in reason or "page_failed" in reason]


@pytest.mark.parametrize(
    ("place", "engine"),
    [
        ("folder", "local"),
        pytest.param("list", "local", marks=pytest.mark.slow),
        pytest.param("folder", "ray", marks=pytest.mark.slow),
    ],
)
def test_bad_files_become_rows_and_the_others_are_read(
    place: str, engine: str, bad: set[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if engine == "ray":
        request.getfixturevalue("ray_cluster")
    sources: Any = tmp_path / "in" if place == "folder" else sorted((tmp_path / "in").iterdir())
    summary = jobs.run(sources, tmp_path / "out", PIPELINE, engine=engine)
    check(tmp_path / "out", bad, summary.outcome.failed.total())


@pytest.mark.slow
def test_bad_files_of_a_bucket_become_rows(bad: set[str], tmp_path: Path, bucket: Bucket) -> None:
    for file in (tmp_path / "in").iterdir():
        bucket.put(f"in/{file.name}", file.read_bytes())
    summary = jobs.run(bucket.uri("in"), tmp_path / "out", PIPELINE)
    check(tmp_path / "out", bad, summary.outcome.failed.total())
