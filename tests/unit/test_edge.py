"""What every request passes: ids, keys, headers, and the paths that are there."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asking import (
    LEISURELY,
    PICTURE,
    TIFF,
    UNCOUNTABLE,
    Reader,
    Slow,
    assert_problem,
    serving,
)
from starlette.testclient import TestClient

from raypipe.run.single import Server
from raypipe.types import PageRecord, Row
from raypipe.web import service
from raypipe.web.app import create
from raypipe.web.edge import HEALTH_PATHS, Edge
from raypipe.web.reading import ReadPage
from raypipe.web.settings import ServerSettings, digest, read_keys

STATIC = sorted(path.name for path in (Path(service.__file__).parent / "static").iterdir())


def test_unknown_paths_and_methods(client: TestClient) -> None:
    assert_problem(client.get("/etc/passwd"), 404, "no_such_path")
    assert_problem(client.get("/static/../settings.py"), 404, "no_such_path")
    problem = assert_problem(client.get("/v1/ocr"), 405, "wrong_method")
    assert problem["detail"].startswith("This path takes POST.") and "docs" in problem["detail"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/ocr", "POST"),
        ("/v1/jobs/x", "DELETE, GET, HEAD"),
        ("/", "GET, HEAD, POST"),
        ("/static/page.js", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_answered_with_all_that_the_path_takes(client: TestClient, path: str, methods: str) -> None:
    answer = client.put(path)
    assert_problem(answer, 405, "wrong_method")
    assert answer.headers["allow"] == methods


@contextmanager
def running(app: Edge) -> Iterator[Server]:
    """An application behind the HTTP server of `--engine local`, which is stricter than a test's client."""
    started = threading.Event()
    server = Server(app, "127.0.0.1", 0, started.set)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(30)
        yield server
    finally:
        server.should_exit = True
        thread.join()


def port_of(server: Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


@contextmanager
def listening(app: Edge) -> Iterator[http.client.HTTPConnection]:
    """A connection to an application."""
    with running(app) as server:
        yield http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=30)


def test_a_head_over_http(caplog: pytest.LogCaptureFixture) -> None:
    with listening(create(Reader(), ServerSettings())) as connection:
        for path, status in (("/readyz", 200), ("/", 200), ("/static/page.js", 200), ("/none", 404), ("/v1/ocr", 405)):
            connection.request("HEAD", path)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (status, b"") and int(answer.headers["Content-Length"])
        connection.request("GET", "/readyz")
        assert json.load(connection.getresponse()) == {"status": "ready"}, "on the same connection"
        connection.close()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


NO_HTTP = {
    "noise": bytes(range(128, 256)) + b"\r\n\r\n",
    "a line break too few": b"GET /readyz HTTP/1.1\nHost: x\rX: y\r\n\r\n",
    "two lengths": b"POST /v1/ocr HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a bad length": b"POST /v1/ocr HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a bad chunk": b"POST /v1/ocr HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\na\r\n",
}


def test_what_is_no_http_gets_a_problem_too(capfd: pytest.CaptureFixture[str]) -> None:
    with listening(create(Reader(), ServerSettings())) as connection:
        for name, sent in NO_HTTP.items():
            with socket.create_connection((connection.host, connection.port), 30) as client:
                client.sendall(sent)
                answer = http.client.HTTPResponse(client)
                answer.begin()
                problem = json.load(answer)
            assert (answer.status, problem["code"]) == (400, "request_malformed"), name
            assert answer.headers["X-Request-ID"] == problem["request_id"] in capfd.readouterr().err


def test_no_other_answer_stands_in_the_place_of_a_request_that_is_read() -> None:
    reader = Reader()
    reader.hold.clear()
    with listening(create(reader, ServerSettings())) as at, socket.create_connection((at.host, at.port), 30) as client:
        client.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\nno HTTP\r\n\r\n")
        assert not client.recv(1000).startswith(b"HTTP/1.1 400")
        reader.hold.set()


def test_who_has_sent_several_requests_at_once_may_leave(capfd: pytest.CaptureFixture[str]) -> None:
    request = b"POST /v1/ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(LEISURELY), LEISURELY)
    with listening(app := create(reader := Reader(), ServerSettings())) as at:
        with socket.create_connection((at.host, at.port), 30) as client:
            client.sendall(3 * request)
            while not reader.most_running:
                time.sleep(0.01)
        while app.under_way:
            time.sleep(0.01)
    assert "ERROR" not in capfd.readouterr().err


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("content", [b"slow", UNCOUNTABLE], ids=["read", "counted"])
def test_nothing_is_read_for_a_client_that_has_left(
    content: bytes, accept: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its pages, up to hundreds, were read to the end: others waited for them."""
    head = f"POST /v1/ocr HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nContent-Length: {len(content)}\r\n\r\n"
    with listening(app := create(reader := Reader(), ServerSettings())) as at:
        with socket.create_connection((at.host, at.port), 30) as client:
            client.sendall(head.encode() + content)
            while not (reader.running or content == UNCOUNTABLE and app.under_way):
                time.sleep(0.01)
        while app.under_way:
            time.sleep(0.01)
    assert reader.cancelled == (content == b"slow")
    assert '"status": 400' in capfd.readouterr().err


class Wordy(Reader):
    async def read(self, row: Row, overlay: str) -> ReadPage:
        read = await super().read(row, overlay)
        return ReadPage(PageRecord({**read.page, "text": "word " * 10**6}), read.visits)


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_a_client_that_does_not_take_its_pages_keeps_no_place(accept: str) -> None:
    """It held a place, kept its answer in memory, and kept a server from stopping, as long as it liked."""
    head = f"POST /v1/ocr HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nContent-Length: {len(TIFF)}\r\n\r\n"
    with running(app := create(Wordy(), ServerSettings(request_seconds=0.5))) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port_of(server)))
        client.sendall(head.encode() + TIFF)
        assert client.recv(9) == b"HTTP/1.1 "
        while app.under_way or server.server_state.connections:
            time.sleep(0.01)


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET /readyz HTTP/1.1\r\nHost: local"])
def test_a_client_that_sends_no_head_keeps_no_connection(sent: bytes) -> None:
    """It kept one of the few that a process may have, as long as it liked."""
    with (
        listening(create(Reader(), ServerSettings(body_seconds=0.1))) as at,
        socket.create_connection((at.host, at.port), 30) as client,
    ):
        client.sendall(sent)
        while client.recv(1000):
            pass


def test_a_client_that_sends_too_much_learns_why() -> None:
    """Most send all of it before they look for an answer; the connection was reset meanwhile."""
    with listening(create(Reader(), ServerSettings(max_body_bytes=10))) as at:
        at.request("POST", "/v1/ocr", bytes(30_000_000))
        assert at.getresponse().status == 413
        at.close()
        at.request("POST", "/v1/ocr", bytes(10), {"Content-Length": "30", "Expect": "100-continue"})
        assert at.getresponse().headers["Connection"] == "close", "its body may never come"


@pytest.mark.parametrize("settings", [{"max_body_bytes": 10}, {"max_uploads_bytes": 10}, {"key_digests": ("a",)}])
@pytest.mark.parametrize(("version", "headers"), [("1.0", {}), ("1.1", {"Connection": "close"}), ("1.1", {})])
def test_a_client_that_will_send_nothing_further_learns_why(
    version: str, headers: dict[str, str], settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As nginx does by default, which then answered 502: the connection was closed while it sent."""
    monkeypatch.setattr(http.client.HTTPConnection, "_http_vsn_str", f"HTTP/{version}")
    with listening(create(Reader(), ServerSettings(**settings))) as at:
        at.request("POST", "/v1/ocr", bytes(30_000_000), headers)
        answer = at.getresponse()
        assert answer.status in (401, 413, 429) and json.load(answer)["code"]


def test_who_stops_sending_is_cut_off() -> None:
    with (
        listening(create(Reader(), ServerSettings(body_seconds=0.1, max_body_bytes=10))) as at,
        socket.create_connection((at.host, at.port), 30) as client,
    ):
        client.sendall(b"POST /v1/ocr HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 30\r\n\r\n1")
        answer = b""
        while part := client.recv(1000):
            answer += part
        assert b"413" in answer.splitlines()[0] and b"body_too_large" in answer


def test_a_websocket_is_no_way_in() -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    with listening(create(Reader(), ServerSettings())) as connection:
        connection.request("GET", "/v1/ocr", headers={**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["code"]) == (405, "wrong_method")


@pytest.mark.parametrize(("trusted", "statuses"), [("127.0.0.1", [200] * 4), ("10.1.1.1", [200, 200, 429, 429])])
def test_clients_of_a_trusted_proxy_are_told_apart(
    trusted: str, statuses: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    found = []
    with listening(create(Reader(), ServerSettings(pages_per_minute=1))) as connection:
        for client in ("10.2.2.2", "10.2.2.3") * 2:
            connection.request("POST", "/v1/ocr", PICTURE, {"X-Forwarded-For": client})
            answer = connection.getresponse()
            found.append(answer.status)
            answer.read()
        connection.close()
    assert found == statuses


@pytest.mark.parametrize("parts", ["bytes=0-9", "bytes=99999999-", "potatoes=1"])
def test_nothing_is_answered_in_parts(client: TestClient, parts: str) -> None:
    whole = client.get("/static/page.js", headers={"Range": parts})
    assert whole.status_code == 200 and whole.content == client.get("/static/page.js").content


@pytest.mark.parametrize("path", ["/", "/docs", "/healthz", "/readyz", "/ping", "/v1/models"])
def test_the_head_alone(client: TestClient, path: str, capfd: pytest.CaptureFixture[str]) -> None:
    head, whole = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"") and whole.content
    assert head.headers["content-length"] == whole.headers["content-length"]
    log = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["method"] for line in log] == ([] if path in HEALTH_PATHS else ["HEAD", "GET"])
    assert client.head("/v1/ocr").status_code == 405


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
    assert response.headers["accept-ranges"] == "none"
    assert "https://" not in response.text and "http://" not in response.text.replace("http://www.w3.org/2000/svg", "")
    for inline in ("<style", "style=", " onclick=", "<script>"):
        assert inline not in response.text


def test_request_ids_are_harmless(client: TestClient) -> None:
    wished = client.post("/v1/ocr", content=b"", headers={"X-Request-ID": 'x"} injected'}).json()["request_id"]
    assert len(wished) == 32


@pytest.mark.parametrize("path", ["/v1/models", "/nothing"])
def test_header_and_body_have_the_same_id(path: str, client: TestClient) -> None:
    for wished in ("mine-1", "a:b/c=" + "d" * 90, "é", "x" * 200):
        answer = client.get(path, headers={"X-Request-ID": wished.encode()})
        found = answer.headers["x-request-id"]
        assert answer.json().get("request_id", found) == found
        assert (found == wished) == (wished[0] in "ma")


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
