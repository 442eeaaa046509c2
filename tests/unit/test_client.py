"""The client against a server that answers by script."""

from __future__ import annotations

import asyncio
import base64
import inspect
import io
import json
import ssl
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from click.testing import CliRunner
from http_servers import Quiet, serving
from making import a_line, a_word

import raypipe as rp
from raypipe import client as client_module
from raypipe.cli.main import cli
from raypipe.hosts import is_loopback

WORD = {"text": "Dear", "confidence": 0.9, "x": 1, "y": 2, "width": 3, "height": 4, "angle": 0}
PAGE = {
    "name": "a.png",
    "pagenum": 0,
    "total_pages": 1,
    "width": 200,
    "height": 100,
    "turned": 0,
    "lang": "fr",
    "text": "Dear",
    "confidence": 0.9,
    "lines": [{**WORD, "row": 0, "words": [WORD]}],
    "exception": None,
}
OK = 200, {}, {"pages": [PAGE]}
BUSY = 429, {"Retry-After": "3"}, {"code": "overloaded", "detail": "Try again."}
BUSY_UNTIL = 503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, {"code": "not_ready", "detail": "Try again."}
CUT = 200, {"Content-Length": "9999"}, {"pages": [PAGE]}
CUT_PROBLEM = 422, {"Content-Length": "9999"}, {"code": "image_damaged", "detail": "Mend it."}
NO_HTTP = 0, {}, b"220 mail.example.org ESMTP\r\n"
TOO_SLOW = 504, {}, {"code": "too_slow", "detail": "Send fewer."}


class Script(HTTPServer):
    """Gives the answers of a list, one a request, and keeps what was asked. Status 0: bytes that are no HTTP."""

    def __init__(self, answers: list[tuple[int, dict[str, str], Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = iter(answers)
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(Quiet, BaseHTTPRequestHandler):
    server: Script

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path, dict(self.headers), body))
        status, headers, document = next(self.server.answers)
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        if not status:
            self.wfile.write(content)
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - the name that http.server calls


@pytest.fixture
def script(request: pytest.FixtureRequest) -> Iterator[Script]:
    with serving(Script(request.param)) as server:
        yield server


@pytest.mark.parametrize("script", [[OK]], indirect=True)
def test_loopback_needs_no_proxy(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert rp.Client(script.url, tries=1).read(b"x")[0].text == "Dear"


@pytest.mark.parametrize("script", [[OK]], indirect=True)
def test_other_hosts_are_asked_through_the_proxy(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", script.url)
    monkeypatch.delenv("no_proxy", raising=False)
    assert rp.Client("http://ocr.example:8000", tries=1).read(b"x")[0].text == "Dear"
    ((path, _, _),) = script.asked
    assert path.startswith("http://ocr.example:8000/v1/ocr")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("[::1]", True), ("localhost", True), ("10.0.0.1", False),
     ("localhost.example.org", False)],
)  # fmt: skip
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(str(urlsplit(f"http://{host}:8000/").hostname)) is loopback


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, which are not waited for."""
    waited: list[float] = []
    monkeypatch.setattr(client_module.time, "sleep", waited.append)
    return waited


@pytest.mark.parametrize("script", [[OK]], indirect=True)
def test_pages_are_those_of_the_pipeline(script: Script, tmp_path: Path) -> None:
    (tmp_path / "é.png").write_bytes(b"picture")
    (page,) = rp.Client(script.url + "/", "secret").read(tmp_path / "é.png", pages="1")
    assert (page.path, page["name"]) == (str(tmp_path / "é.png"), "a.png")
    assert (page.pagenum, page.text, page.confidence, page.exception) == (0, "Dear", 0.9, None)
    word = a_word("Dear", 0.9, 1, 2, 3, 4, 0)
    assert page.lines == [a_line("Dear", 0.9, 1, 2, 3, 4, 0, words=[word])]
    described = (rp.Client.read.__doc__ or "").split("columns")[1].split(".")[0]
    assert [column for column in page if f"`{column}`" not in described] == []
    path, headers, body = script.asked[0]
    assert path == "/v1/ocr?output_format=json&overlay=none&pages=1" and body == b"picture"
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''%C3%A9.png"


@pytest.mark.parametrize("script", [[BUSY, (500, {}, b"Internal Server Error"), OK]], indirect=True)
def test_tries_again_after_the_time_asked_for(script: Script, waits: list[float]) -> None:
    assert rp.Client(script.url).read(b"picture")[0].text == "Dear"
    assert len(script.asked) == 3
    assert 3.5 <= waits[0] <= 4 and 1 <= waits[1] <= 2


@pytest.mark.parametrize("script", [[BUSY] * 2], indirect=True)
def test_gives_up(script: Script) -> None:
    with pytest.raises(rp.ServerError, match="overloaded: Try again") as caught:
        rp.Client(script.url, tries=2).read(b"picture")
    assert caught.value.exit_status == 7


@pytest.mark.parametrize("script", [[BUSY_UNTIL, CUT, NO_HTTP, OK]], indirect=True)
def test_tries_again_after_what_is_no_whole_answer(script: Script, waits: list[float]) -> None:
    assert rp.Client(script.url).read(b"picture")[0].text == "Dear"
    assert len(script.asked) == 4 and waits[0] <= 1


@pytest.mark.parametrize("script", [[CUT] * 2, [NO_HTTP] * 2], indirect=True)
def test_gives_up_on_what_is_no_whole_answer(script: Script) -> None:
    with pytest.raises(rp.ServerError, match="cannot be reached"):
        rp.Client(script.url, tries=2).read(b"picture")


@pytest.mark.parametrize(
    "script",
    [[(200, {}, document)] for document in (b"<html>", b"\xff", [], {}, {"pages": [{}]}, {"pages": ["a"]})],
    indirect=True,
)
@pytest.mark.parametrize("ask", [lambda client: client.read(b"picture"), lambda client: client.models()])
def test_an_answer_of_another_server_is_told_at_once(script: Script, ask: Callable[[rp.Client], Any]) -> None:
    with pytest.raises(rp.ServerError, match="does not answer as `raypipe serve` does"):
        ask(rp.Client(script.url))


@pytest.mark.parametrize(("script", "words"), [([TOO_SLOW], "too_slow"), ([CUT_PROBLEM], "422")], indirect=["script"])
def test_what_no_other_try_mends_is_sent_once(script: Script, words: str) -> None:
    with pytest.raises(rp.ServerError, match=words):
        rp.Client(script.url).read(b"picture")
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("script", [[OK]], indirect=True)
def test_a_redirection_is_told_and_gets_neither_key_nor_document(script: Script, status: int) -> None:
    """As from http to https. A GET would come of the request, with its key, wherever it led."""
    words = pytest.raises(rp.ServerError, match=f"redirects to {script.url}/v1/ocr")
    with serving(Script([(status, {"Location": f"{script.url}/v1/ocr"}, {})])) as first, words:
        rp.Client(first.url, "secret").read(b"picture")
    assert not script.asked


@pytest.mark.parametrize("key", ["secret\n", "a\r\nX-Other: b", "ключ\x00"])
def test_a_key_that_no_header_carries(key: str) -> None:
    with pytest.raises(rp.ConfigError, match="HTTP header cannot carry"):
        rp.Client("http://127.0.0.1:9", key)


@pytest.mark.parametrize("name", ["at_once", "tries", "timeout"])
def test_numbers_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(rp.ConfigError, match=f"{name} is -1"):
        rp.AsyncClient("http://127.0.0.1:9", **{name: -1})


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("gone.jpg", "'gone.jpg' cannot be read"),
        (Path("gone.jpg"), "'gone.jpg' cannot be read"),
        (None, "not a NoneType"),
        (io.BytesIO(b"x"), "not a BytesIO"),
        (np.zeros((9, 9)), "not a ndarray"),
    ],
)
def test_what_is_no_file_is_not_sent(source: Any, words: str) -> None:
    with pytest.raises(rp.InputError, match=words):
        rp.Client("http://127.0.0.1:9").read(source)


@pytest.mark.parametrize("script", [[OK] * 3], indirect=True)
def test_bytes_of_any_kind_are_sent(script: Script) -> None:
    for kind in (bytes, bytearray, memoryview):
        (page,) = rp.Client(script.url).read(kind(b"picture"))
        assert page.path == "upload" and script.asked[-1][2] == b"picture"


@pytest.mark.parametrize("script", [[OK]], indirect=True)
def test_a_proxy_gets_the_user_in_the_address(script: Script) -> None:
    """It was called a name of a host that is unknown."""
    address = script.url.replace("//", "//ann%40x:p%3Aw@") + "/ocr/"
    assert rp.Client(address).read(b"x")[0].text == "Dear"
    path, headers, _ = script.asked[0]
    assert path.startswith("/ocr/v1/ocr?")
    assert headers["Authorization"] == f"Basic {base64.b64encode(b'ann@x:p:w').decode()}"
    with pytest.raises(rp.ConfigError, match="a key or a user, not both"):
        rp.Client(address, "secret")


def test_a_server_that_is_not_trusted_is_asked_once(
    certificate: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    script = Script([OK])
    script.socket = context.wrap_socket(script.socket, server_side=True)
    with serving(script):
        url = f"https://localhost:{script.server_port}"
        with pytest.raises(rp.ServerError, match="SSL_CERT_FILE"):
            rp.Client(url).read(b"x")
        assert not waits
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert rp.Client(url).read(b"x")[0].text == "Dear"


@pytest.mark.parametrize("when", ["Fri, 01 Jan 2100 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00"])
def test_a_time_to_come_back_at_may_be_a_date(when: str, waits: list[float]) -> None:
    script = Script([(503, {"Retry-After": when}, {}), OK])
    with serving(script):
        rp.Client(script.url, timeout=7).read(b"x")
    assert (waits[0] >= 7) is when.endswith("GMT")


def test_the_client_for_asyncio_has_the_same_signatures() -> None:
    for name in ("read", "models"):
        same, other = getattr(rp.Client, name), getattr(rp.AsyncClient, name)
        assert inspect.signature(same) == inspect.signature(other) and same.__doc__ == other.__doc__
        assert inspect.iscoroutinefunction(other)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        3,
        "http://127.0.0.1:port",
        "http://[::1",
        "http://",
        "http://a b",
        "http://a/?b=c",
        "http://a#b",
    ],
)
def test_what_is_no_address(url: Any) -> None:
    with pytest.raises(rp.ConfigError, match="not an http or https URL"):
        rp.Client(url)


@pytest.mark.parametrize("script", [[(422, {}, {"code": "image_damaged", "detail": "Mend it."})]], indirect=True)
def test_a_bad_picture_is_not_sent_twice(script: Script) -> None:
    with pytest.raises(rp.ServerError, match=r"image_damaged: Mend it\."):
        rp.Client(script.url).read(b"picture")


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(rp.ServerError, match=r"127.0.0.1:9 cannot be reached: .Errno"):
        rp.Client("http://127.0.0.1:9", tries=2).read(b"picture")


@pytest.mark.parametrize("script", [[(200, {}, {"models": [{"name": "some_reader"}]})]], indirect=True)
def test_models(script: Script) -> None:
    assert rp.Client(script.url).models() == [{"name": "some_reader"}]
    assert script.asked[0][0] == "/v1/models"


@pytest.mark.parametrize(
    "script", [[(200, {}, {"pages": [{**PAGE, "overlay": "data:image/png;base64,ZHJhd24="}]})]], indirect=True
)
def test_show_by_a_server(script: Script, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"picture")
    result = CliRunner().invoke(cli, ["show", str(tmp_path / "a.png"), "--url", script.url])
    assert result.exit_code == 0 and result.output.startswith("Dear\n1 line, mean confidence 0.90")
    assert (tmp_path / "a.overlay.png").read_bytes() == b"drawn"


@pytest.mark.parametrize("script", [[OK, BUSY, OK, (200, {}, {"models": []})]], indirect=True)
def test_the_client_for_asyncio_reads_the_same(script: Script) -> None:
    async def main() -> None:
        async with rp.AsyncClient(script.url, at_once=2) as client:
            first, second = await asyncio.gather(client.read(b"x"), client.read(b"y", pages="1"))
            assert [page.text for page in (*first, *second)] == ["Dear", "Dear"]
            assert await client.models() == []

    asyncio.run(main())
    assert sorted(body for _, _, body in script.asked if body)[0] == b"x" and len(script.asked) == 4


@pytest.mark.parametrize("script", [[TOO_SLOW]], indirect=True)
def test_the_client_for_asyncio_raises_the_same(script: Script) -> None:
    async def main() -> None:
        with pytest.raises(rp.ServerError, match="too_slow"):
            await rp.AsyncClient(script.url).read(b"x")

    asyncio.run(main())
    with pytest.raises(rp.ConfigError, match="at_once"):
        rp.AsyncClient(script.url, at_once=0)
