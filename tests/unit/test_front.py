"""What clients see of Serve's own answers."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from raypipe.web.edge import OURS
from raypipe.web.front import Front, middlewares
from raypipe.web.leaving import PART_BYTES
from raypipe.web.settings import ServerSettings


def answered(response: Response, path: str = "/v1/ocr", **headers: str) -> Any:
    """The answer to a request that the router behind the middleware answers with `response`."""
    app: Any = response
    for middleware in middlewares():
        app = middleware.cls(app, *middleware.args, **middleware.kwargs)
    return TestClient(app).post(path, headers=headers)


@pytest.mark.parametrize(
    ("status", "seen", "code"),
    [
        (404, 503, "not_serving"),
        (500, 503, "ingress_died"),
        (503, 503, "not_serving"),
        (429, 429, "overloaded"),
    ],
)
def test_serves_own_errors_are_problems_to_try_again(status: int, seen: int, code: str) -> None:
    answer = answered(PlainTextResponse("Internal Server Error", status), **{"X-Request-ID": "mine"})
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (seen, code, "2")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "mine"


def test_serve_says_when_there_is_room_again() -> None:
    answer = answered(PlainTextResponse("Too many", 429, {"Retry-After": "30"}))
    assert answer.headers["retry-after"] == "30" and "in 30 seconds" in answer.json()["detail"]


def test_a_client_that_does_not_take_its_answer_counts_as_one_that_has_left() -> None:
    """Serve kept the rest of the answer for it."""
    seen = []

    async def router(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        seen.append(await receive())

    async def never(*_: Any) -> Any:
        await asyncio.Event().wait()

    front = Front(router, ServerSettings(request_seconds=0.05))
    asyncio.run(front({"type": "http", "path": "/v1/ocr", "headers": []}, never, never))
    assert seen == [{"type": "http.disconnect"}]


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
def test_an_answer_passes_in_parts(size: int) -> None:
    assert answered(PlainTextResponse(body := random.Random(1).randbytes(size))).content == body


def test_no_more_is_handed_on_than_a_client_takes() -> None:
    """Its server took an answer whole, and kept it as long as the client liked."""
    sent = []

    async def send(message: Any) -> None:
        sent.append(len(message.get("body", b"")))
        if sum(sent):
            await asyncio.Event().wait()

    front = Front(PlainTextResponse(bytes(10 * PART_BYTES)), ServerSettings(request_seconds=0.05))
    asyncio.run(front({"type": "http", "path": "/v1/ocr", "headers": []}, asyncio.Event().wait, send))  # type: ignore[arg-type]
    assert sent == [0, PART_BYTES]


def test_what_asks_for_no_path_is_told_so() -> None:
    async def router(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("Path '*' not found", 404)({**scope, "path": "*"}, receive, send)

    async def of_no_path(scope: Any, receive: Any, send: Any) -> None:
        await Front(router, ServerSettings())({**scope, "path": "*"}, receive, send)

    answer = TestClient(of_no_path).options("/")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_path")
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


def test_no_answer_at_all_is_a_problem_to_try_again() -> None:
    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        """What Serve's router sends when the process that was to answer dies."""

    answer = answered(nothing)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (503, "ingress_died")


def test_what_an_application_answers_passes() -> None:
    for status in (200, 404, 500, 503):
        assert answered(PlainTextResponse("ours", status, {OURS: "nosniff"})).text == "ours"
    assert answered(PlainTextResponse("served")).text == "served"
    assert answered(PlainTextResponse("unhealthy", 503), "/-/healthz").text == "unhealthy"


def test_the_router_sees_a_harmless_id() -> None:
    async def router(scope: Any, receive: Any, send: Any) -> None:
        headers = [value.decode() for name, value in scope["headers"] if name == b"x-request-id"]
        await PlainTextResponse(json.dumps(headers))(scope, receive, send)

    ids = [answered(router, **given).json() for given in ({}, {"X-Request-ID": "a b"}, {"X-Request-ID": "mine"})]  # type: ignore[arg-type]
    assert [len(each) for each in ids] == [1, 1, 1] and len(ids[0][0]) == len(ids[1][0]) == 32
    assert ids[2] == ["mine"]
