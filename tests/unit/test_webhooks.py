"""Messages of the ends of jobs: where they may go, how they are signed, and that they arrive."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from http_servers import Quiet, serving
from job_server import PIPELINE, Reader, finished, place_of, until
from making import tiff
from starlette.testclient import TestClient

from raypipe.errors import ConfigError
from raypipe.job.results import Rows
from raypipe.web import webhooks
from raypipe.web.app import create
from raypipe.web.settings import JobSettings, ServerSettings
from raypipe.web.targets import Allowed
from raypipe.web.uploads import Upload
from raypipe.web.webhooks import Webhooks, read_signing_keys
from raypipe.web_jobs import sender
from raypipe.web_jobs.manager import JobManagerFactory
from raypipe.web_jobs.store import JobStore
from raypipe.web_jobs.written import Counts

KEY = b"a key of thirty-two bytes, no less"[:32]
LOOPBACK = ("127.0.0.0/8",)


class Receiver(ThreadingHTTPServer):
    """Takes messages, and answers with the statuses that it is told, then with 204."""

    def __init__(self, *statuses: int, location: str = "") -> None:
        self.statuses, self.location = list(statuses), location
        self.taken: list[tuple[str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Taking)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/"


class Taking(Quiet, BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, dict(self.headers), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()


def receiving(*statuses: int, location: str = "") -> AbstractContextManager[Receiver]:
    return serving(Receiver(*statuses, location=location))


@contextmanager
def telling(folder: Path, receiver: Receiver, reader: Reader | None = None) -> Iterator[TestClient]:
    """A server whose jobs may name the receiver."""
    settings = JobSettings(
        jobs=folder, webhooks=(receiver.url,), webhook_networks=LOOPBACK, webhook_key_file=folder / "key"
    )
    made = JobManagerFactory(PIPELINE, settings, folder, Webhooks(settings.allowed, (KEY,)))
    with TestClient(create(reader or Reader(), ServerSettings(), jobs_for=made)) as client:
        yield client


def told(client: TestClient, place: str, state: str) -> Any:
    """What is said of the message, once it is in a state."""

    def found() -> Any:
        webhook = client.get(place).json()["webhook"]
        return webhook if webhook["state"] == state else None

    return until(found)


def test_the_end_of_a_job_is_told_and_signed(tmp_path: Path) -> None:
    with receiving() as receiver, telling(tmp_path, receiver) as client:
        begun = client.post("/v1/jobs", params={"webhook": f"{receiver.url}a?b=c"}, content=tiff(3))
        assert begun.json()["webhook"]["state"] == "waiting"
        place = place_of(begun)
        assert told(client, place, "delivered")["tries"] == 1
        ((path, headers, body),) = receiver.taken
        said = json.loads(body)
        job = client.get(place).json()
        assert path == "/hooks/a?b=c" and said["type"] == "job.done" and said["timestamp"] == job["ended"]
        assert said["data"] == {name: value for name, value in job.items() if name != "webhook"}
        assert headers["webhook-id"] == job["id"] and abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
        expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_message_is_tried_again_also_by_the_next_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "PAUSES", (3600,))
    with receiving(500, 302, location="/elsewhere") as receiver:
        with telling(tmp_path, receiver) as client:
            form = {"webhook": receiver.url}
            place = place_of(client.post("/v1/jobs", data=form, files={"file": ("a.tif", tiff(1))}))
            finished(client, place)
            first = until(lambda: (webhook := client.get(place).json()["webhook"])["tries"] and webhook)
            assert first["state"] == "waiting" and "500" in first["problem"]
        (record,) = tmp_path.glob("*/delivery.json")
        assert json.loads(record.read_text())["due"] > time.time() + 1800, "it waits"
        monkeypatch.setattr(sender, "LOOK_SECONDS", 0.01)
        monkeypatch.setattr(sender, "PAUSES", (0, 0, 0))
        record.write_text(json.dumps({**json.loads(record.read_text()), "due": time.time() + 10**7}))
        with telling(tmp_path, receiver) as client:
            assert told(client, place, "delivered")["tries"] == 3, "the clock had gone months ahead"
        assert {path for path, *_ in receiver.taken} == {"/hooks/"}, "no redirection is followed"
        assert len({headers["webhook-id"] for _, headers, _ in receiver.taken}) == 1


def test_a_receiver_that_is_down_delays_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its messages was waited for, up to twenty seconds, before those to others were sent."""
    sent = []

    def send(_: Webhooks, url: str, *__: object) -> None:
        sent.append(url)
        if "down" in url:
            raise TimeoutError

    monkeypatch.setattr(Webhooks, "send", send)
    jobs = JobSettings(jobs=tmp_path, webhooks=("http://down", "http://up"), webhook_key_file=tmp_path / "key")
    store = JobStore(tmp_path, jobs, PIPELINE)
    for url in ("http://down/1", "http://down/2", "http://up/1", "http://up/2"):
        job = store.add([Upload("a", b"a")], 1, "", url, store.pipelines.mine)
        job.end(Rows(1, Counter(), {}))
    made = sender.WebhookSender(store, Webhooks(jobs.allowed, (KEY,)), lambda job: job.answer(1, Counts()))
    made._deliver_due()
    assert sent == ["http://down/1", "http://up/1", "http://up/2"]
    made._deliver_due()
    assert sent[3:] == ["http://down/2"]


def test_a_message_is_given_up_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(sender, "PAUSES", (0,))
    with receiving(500, 500, 410) as receiver, telling(tmp_path, receiver) as client:
        for tries, problem in ((2, "500"), (1, "410")):
            place = place_of(client.post("/v1/jobs", params={"webhook": receiver.url}, content=tiff(1)))
            given_up = told(client, place, "given_up")
            assert given_up["tries"] == tries and problem in given_up["problem"]
        assert len(receiver.taken) == 3


def test_a_client_names_no_other_address(tmp_path: Path) -> None:
    with receiving() as receiver, telling(tmp_path, receiver) as client:
        for url in ("http://127.0.0.1:1/hooks/", f"{receiver.url}../", "file:///etc/passwd", receiver.url[:-1] + "x"):
            refused = client.post("/v1/jobs", params={"webhook": url}, content=tiff(1))
            assert (refused.status_code, refused.json()["code"]) == (422, "webhook_refused"), url
        assert not receiver.taken and not list(tmp_path.glob("*/job.json"))


ALLOWED = Allowed(("https://hooks.example/ocr", "http://10.0.0.5:8080/"), ("10.0.0.0/24",))


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/ocr",
        "https://HOOKS.example:443/ocr/a/b?c=d",
        "http://10.0.0.5:8080/any",
    ],
)
def test_addresses_under_those_of_the_operator_are_allowed(url: str) -> None:
    assert ALLOWED.find(url).host in ("hooks.example", "10.0.0.5")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example/ocr",
        "http://hooks.example/ocr",
        "https://hooks.example/ocrs",
        "https://hooks.example/",
        "https://hooks.example:444/ocr/",
        "https://hooks.example.evil/ocr/",
        "https://hooks.example@evil.example/ocr/",
        "https://evil.example/https://hooks.example/ocr/",
        "https://evil.example\\@hooks.example/ocr/",
        "https://hooks.example/ocr/../admin",
        "https://hooks.example/ocr/%2e%2E/admin",
        "https://hooks.example/ocr/..%2fadmin",
        "https://hooks.example/ocr/#x",
        "https://hooks.example/ocr/ HTTP/1.1\r\nX: y",
        "https://hooks.example/ocr/\N{LATIN SMALL LETTER A WITH DIAERESIS}",
        "https://hooks.example:x/ocr/",
        "https://[hooks.example/ocr/",
        "ftp://hooks.example/ocr/",
        f"https://hooks.example/ocr/{'x' * 2000}",
        "http://10.0.0.6:8080/",
    ],
)
def test_others_are_not(url: str) -> None:
    with pytest.raises(ValueError, match=" "):
        ALLOWED.find(url)


@pytest.mark.parametrize(
    ("address", "permitted"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.0.0.77", True),
        ("::ffff:10.0.0.77", True),
        ("10.0.1.77", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1%2", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_private_addresses_need_a_network_that_the_operator_names(address: str, permitted: bool) -> None:
    assert ALLOWED.permits(address) is permitted


def test_a_public_name_with_a_private_address_is_not_connected_to() -> None:
    allowed = Allowed(("http://localhost:9/",), ())
    with pytest.raises(OSError, match="neither public nor in webhook_networks"):
        Webhooks(allowed, (KEY,)).send("http://localhost:9/", "n", b"{}")


def test_a_receiver_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MOST_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        ended = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 2")
                while not ended.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(OSError, match="not HTTP|reset by peer"):
            Webhooks(Allowed((url,), LOOPBACK), (KEY,)).send(url, "n", b"{}")
        ended.set()
        thread.join()


def test_what_a_receiver_says_instead_of_http_is_not_repeated() -> None:
    def talk(server: socket.socket) -> None:
        with suppress(OSError):
            client, _ = server.accept()
            client.recv(65_536)
            client.sendall(b"220 an inner secret\r\n")
            client.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=talk, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(OSError, match="not HTTP") as raised:
            Webhooks(Allowed((url,), LOOPBACK), (KEY,)).send(url, "1", b"{}")
    assert "secret" not in str(raised.value)


def test_messages_go_over_tls_to_whom_the_server_trusts(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        urls = [f"https://{host}:{receiver.server_port}/hooks/" for host in ("localhost", "127.0.0.1")]
        hooks = Webhooks(Allowed(tuple(urls), LOOPBACK), (KEY,))
        with pytest.raises(OSError, match="self-signed certificate"):
            hooks.send(urls[0], "n", b"{}")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(OSError, match="IP address mismatch"):
            hooks.send(urls[1], "n", b"{}")
        assert receiver.taken == []
        hooks.send(urls[0], "n", b"{}")
        assert [(path, body) for path, _, body in receiver.taken] == [("/hooks/", b"{}")]


def test_signatures_are_those_of_standard_webhooks(tmp_path: Path) -> None:
    """The library standardwebhooks 1.0.0 for Python makes the same of its own example."""
    (tmp_path / "keys").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    (key,) = read_signing_keys(tmp_path / "keys")
    sender = Webhooks(Allowed((), ()), (key,))
    found = sender.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    both = Webhooks(Allowed((), ()), (KEY, key)).signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b"{}")
    assert len(both.split(" ")) == 2
    assert "MfKQ" not in repr(sender) and "31f" not in repr(sender)


@pytest.mark.parametrize("text", ["", "whsec_!", "whsec_c2hvcnQ=", "whsec_\N{LATIN SMALL LETTER A WITH DIAERESIS}"])
def test_wrong_keys_are_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="key"):
        read_signing_keys(tmp_path / "keys")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"webhooks": ("https://a.example/",)}, "go together"),
        ({"webhook_key_file": Path("keys")}, "go together"),
        ({"webhook_networks": LOOPBACK}, "no effect without webhooks"),
        ({"webhooks": ("a.example",), "webhook_key_file": Path("k")}, "not an address to allow"),
        ({"webhooks": ("https://a.example/?b",), "webhook_key_file": Path("k")}, "query"),
        ({"webhooks": ("http://127.0.0.1:9/",), "webhook_key_file": Path("k")}, "webhook_networks, too"),
        (
            {"webhooks": ("http://a.example/",), "webhook_key_file": Path("k"), "webhook_networks": ("10.0.0.1/8",)},
            "host bits",
        ),
    ],
)
def test_settings_that_go_wrong_are_told(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        JobSettings(jobs=tmp_path, **given)
