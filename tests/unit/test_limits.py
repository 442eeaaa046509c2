"""How many requests there may be at once, and how many pages a minute."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from asking import (
    PICTURE,
    TIFF,
    Reader,
    Slow,
    assert_problem,
    serving,
)

from raypipe.web.app import create
from raypipe.web.limits import Admission
from raypipe.web.problems import ProblemError
from raypipe.web.settings import ServerSettings, digest


def test_a_request_without_a_place_is_refused_before_its_body_is_read() -> None:
    async def main() -> None:
        reader = Reader()
        app = create(reader, ServerSettings(max_requests=1))
        running = Slow(app)
        for chunk in (b"slow", b""):
            running.chunks.put_nowait(chunk)
        while not reader.running:
            await asyncio.sleep(0.01)
        for path in ("/v1/ocr", "/invocations"):
            assert await Slow(app, path=path).problem() == (429, "overloaded")
        running.answer.cancel()

    asyncio.run(main())


def test_no_place_is_a_429_and_places_come_back() -> None:
    async def main() -> None:
        import httpx2

        reader = Reader()
        app = create(reader, ServerSettings(max_requests=4))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://server") as client:
            slow = [asyncio.create_task(client.post("/v1/ocr", content=b"slow")) for _ in range(2)]
            while reader.running < 2:
                await asyncio.sleep(0.01)
            for path in ("/v1/ocr", "/v1/ocr?output_format=ndjson", "/invocations"):
                refused = await client.post(path, content=PICTURE)
                assert_problem(refused, 429, "too_many_requests")
                assert refused.headers["retry-after"] == "2"
            for each in slow:
                each.cancel()
            await asyncio.wait(slow)
            assert reader.cancelled == 2
            assert (await client.post("/v1/ocr", content=PICTURE)).status_code == 200

    asyncio.run(main())


def test_a_request_that_takes_too_long_gives_its_place_back() -> None:
    async def main() -> None:
        import httpx2

        reader = Reader()
        app = create(reader, ServerSettings(max_requests=1, request_seconds=0.05))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://server") as client:
            assert_problem(await client.post("/v1/ocr", content=b"slow"), 504, "too_slow")
            assert reader.cancelled == 1
            assert_problem(await client.post("/v1/ocr", content=b"slow"), 504, "too_slow")

    asyncio.run(main())


def test_a_client_has_no_more_than_its_places() -> None:
    admission = Admission(3, 2, 5)
    with admission.place("a"), admission.place("a"):
        with pytest.raises(ProblemError, match="You have 2 requests"), admission.place("a"):
            pass
        with admission.place("b"), pytest.raises(ProblemError, match="has 3 places"):
            admission.check("c")
    admission.check("a")
    assert admission.taken == 0


def test_a_client_leaves_as_many_places_as_it_has() -> None:
    admission = Admission(6, 0, 5)
    with ExitStack() as places:
        for _ in range(3):
            places.enter_context(admission.place("flood"))
        with pytest.raises(ProblemError, match="You have 3 requests"):
            admission.check("flood")
        places.enter_context(admission.place("other"))
        with pytest.raises(ProblemError, match="You have 3 requests"):
            admission.check("flood")
        places.enter_context(admission.place("third"))
        with pytest.raises(ProblemError, match="You have 1 request under way"):
            admission.check("other")
        places.enter_context(admission.place("fourth"))
        with pytest.raises(ProblemError, match="has 6 places"):
            admission.check("fifth")
    assert admission.taken == 0


def test_each_key_may_send_its_pages_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("raypipe.web.limits.time.monotonic", lambda: now)
    keys = {"key_digests": (digest("a"), digest("b"))}
    with serving(pages_per_minute=6, **keys) as client:
        sent = {name: {"Authorization": f"Bearer {name}"} for name in "ab"}
        assert client.post("/v1/ocr", content=TIFF, headers=sent["a"]).status_code == 200
        assert client.post("/v1/ocr", content=TIFF, headers=sent["a"]).status_code == 200
        for path in ("/v1/ocr", "/v1/ocr?output_format=ndjson", "/invocations"):
            refused = client.post(path, content=PICTURE, headers=sent["a"])
            assert_problem(refused, 429, "quota_used")
        assert 1 <= int(refused.headers["Retry-After"]) <= 10
        assert client.post("/v1/ocr", content=PICTURE, headers=sent["b"]).status_code == 200
        now += 10
        assert client.post("/v1/ocr", content=PICTURE, headers=sent["a"]).status_code == 200
        assert_problem(client.post("/v1/ocr", content=PICTURE, headers=sent["a"]), 429, "quota_used")
