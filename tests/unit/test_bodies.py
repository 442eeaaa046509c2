"""Bodies that are compressed, too large, or too slow."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from asking import (
    PICTURE,
    Reader,
    Slow,
    assert_problem,
    serving,
)
from starlette.testclient import TestClient

from raypipe.web import bodies
from raypipe.web.app import create
from raypipe.web.settings import ServerSettings


def test_compressed_bodies_are_refused(client: TestClient) -> None:
    response = client.post("/v1/ocr", content=b"bomb", headers={"Content-Encoding": "gzip"})
    assert_problem(response, 415, "body_compressed")


def test_too_large() -> None:
    with serving(max_body_bytes=10) as client:
        assert client.post("/v1/ocr", content=b"0123456789").status_code == 200
        assert_problem(client.post("/v1/ocr", content=b"0123456789a"), 413, "body_too_large")
        assert_problem(client.post("/v1/ocr", content=iter([b"0123456789", b"a"])), 413, "body_too_large")


def test_a_body_that_does_not_arrive() -> None:
    app = create(Reader(), ServerSettings(body_seconds=0.05))
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/ocr",
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
    }
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 408 and json.loads(sent[1]["body"])["code"] == "body_too_slow"


def test_slow_bodies_are_bounded_and_stall_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        app = create(Reader(), ServerSettings(max_uploads=5, max_uploads_per_client=3, min_upload_rate=1))
        slow = [Slow(app, f"10.0.0.{number // 4}") for number in range(8)]
        while len(refused := [each for each in slow if each.answer.done()]) < 3:
            await asyncio.sleep(0.01)
        assert [await each.problem() for each in refused] == [(429, "too_many_uploads")] * 3
        patient, others = ([each for each in some if each not in refused] for some in (slow[:4], slow[4:]))
        assert {len(patient), len(others)} == {2, 3}, "three of one client, and five of all"
        assert dict(refused[0].sent[0]["headers"])[b"retry-after"] == b"2"
        good = Slow(app, "10.0.0.0")
        for chunk in (PICTURE, b""):
            good.chunks.put_nowait(chunk)
        await asyncio.wait_for(good.answer, 10)
        assert good.sent[0]["status"] == 200 and not patient[0].answer.done(), "a quick body is not counted"
        for chunk in (PICTURE, b""):
            patient[0].chunks.put_nowait(chunk)
        await asyncio.wait_for(patient[0].answer, 10)
        assert patient[0].sent[0]["status"] == 200
        later = Slow(app, "10.0.0.0")
        await asyncio.sleep(0.05)
        assert not later.answer.done(), "its place was given back"
        for each in (later, *slow):
            each.answer.cancel()

    monkeypatch.setattr(bodies, "QUICK_SECONDS", 0.02)
    asyncio.run(main())


def test_a_body_is_not_slow_because_the_server_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose other uploads take all it may have, and one that is here when the server gets round to it."""

    async def main() -> None:
        app = create(Reader(), ServerSettings(max_uploads_per_client=1, min_upload_rate=1))
        slow, good = Slow(app, "10.0.0.1"), Slow(app, "10.0.0.1")
        while app.under_way != 2:
            await asyncio.sleep(0)
        for chunk in (PICTURE[:10], PICTURE[10:], b""):
            good.chunks.put_nowait(chunk)
        time.sleep(2 * bodies.QUICK_SECONDS)  # The server is busy with something else.
        await asyncio.wait_for(good.answer, 10)
        assert good.sent[0]["status"] == 200
        slow.answer.cancel()

    monkeypatch.setattr(bodies, "QUICK_SECONDS", 0.05)
    asyncio.run(main())


def test_bodies_must_come_at_a_least_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        app = create(Reader(), ServerSettings(min_upload_rate=1000))
        dripping, steady = Slow(app), Slow(app)
        while not dripping.answer.done():
            dripping.chunks.put_nowait(b"x")
            steady.chunks.put_nowait(bytes(100))
            await asyncio.sleep(0.02)
        assert await dripping.problem() == (408, "body_too_slow") and not steady.answer.done()
        steady.answer.cancel()

    monkeypatch.setattr(bodies, "FIRST_SECONDS", 0.1)
    asyncio.run(main())


def test_bodies_under_way_take_bounded_memory() -> None:
    async def main() -> None:
        app = create(Reader(), ServerSettings(max_uploads_bytes=1000))
        first, second = Slow(app), Slow(app, "10.0.0.2")
        for each in (first, second):
            each.chunks.put_nowait(bytes(600))
        await asyncio.wait((first.answer, second.answer), return_when=asyncio.FIRST_COMPLETED)
        held, refused = (first, second) if second.answer.done() else (second, first)
        assert await refused.problem() == (429, "too_many_uploads")
        held.chunks.put_nowait(b"")
        await asyncio.wait_for(held.answer, 10)
        assert held.sent[0]["status"] == 200

    asyncio.run(main())
