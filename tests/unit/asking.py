"""A server without Ray or models, requests to it, and what its problems look like."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from making import a_line, a_word, encoded, white
from starlette.testclient import TestClient

from raypipe.columns import Column
from raypipe.images.image import Image, Limits, open_image
from raypipe.metrics import Visit
from raypipe.types import PageRecord, Row
from raypipe.web.app import create
from raypipe.web.reading import ReadPage
from raypipe.web.schema import STATUSES
from raypipe.web.settings import ServerSettings

PICTURE = b"picture"
LOCKED, SECRET = b"bad pdf_locked", "a secret word"
TIFF = b"II*\0 of three pages"
LEISURELY = b"II*\0 of three pages that take their time"
UNCOUNTABLE = b"II*\0 without end"
WORD = a_word("Dear", 0.97531, 20.123, 10, 40, 20, 0.5)
LINE = a_line("Dear", 0.97531, 20.123, 10, 40, 20, 0.5, words=[WORD])
VISIT = Visit("Op", 0.02, 1, {"Some": 0.1}, {"lines": 1})
SCAN = open_image(encoded(white(100, 200), "PNG"), "upload", 0, False, Limits(10**6, 1, 1))
DRAWN = b"\x89PNG drawn"


class Reader:
    """Reads nothing: answers by what the bytes say."""

    at_once, room = 1, 8
    overlays = ("png",)
    needs: dict[str, Column] = {}
    picture: Image | None = SCAN

    def __init__(self) -> None:
        self.models = [{"name": "some_reader", "task": "recognition"}]
        self.running = self.most_running = self.cancelled = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self.rows: list[Row] = []

    async def count(self, content: bytes) -> int:
        if content == UNCOUNTABLE:
            await asyncio.sleep(60)
        return 3

    async def unlocked(self, content: bytes, password: str) -> bytes:
        return PICTURE if (content, password) == (LOCKED, SECRET) else content

    async def ready(self) -> dict[str, float]:
        await self.hold.wait()
        return {"Stage": 0.5}

    async def read(self, row: Row, overlay: str) -> ReadPage:
        self.rows.append(row)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(0)
            if row["content"] == b"slow":
                await asyncio.sleep(60)
            if row["content"] == LEISURELY:
                await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        if row["content"] == b"bug":
            raise ValueError("the secret of the page")
        if row["content"].startswith(b"bad "):
            code = row["content"].split()[1].decode()
            return ReadPage(
                PageRecord({**row, "exception": f"SomeStage {code}: it is no good. Mend it."}),
                [replace(VISIT, counts={})],
            )
        done = {
            **{name: row[name] for name in ("path", "name", "pagenum", "total_pages", "exception")},
            "width": 200,
            "height": 100,
            "text": f"Dear page {row['pagenum']}",
            "image": self.picture,
            "lines": [LINE],
            "confidence": [0.97531],
        }
        if overlay != "none":
            done["image_with_regions"] = DRAWN
        return ReadPage(PageRecord(done), [VISIT])


@contextmanager
def serving(reader: Reader | None = None, **settings: Any) -> Iterator[TestClient]:
    with TestClient(create(reader or Reader(), ServerSettings(**settings)), raise_server_exceptions=False) as client:
        yield client


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert status in STATUSES, "the documentation does not name it"
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:raypipe:problem:{code}" and problem["title"] and problem["detail"]
    assert problem["request_id"]
    return problem


class Slow:
    """A request whose body comes when the test says so."""

    def __init__(self, app: Any, client: str = "10.0.0.1", path: str = "/v1/ocr", query: bytes = b"") -> None:
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self.sent: list[Any] = []
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": query,
            "headers": [],
            "http_version": "1.1",
        }
        self.answer = asyncio.create_task(app({**scope, "client": (client, 1)}, self.receive, self.send))

    async def receive(self) -> dict[str, Any]:
        chunk = await self.chunks.get()
        return {"type": "http.request", "body": chunk, "more_body": bool(chunk)}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def problem(self) -> tuple[int, str]:
        await asyncio.wait_for(self.answer, 10)
        return self.sent[0]["status"], json.loads(self.sent[1]["body"]).get("code", "")
