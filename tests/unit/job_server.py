"""A server of jobs without models, and how tests ask it."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from PIL import Image
from starlette.testclient import TestClient

from raypipe import presets
from raypipe.columns import Column
from raypipe.metrics import Visit
from raypipe.pipeline import Pipeline
from raypipe.types import PageRecord, Row
from raypipe.web.app import create
from raypipe.web.reading import ReadPage
from raypipe.web.settings import JobSettings, ServerSettings, digest
from raypipe.web_jobs.manager import JobManagerFactory

ANNA, BERT = {"Authorization": "Bearer anna"}, {"Authorization": "Bearer bert"}
KEYS = (digest("anna"), digest("bert"))
PIPELINE = presets.standard()


class Reader:
    """Reads as many pages as it may, and notes which."""

    overlays = ()
    needs: dict[str, Column] = {}
    models: list[dict[str, str]] = []

    def __init__(self, most: int = 1000, at_once: int = 2) -> None:
        self.most, self.at_once, self.room, self.pages = most, at_once, 8, Counter[tuple[str, int]]()
        self.may = threading.Event()
        self.may.set()

    async def count(self, content: bytes) -> int:
        return getattr(Image.open(io.BytesIO(content)), "n_frames", 1)

    async def ready(self) -> dict[str, float]:
        return {}

    async def read(self, row: Row, overlay: str) -> ReadPage:
        while not self.may.is_set() or self.pages.total() >= self.most:
            await asyncio.sleep(0.002)
        self.pages[row["path"], row["pagenum"]] += 1
        done = {name: row[name] for name in ("path", "name", "pagenum", "total_pages", "exception")}
        if row["content"] == b"worn":
            done["warning"] = f"{row['path']} lacks letters."
        if row["content"] == b"broken":
            done["exception"] = f"SomeStage image_unknown: {row['path']} is no picture."
        return ReadPage(
            PageRecord({**done, "text": f"page {row['pagenum']}", "lines": []}), [Visit("Op", 0, 1, {}, {})]
        )


@contextmanager
def serving(
    folder: Path,
    reader: Reader,
    settings: dict[str, Any] | None = None,
    pipeline: Pipeline = PIPELINE,
    **jobs: Any,
) -> Iterator[TestClient]:
    made = JobManagerFactory(pipeline, JobSettings(jobs=folder, **jobs), folder)
    with TestClient(create(reader, ServerSettings(**settings or {}), jobs_for=made)) as client:
        yield client


def place_of(begun: Any) -> str:
    """Where a job is, from the answer that began it: relative to the path that was asked for."""
    return urljoin("/v1/jobs", begun.headers["Location"])


def until(true: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def finished(client: TestClient, place: str, **headers: Any) -> Any:
    def ended() -> Any:
        answer = client.get(place, **headers).json()
        return answer if answer["state"] in ("done", "failed") else None

    return until(ended)
