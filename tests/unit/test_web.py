"""The HTTP side without Ray or models: what it accepts, refuses and answers."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from making import a_line, a_word, encoded, white
from starlette.testclient import TestClient

from raypipe.columns import REGIONS, Column, given
from raypipe.images.image import Image, Limits, open_image
from raypipe.metrics import Visit
from raypipe.types import Page, Row
from raypipe.web import bodies, service
from raypipe.web.app import create
from raypipe.web.edge import HEALTH_PATHS
from raypipe.web.limits import Admission, Deadline
from raypipe.web.options import Options, negotiate
from raypipe.web.problems import ProblemError, of_page
from raypipe.web.reading import Read, in_order
from raypipe.web.settings import ServerSettings, digest, read_keys
from raypipe.web.uploads import clean_name

PICTURE = b"picture"
LOCKED, SECRET = b"bad pdf_locked", "a secret word"
TIFF = b"II of three pages"
LEISURELY = b"II of three pages that take their time"
UNCOUNTABLE = b"II without end"
ONE_FIELD = b'--x\r\nContent-Disposition: form-data; name="pages"\r\n\r\n1\r\n--x--\r\n'
WORD = a_word("Dear", 0.97531, 20.123, 10, 40, 20, 0.5)
LINE = a_line("Dear", 0.97531, 20.123, 10, 40, 20, 0.5, words=[WORD])
VISIT = Visit("Op", 0.02, 1, {"Some": 0.1}, {"lines": 1})
SCAN = open_image(encoded(white(100, 200), "PNG"), "upload", 0, False, Limits(10**6, 1, 1))
DRAWN = b"\x89PNG drawn"
STATIC = sorted(path.name for path in (Path(service.__file__).parent / "static").iterdir())


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

    async def read(self, row: Row, overlay: str) -> Read:
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
            return Read(
                Page({**row, "exception": f"SomeStage {code}: it is no good. Mend it."}), [replace(VISIT, counts={})]
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
        return Read(Page(done), [VISIT])


@contextmanager
def serving(reader: Reader | None = None, **settings: Any) -> Iterator[TestClient]:
    with TestClient(create(reader or Reader(), ServerSettings(**settings)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client() -> Iterator[TestClient]:
    with serving() as client:
        yield client


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:raypipe:problem:{code}" and problem["title"] and problem["detail"]
    assert problem["request_id"]
    return problem


def test_json(client: TestClient) -> None:
    answer = client.post("/v1/ocr", content=PICTURE, headers={"X-Request-ID": "mine-1"}).json()
    assert answer["request_id"] == "mine-1" and answer["models"][0]["name"] == "some_reader"
    assert answer["timings"]["Some"] == 0.1 and answer["timings"]["queue"] == 0.02 and answer["timings"]["total"] > 0
    (page,) = answer["pages"]
    word = {"text": "Dear", "confidence": 0.9753, "x": 20.12, "y": 10, "width": 40, "height": 20, "angle": 0.5}
    assert page == {
        "name": "upload",
        "pagenum": 0,
        "total_pages": 1,
        "width": 200,
        "height": 100,
        "turned": 0,
        "text": "Dear page 0",
        "confidence": 0.9753,
        "lines": [{**word, "row": 0, "words": [word]}],
        "exception": None,
        "failure": None,
    }


def test_confidences_can_be_left_out(client: TestClient) -> None:
    assert "confidence" not in client.post("/v1/ocr?include_confidence=false", content=PICTURE).text
    assert "x_wconf" not in client.post("/v1/ocr?include_confidence=no&output_format=hocr", content=PICTURE).text


def test_overlays(client: TestClient) -> None:
    (page,) = client.post("/v1/ocr?overlay=png", content=PICTURE).json()["pages"]
    assert page["overlay"] == f"data:image/png;base64,{b64encode(DRAWN).decode()}"
    assert_problem(client.post("/v1/ocr?overlay=jpeg", content=PICTURE), 422, "no_overlay")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/html;q=0.9, text/plain;q=0.5", "text/html; charset=utf-8"),
        ("text/rtf;q=0.9, text/plain;q=0.5", "text/plain; charset=utf-8"),
        ("text/vnd.hocr+html, application/json;q=0.1", "text/vnd.hocr+html; charset=utf-8"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/json;q=0, */*", "application/x-ndjson"),
    ],
)
def test_accept_chooses_the_format(client: TestClient, accept: str, media_type: str) -> None:
    response = client.post("/v1/ocr", content=PICTURE, headers={"Accept": accept})
    assert response.status_code == 200 and response.headers["content-type"] == media_type


def test_a_format_that_is_not_there(client: TestClient) -> None:
    problem = assert_problem(
        client.post("/v1/ocr", content=PICTURE, headers={"Accept": "image/png"}), 406, "not_acceptable"
    )
    assert "text/plain" in problem["detail"]
    assert negotiate("image/png", Options(output_format="text")).name == "text"


def test_text_and_hocr(client: TestClient) -> None:
    assert client.post("/v1/ocr?output_format=text", content=TIFF).text == "Dear page 0\n\fDear page 1\n\fDear page 2\n"
    assert client.post("/v1/ocr?output_format=formatted_text", content=PICTURE).text == "Dear\n"
    root = ElementTree.fromstring(client.post("/v1/ocr?output_format=hocr", content=TIFF).content)
    pages = [element for element in root.iter() if element.get("class") == "ocr_page"]
    assert [page.get("id") for page in pages] == ["page_0", "page_1", "page_2"]


def test_hocr_ids(client: TestClient) -> None:
    def ids(query: str, *contents: bytes) -> list[str]:
        files = [("a", (f"{number}.tif", content)) for number, content in enumerate(contents)]
        response = client.post(f"/v1/ocr?output_format=hocr{query}", files=files)
        return re.findall(r'id="(\w+)"', response.text)

    assert ids("&pages=3", TIFF) == ["page_2", "block_1", "par_1", "line_1", "word_1"]
    assert ids("&pages=2-3", TIFF)[::5] == ["page_1", "page_2"]
    for found in (ids("", TIFF), ids("", PICTURE, TIFF)):
        assert len(set(found)) == len(found) >= 15


def test_ndjson_is_a_page_a_line(client: TestClient) -> None:
    response = client.post("/v1/ocr?output_format=ndjson", content=TIFF)
    assert [json.loads(line)["pagenum"] for line in response.text.splitlines()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("pages", "numbers"), [("2", [1]), ("1-2", [0, 1]), ("3,1", [0, 2]), ("2-99", [1, 2]), ("1,1-1", [0])]
)
def test_some_pages(client: TestClient, pages: str, numbers: list[int]) -> None:
    answer = client.post(f"/v1/ocr?pages={pages}", content=TIFF).json()
    assert [page["pagenum"] for page in answer["pages"]] == numbers
    assert all(page["total_pages"] == 3 for page in answer["pages"])


def test_no_such_page(client: TestClient) -> None:
    assert_problem(client.post("/v1/ocr?pages=4", content=TIFF), 422, "page_missing")


@pytest.mark.parametrize(
    "query", ["pages=0", "pages=2-1", "pages=a", "overlay=gif", "output_format=doc", "wish=1", "include_confidence=2"]
)
def test_wrong_options(client: TestClient, query: str) -> None:
    problem = assert_problem(client.post(f"/v1/ocr?{query}", content=PICTURE), 422, "option_invalid")
    assert query.split("=")[0] in problem["detail"]


def test_a_form_of_files_and_options(client: TestClient) -> None:
    files = [("a", ("one.jpg", PICTURE)), ("b", ("/etc/../two.tif", TIFF)), ("a", ("three.jpg", b"bad image_damaged"))]
    answer = client.post("/v1/ocr?pages=1-9", files=files, data={"pages": "1-2"}).json()
    assert [(page["name"], page["pagenum"]) for page in answer["pages"]] == [
        ("one.jpg", 0),
        ("two.tif", 0),
        ("two.tif", 1),
        ("three.jpg", 0),
    ]
    assert [page["exception"] is None for page in answer["pages"]] == [True, True, True, False]
    failure = {"stage": "SomeStage", "code": "image_damaged", "message": "it is no good. Mend it."}
    assert [page["failure"] for page in answer["pages"]] == [None, None, None, failure]


def test_a_form_may_choose_the_format_whatever_is_accepted(client: TestClient) -> None:
    wishes, files = {"Accept": "application/msword"}, {"a": ("a", PICTURE)}
    response = client.post("/v1/ocr", files=files, data={"output_format": "text"}, headers=wishes)
    assert response.text == "Dear page 0\n"
    assert_problem(client.post("/v1/ocr", files=files, headers=wishes), 406, "not_acceptable")


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"--x\r\nno colon\r\n", "multipart/form-data; boundary=x", "form_damaged"),
        (b"--x\r\n", "multipart/form-data; boundary=x", "no_file"),
        (b"nothing", "multipart/form-data", "form_damaged"),
        (ONE_FIELD, "multipart/form-data; boundary=x", "no_file"),
        (b"", "image/png", "body_empty"),
    ],
)
def test_bodies_that_cannot_be_read(client: TestClient, body: bytes, content_type: str, code: str) -> None:
    assert_problem(client.post("/v1/ocr", content=body, headers={"Content-Type": content_type}), 422, code)


def test_a_wrong_option_in_a_form(client: TestClient) -> None:
    response = client.post("/v1/ocr", files={"a": ("a", PICTURE)}, data={"pages": "0"})
    assert_problem(response, 422, "option_invalid")


def test_compressed_bodies_are_refused(client: TestClient) -> None:
    response = client.post("/v1/ocr", content=b"bomb", headers={"Content-Encoding": "gzip"})
    assert_problem(response, 415, "body_compressed")


def test_too_large() -> None:
    with serving(max_body_bytes=10) as client:
        assert client.post("/v1/ocr", content=b"0123456789").status_code == 200
        assert_problem(client.post("/v1/ocr", content=b"0123456789a"), 413, "body_too_large")
        assert_problem(client.post("/v1/ocr", content=iter([b"0123456789", b"a"])), 413, "body_too_large")


def test_too_many_pages_and_files() -> None:
    with serving(max_pages=2, max_files=2) as client:
        assert_problem(client.post("/v1/ocr", content=TIFF), 413, "too_many_pages")
        assert client.post("/v1/ocr?pages=1-2", content=TIFF).status_code == 200
        assert_problem(client.post("/v1/ocr?output_format=ndjson", content=TIFF), 413, "too_many_pages")
        files = [("a", (f"{n}.jpg", PICTURE)) for n in range(3)]
        assert_problem(client.post("/v1/ocr", files=files), 413, "too_many_files")


def test_too_slow() -> None:
    reader = Reader()
    with serving(reader, request_seconds=0.05) as client:
        assert_problem(client.post("/v1/ocr", content=b"slow"), 504, "too_slow")
        lines = client.post("/v1/ocr?output_format=ndjson", content=b"slow").text.splitlines()
        assert json.loads(lines[-1])["code"] == "too_slow"
        assert reader.cancelled == 2
        assert "raypipe_requests_in_progress 0.0" in client.get("/metrics").text


def test_the_time_of_a_stream_starts_anew_with_each_page() -> None:
    with serving(request_seconds=0.4, pages_at_once=1) as client:
        assert_problem(client.post("/v1/ocr", content=LEISURELY), 504, "too_slow")
        lines = client.post("/v1/ocr?output_format=ndjson", content=LEISURELY).text.splitlines()
        assert [json.loads(line).get("pagenum") for line in lines] == [0, 1, 2]


@pytest.mark.parametrize("path", ["/v1/ocr", "/v1/ocr?output_format=ndjson", "/invocations"])
def test_counting_pages_takes_of_the_same_time(path: str) -> None:
    with serving(request_seconds=0.05, max_requests=1) as client:
        for _ in range(2):  # The only place is free again, or the second would be a 429.
            assert_problem(client.post(path, content=UNCOUNTABLE), 504, "too_slow")


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


class Slow:
    """A request whose body comes when the test says so."""

    def __init__(self, app: Any, client: str = "10.0.0.1", path: str = "/v1/ocr") -> None:
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self.sent: list[Any] = []
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
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


def test_slow_bodies_are_bounded_and_stall_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        app = create(Reader(), ServerSettings(max_uploads=5, max_uploads_per_client=3, min_upload_rate=1))
        slow = [Slow(app, f"10.0.0.{number // 4}") for number in range(8)]
        refused = [slow[3], *slow[6:]]
        assert [await each.problem() for each in refused] == [(429, "too_many_uploads")] * 3
        assert dict(refused[0].sent[0]["headers"])[b"retry-after"] == b"2"
        good = Slow(app, "10.0.0.0")
        for chunk in (PICTURE, b""):
            good.chunks.put_nowait(chunk)
        await asyncio.wait_for(good.answer, 10)
        assert good.sent[0]["status"] == 200 and not slow[0].answer.done(), "a quick body is not counted"
        for chunk in (PICTURE, b""):
            slow[0].chunks.put_nowait(chunk)
        await asyncio.wait_for(slow[0].answer, 10)
        assert slow[0].sent[0]["status"] == 200
        later = Slow(app, "10.0.0.0")
        await asyncio.sleep(0.05)
        assert not later.answer.done(), "its place was given back"
        for each in (later, *slow):
            each.answer.cancel()

    monkeypatch.setattr(bodies, "QUICK_SECONDS", 0.02)
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
        assert await second.problem() == (429, "too_many_uploads")
        first.chunks.put_nowait(b"")
        await asyncio.wait_for(first.answer, 10)
        assert first.sent[0]["status"] == 200

    asyncio.run(main())


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
        app = create(reader, ServerSettings(max_requests=4, request_seconds=0.5))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://server") as client:
            slow = [asyncio.create_task(client.post("/v1/ocr", content=b"slow")) for _ in range(2)]
            await asyncio.sleep(0.1)
            for path in ("/v1/ocr", "/v1/ocr?output_format=ndjson", "/invocations"):
                refused = await client.post(path, content=PICTURE)
                assert_problem(refused, 429, "too_many_requests")
                assert refused.headers["retry-after"] == "2"
            slow[0].cancel()
            await asyncio.wait(slow)
            assert reader.cancelled == 2
            assert (await client.post("/v1/ocr", content=PICTURE)).status_code == 200

    asyncio.run(main())


def test_pages_of_a_request_do_not_take_all() -> None:
    reader = Reader()
    with serving(reader, pages_at_once=2) as client:
        client.post("/v1/ocr", files=[("a", (f"{n}.jpg", PICTURE)) for n in range(9)])
    assert reader.most_running == 2 and len(reader.rows) == 9


@pytest.mark.parametrize(
    ("code", "status"),
    [("image_too_large", 413), ("image_unknown", 415), ("image_truncated", 422), ("worker_died", 500)],
)
def test_a_page_that_failed(client: TestClient, code: str, status: int) -> None:
    for path in ("/v1/ocr", "/invocations"):
        problem = assert_problem(client.post(path, content=f"bad {code}".encode()), status, code)
        assert problem["detail"] == "it is no good. Mend it."
    assert of_page(f"A+B {code}: x: y").detail == "x: y"


@pytest.mark.parametrize("output_format", ["json", "text", "formatted_text", "hocr"])
def test_an_answer_tells_which_pages_failed(client: TestClient, output_format: str) -> None:
    bad = b"bad image_damaged"
    files = [("a", (f"{number}.jpg", content)) for number, content in enumerate((PICTURE, bad, bad))]
    path = f"/v1/ocr?output_format={output_format}"
    assert client.post(path, files=files).headers["x-failed-pages"] == "2,3"
    assert "x-failed-pages" not in client.post(path, files=files[:1]).headers
    response = client.post(path, files=files[1:])
    if output_format == "json":
        assert [page["exception"] is None for page in response.json()["pages"]] == [False, False]
    else:
        assert_problem(response, 422, "image_damaged")


def test_a_stream_whose_only_page_failed_is_a_problem(client: TestClient) -> None:
    path, bad = "/v1/ocr?output_format=ndjson", b"bad image_damaged"
    assert_problem(client.post(path, content=bad), 422, "image_damaged")
    lines = client.post(path, files=[("a", ("a", bad)), ("b", ("b", PICTURE))]).text.splitlines()
    assert [json.loads(line)["exception"] is None for line in lines] == [False, True]


def test_a_bug_is_a_500_that_tells_nothing(client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    response = client.post("/v1/ocr", content=b"bug")
    problem = assert_problem(response, 500, "internal")
    assert "secret" not in response.text
    assert problem["request_id"] in capfd.readouterr().err


def test_invocations(client: TestClient) -> None:
    assert client.post("/invocations", content=PICTURE).json() == {"items": [{"text": "Dear page 0"}]}
    assert client.post("/invocations", content=TIFF).json()["items"][2] == {"text": "Dear page 2", "pagenum": 3}
    assert client.get("/ping").status_code == 200
    files = [("a", ("one.jpg", PICTURE)), ("a", ("two.tif", TIFF)), ("a", ("three.jpg", PICTURE))]
    items = client.post("/invocations", files=files).json()["items"]
    assert [item.get("pagenum") for item in items] == [None, 1, 2, 3, None]


def test_unknown_paths_and_methods(client: TestClient) -> None:
    assert_problem(client.get("/etc/passwd"), 404, "no_such_path")
    assert_problem(client.get("/static/../settings.py"), 404, "no_such_path")
    assert_problem(client.get("/v1/ocr"), 405, "wrong_method")


@pytest.mark.parametrize("path", ["/", "/docs", "/healthz", "/readyz", "/ping", "/v1/models"])
def test_the_head_alone(client: TestClient, path: str, capfd: pytest.CaptureFixture[str]) -> None:
    head, whole = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"") and whole.content
    assert head.headers["content-length"] == whole.headers["content-length"]
    log = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["method"] for line in log] == ([] if path in HEALTH_PATHS else ["HEAD", "GET"])
    assert client.head("/v1/ocr").status_code == 405


def test_health_and_readiness(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader()
    with serving(reader) as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        assert client.get("/readyz").json() == {"status": "ready"}
        monkeypatch.setattr(service, "READY_SECONDS", 0.01)
        reader.hold.clear()
        problem = assert_problem(client.get("/readyz"), 503, "not_ready")
        assert problem and client.get("/healthz").status_code == 200


def test_the_metrics_say_how_long_models_took_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "READY_SECONDS", 0.01)
    reader = Reader()
    reader.hold.clear()
    sample = 'raypipe_model_load_seconds{operator="Stage"} 0.5'
    with serving(reader) as client:
        assert sample not in client.get("/metrics").text
        reader.hold.set()
        assert sample in client.get("/metrics").text
        reader.hold.clear()
        assert sample in client.get("/metrics").text


def test_the_description(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    for operation in operations:
        problems = [answer for status, answer in operation["responses"].items() if status[0] != "2"]
        assert {kind for answer in problems for kind in answer["content"]} == {"application/problem+json"}
    forms = [
        document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
        for path in ("/v1/ocr", "/invocations")
    ]
    assert [set(form) for form in forms] == [{"file", "password", *Options.model_fields}, {"file", "password"}]
    assert set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document))) <= set(
        document["components"]["schemas"]
    )
    assert "ProblemAnswer" in document["components"]["schemas"]
    assert not any("security" in operation for operation in operations)


def test_the_description_says_which_paths_need_a_key() -> None:
    with serving(key_digests=(digest("first"),)) as client:
        document = client.get("/openapi.json").json()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    keyed = [path for path, methods in document["paths"].items() for one in methods.values() if "security" in one]
    jobs = ["/v1/jobs", *(f"/v1/jobs/{{job}}{part}" for part in ("", "", "/events", "/result"))]
    assert sorted(keyed) == ["/invocations", "/metrics", "/v1/convert", *jobs, "/v1/models", "/v1/ocr"]


def test_keys(tmp_path: Any) -> None:
    file = tmp_path / "keys"
    file.write_text("# ours\nfirst\n\nsecond\n")
    assert read_keys(file) == (digest("first"), digest("second"))
    file.write_text("first\nsecond\n", "utf-8-sig")
    assert read_keys(file) == (digest("first"), digest("second"))
    with serving(key_digests=read_keys(file)) as client:
        refused = client.post("/v1/ocr", content=PICTURE)
        assert_problem(refused, 401, "unauthorized")
        assert refused.headers["www-authenticate"] == "Bearer"
        for wrong in ("Bearer third", "Basic first", "Bearer ", "first", f"Bearer {digest('first')}"):
            assert client.post("/v1/ocr", content=PICTURE, headers={"Authorization": wrong}).status_code == 401
        for key in ("first", "second"):
            assert (
                client.post("/v1/ocr", content=PICTURE, headers={"Authorization": f"Bearer {key}"}).status_code == 200
            )
        assert [client.get(path).status_code for path in ("/metrics", "/v1/models", "/nothing")] == [401, 401, 401]
        assert [client.get(path).status_code for path in ("/", "/healthz", "/readyz", "/ping", "/docs")] == [200] * 5


@pytest.mark.parametrize("key", ["clé", "ключ", "鍵"])
def test_keys_of_any_letters_as_clients_send_them(key: str) -> None:
    with serving(key_digests=(digest(key),)) as client:
        sent = [key.encode()] + ([key.encode("latin-1")] if key.isascii() or max(key) < "\u0100" else [])
        for each in sent:
            assert client.get("/v1/models", headers={"Authorization": b"Bearer " + each}).status_code == 200
        assert client.get("/v1/models", headers={"Authorization": b"Bearer cl?"}).status_code == 401


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("pages=a", "pages='a' is wrong: it is pages to read, counted from 1, such as 1-3,7"),
        ("pages=3-1", "3-1 ends before it begins"),
        ("overlay=gif", "overlay='gif' is wrong: choose one of none, jpeg, png, clean."),
        ("include_confidence=2", "it is true or false"),
        ("wish=1", "wish is no option; there are output_format, overlay"),
        ("pages=" + "9" * 500, "pages='999"),
    ],
)
def test_wrong_options_are_told_in_words(client: TestClient, query: str, words: str) -> None:
    for answer in (
        client.post(f"/v1/ocr?{query}", content=PICTURE),
        client.post("/v1/ocr", files={"a": ("a", PICTURE)}, data=dict([query.split("=")])),
    ):
        detail = answer.json()["detail"]
        assert words in detail and len(detail) < 250
        assert not re.search(r"\\d|Input should|pattern|Value error|Extra inputs", detail)


def test_metrics_follow_conventions(client: TestClient) -> None:
    client.get("/v1/models")
    metrics = client.get("/metrics").text
    assert "_created" not in metrics and "process_cpu_seconds_total" in metrics
    assert re.search(r'^raypipe_build_info\{python="3\.[\d.]+",version="[\d.]+"\} 1\.0$', metrics, re.MULTILINE)


def test_static_files_need_no_key() -> None:
    """Whatever lies there; and nothing else lies below that path."""
    with serving(key_digests=(digest("secret"),)) as client:
        assert {client.get(f"/static/{name}").status_code for name in STATIC} == {200}
        for path in ("/static/../service.py", "/static/%2e%2e/service.py", "/static/none.js", "/static"):
            assert client.get(path).status_code in (401, 404), path
        assert client.get("/static/page.js").headers["cache-control"] == "no-cache"
        metrics = client.get("/metrics", headers={"Authorization": "Bearer secret"}).text
        assert 'requests_total{method="GET",route="/static",status="200"}' in metrics


@pytest.mark.parametrize("path", ["/", "/docs", *(f"/static/{name}" for name in STATIC)])
def test_the_pages_ask_nobody_else(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "https://" not in response.text and "http://" not in response.text.replace("http://www.w3.org/2000/svg", "")
    for inline in ("<style", "style=", " onclick=", "<script>"):
        assert inline not in response.text


def test_metrics_and_logs_hold_no_content(client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    client.post("/v1/ocr", files={"a": ("private.tif", TIFF)})
    client.post("/v1/ocr", content=b"bad image_damaged")
    client.get("/nothing/private")
    metrics = client.get("/metrics").text
    for line in (
        'raypipe_requests_total{method="POST",route="/v1/ocr",status="200"} 1.0',
        'raypipe_requests_total{method="GET",route="other",status="404"} 1.0',
        "raypipe_pages_total 4.0",
        'raypipe_page_failures_total{code="image_damaged"} 1.0',
        'raypipe_problems_total{code="no_such_path"} 1.0',
        'raypipe_found_total{what="lines"} 3.0',
        'raypipe_stage_seconds_count{step="Some"} 4.0',
        'raypipe_queue_seconds_count{operator="Op"} 4.0',
        'raypipe_batch_pages_count{operator="Op"} 4.0',
    ):
        assert line in metrics
    log = capfd.readouterr().err
    first = json.loads(log.splitlines()[0])
    assert (first["pages"], first["documents"], first["bytes"], first["status"]) == (3, 1, len(TIFF), 200)
    assert "Dear" not in log + metrics and "private" not in log + metrics


@pytest.mark.parametrize("output_format", ["json", "ndjson"])
def test_the_log_counts_pages(client: TestClient, output_format: str, capfd: pytest.CaptureFixture[str]) -> None:
    files = [("a", ("one.tif", TIFF)), ("a", ("two.jpg", b"bad image_damaged"))]
    client.post(f"/v1/ocr?output_format={output_format}", files=files)
    line = json.loads(capfd.readouterr().err)
    size = len(TIFF) + len(b"bad image_damaged")
    assert [line[name] for name in ("bytes", "documents", "pages", "failed_pages")] == [size, 2, 4, 1]


def test_request_ids_are_harmless(client: TestClient) -> None:
    wished = client.post("/v1/ocr", content=b"", headers={"X-Request-ID": 'x"} injected'}).json()["request_id"]
    assert len(wished) == 32


@pytest.mark.parametrize(
    ("name", "clean"),
    [("a/b\\c.jpg", "c.jpg"), ("../..", ".."), ("\x00\n", "upload"), ("é.jpg", "é.jpg"), ("x" * 999, "x" * 200)],
)
def test_names_are_only_names(name: str, clean: str) -> None:
    assert clean_name(name) == clean


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="C:\\\\one.jpg"', "one.jpg"),
        ("attachment; filename*=UTF-8''z%C3%A9ro%20two.jpg", "zéro two.jpg"),
        ("attachment; filename*=nonsense''%FF", "\xff"),
        ("attachment; filename*=utf-8''a; filename*0=b", "upload"),
        ("attachment", "upload"),
        ("", "upload"),
    ],
)
def test_the_name_of_a_raw_body(client: TestClient, disposition: str, name: str) -> None:
    answer = client.post("/v1/ocr", content=PICTURE, headers={"Content-Disposition": disposition}).json()
    assert answer["pages"][0]["name"] == name


def test_in_order_cancels_what_is_left_over() -> None:
    ended: list[int] = []
    all_begun = asyncio.Event()

    async def work(number: int) -> int:
        try:
            if number == 3:
                all_begun.set()
            if number == 1:
                await all_begun.wait()
                raise ProblemError(504, "too_slow", "too slow")
            await asyncio.sleep(60 if number else 0)
        except asyncio.CancelledError:
            ended.append(number)
            raise
        return number

    async def main() -> None:
        found: list[int] = []

        async def collect(numbers: AsyncIterator[int]) -> None:
            async for number in numbers:
                found.append(number)

        with pytest.raises(ProblemError):
            await collect(in_order([lambda n=n: work(n) for n in range(9)], 3, Deadline(60)))
        await asyncio.sleep(0.01)
        assert found == [0] and sorted(ended) == [2, 3]

    asyncio.run(main())


REGION = {"x": 10, "y": 20, "width": 30.5, "height": 8}


def with_regions(value: str | None, files: int = 1) -> tuple[Reader, Any]:
    reader = Reader()
    reader.needs = {"text_regions": given("text_regions", REGIONS)}
    form = {} if value is None else {"text_regions": value}
    with serving(reader) as http:
        return reader, http.post("/v1/ocr", data=form, files=[("file", ("a.png", PICTURE))] * files)


def test_columns_that_come_with_a_request_reach_the_reader() -> None:
    reader, answer = with_regions(json.dumps([REGION]))
    assert answer.status_code == 200
    (region,) = REGIONS.decode(reader.rows[0]["text_regions"])
    assert (region.x, region.width, region.angle, region.rotated) == (10, 30.5, 0, False)


@pytest.mark.parametrize(
    ("value", "code", "word"),
    [
        (None, "column_missing", "text_regions"),
        ("[", "column_invalid", "text_regions"),
        ('"words"', "column_invalid", "text_regions"),
        ('[{"x": 1}]', "column_invalid", "width"),
        ('[{"x": "1", "y": 1, "width": 1, "height": 1}]', "column_invalid", "text_regions"),
        ('[{"x": NaN, "y": 1, "width": 1, "height": 1}]', "column_invalid", "NaN"),
        ('[{"x": 1e30, "y": 1, "width": 1, "height": 1}]', "column_invalid", "1,000,000"),
        ('[{"x": 1, "y": 1, "width": 1, "height": 1, "path": "/etc"}]', "column_invalid", "path"),
        (json.dumps([REGION] * 10_001), "column_invalid", "10,000"),
        ("[" * 100_000, "column_invalid", "text_regions"),
    ],
)
def test_columns_that_are_missing_or_wrong_are_refused(value: str | None, code: str, word: str) -> None:
    reader, answer = with_regions(value)
    assert (answer.status_code, answer.json()["code"], reader.rows) == (422, code, [])
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(("password", "status"), [(SECRET, 200), ("wrong", 422), (None, 422)])
def test_a_locked_document_comes_with_its_password(
    password: str | None, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    form, reader = {} if password is None else {"password": password}, Reader()
    with serving(reader) as client:
        answer = client.post("/v1/ocr", data=form, files={"file": ("a.pdf", LOCKED)})
        metrics = client.get("/metrics").text
    assert answer.status_code == status
    assert not any("password" in row for row in reader.rows)
    assert SECRET not in answer.text + metrics + "".join(capfd.readouterr())


def test_a_password_is_no_part_of_an_address(client: TestClient) -> None:
    answer = client.post(f"/v1/ocr?password={SECRET}", content=LOCKED)
    assert_problem(answer, 422, "option_invalid")
    assert SECRET not in answer.text


def test_columns_belong_to_one_file() -> None:
    assert with_regions(json.dumps([REGION]), files=2)[1].json()["code"] == "too_many_files"


def test_a_pdf_needs_the_picture_and_opens_no_path() -> None:
    reader = Reader()
    with serving(reader) as client:
        answer = client.post("/v1/ocr", content=PICTURE, headers={"Accept": "application/pdf"})
        assert answer.status_code == 200 and answer.content.startswith(b"%PDF-")
        for kept in (None, replace(SCAN, data=None, origin=__file__)):
            reader.picture = kept
            answer = client.post("/v1/ocr", content=PICTURE, headers={"Accept": "application/pdf"})
            assert_problem(answer, 422, "no_picture")


@pytest.mark.parametrize("path", ["/v1/models", "/nothing"])
def test_header_and_body_have_the_same_id(path: str, client: TestClient) -> None:
    for wished in ("mine-1", "a:b/c=" + "d" * 90, "é", "x" * 200):
        answer = client.get(path, headers={"X-Request-ID": wished.encode()})
        found = answer.headers["x-request-id"]
        assert answer.json().get("request_id", found) == found
        assert (found == wished) == (wished[0] in "ma")


def test_health_checks_are_logged_only_if_asked_for_or_failing(tmp_path: Path) -> None:
    def logged(level: str) -> list[str]:
        file = tmp_path / level
        with serving(log_level=level, log_file=file) as client:
            for path in ("/healthz", "/readyz", "/ping", "/v1/models"):
                client.get(path)
            client.app.stop()  # type: ignore[attr-defined]
            client.get("/readyz")
        lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        return [f"{line['level']} {line['route']} {line['status']}" for line in lines]

    rest = ["INFO /v1/models 200", "INFO other 503"]
    assert logged("INFO") == rest
    assert logged("DEBUG") == [f"DEBUG {path} 200" for path in ("/healthz", "/readyz", "/ping")] + rest


def test_a_log_that_is_moved_away_begins_anew(tmp_path: Path) -> None:
    with serving(log_file=tmp_path / "log") as client:
        client.get("/v1/models")
        (tmp_path / "log").rename(tmp_path / "log.1")
        client.get("/v1/models")
    assert [len((tmp_path / name).read_text("utf-8").splitlines()) for name in ("log", "log.1")] == [1, 1]


def test_a_server_that_stops_finishes_what_it_has_and_refuses_the_rest() -> None:
    async def main() -> None:
        reader = Reader()
        app = create(reader, ServerSettings())
        running = Slow(app)
        for chunk in (TIFF, b""):
            running.chunks.put_nowait(chunk)
        while not reader.running:
            await asyncio.sleep(0)
        app.stop()
        assert app.under_way == 1
        refused = Slow(app)
        assert await refused.problem() == (503, "stopping")
        assert dict(refused.sent[0]["headers"])[b"retry-after"] == b"2"
        await running.answer
        assert running.sent[0]["status"] == 200 and app.under_way == 0

    asyncio.run(main())


def test_redirects_go_nowhere(client: TestClient) -> None:
    for path in ("/v1/ocr/", "/docs/", "/static", "/static/"):
        answer = client.get(path, headers={"Host": "evil.example"}, follow_redirects=False)
        assert answer.status_code == 404 and "location" not in answer.headers


def test_a_client_has_no_more_than_its_places() -> None:
    admission = Admission(3, 2, 5)
    with admission.place("a"), admission.place("a"):
        with pytest.raises(ProblemError, match="2 of your requests"), admission.place("a"):
            pass
        with admission.place("b"), pytest.raises(ProblemError, match="All 3 places"):
            admission.check("c")
    admission.check("a")
    assert admission.taken == 0


def test_a_client_leaves_as_many_places_as_it_has() -> None:
    admission = Admission(6, 0, 5)
    with ExitStack() as places:
        for _ in range(3):
            places.enter_context(admission.place("flood"))
        with pytest.raises(ProblemError, match="3 of your requests"):
            admission.check("flood")
        places.enter_context(admission.place("other"))
        with pytest.raises(ProblemError, match="3 of your requests"):
            admission.check("flood")
        places.enter_context(admission.place("third"))
        with pytest.raises(ProblemError, match="1 of your requests"):
            admission.check("other")
        places.enter_context(admission.place("fourth"))
        with pytest.raises(ProblemError, match="All 6 places"):
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


def test_pages_of_other_sites_may_ask_if_they_are_named() -> None:
    ours, asked = "https://ours.example", {"Access-Control-Request-Method": "POST"}
    with serving(cors_origins=(ours,), key_digests=(digest("a"),)) as client:
        before = client.options("/v1/ocr", headers={"Origin": ours, **asked})
        assert before.status_code == 200 and before.headers["access-control-allow-origin"] == ours
        refused = client.post("/v1/ocr", content=PICTURE, headers={"Origin": ours})
        assert refused.headers["access-control-allow-origin"] == ours and refused.status_code == 401
        other = client.post("/v1/ocr", content=PICTURE, headers={"Origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers
    with serving() as client:
        assert "access-control-allow-origin" not in client.get("/healthz", headers={"Origin": ours}).headers
