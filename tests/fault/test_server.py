"""A server under fire: replicas that die, bodies that are no pictures, clients that dawdle or leave."""

from __future__ import annotations

import contextlib
import http.client
import io
import itertools
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import drawn
import pytest
from command import raypipe
from PIL import Image
from server import Server, free_port, start

import raypipe as rp

GOOD = drawn.LETTER


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


LETTER = encoded(drawn.page(GOOD))
NOTE = encoded(drawn.page(GOOD[:1]))


def post(server: Server, body: bytes, path: str = "/v1/ocr", **headers: str) -> tuple[int, dict[str, object]]:
    """Sends a body; returns status and JSON. A connection that breaks is an error of the test."""
    connection = server.connect()
    try:
        sent = {"Content-Type": "application/octet-stream", **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request("POST", path, body, sent)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def assert_reads(server: Server) -> None:
    status, answer = post(server, LETTER)
    assert status == 200, answer
    assert answer["pages"][0]["text"].split("\n") == GOOD  # type: ignore[index]


@pytest.mark.slow
def test_a_replica_killed_under_load_costs_no_answer(server: Server) -> None:
    """Every request that was accepted is answered in full: those of the dead replica by another try."""
    clients: list[list[object]] = [[] for _ in range(4)]
    stop = threading.Event()

    def load(answers: list[object]) -> None:
        while not stop.is_set():
            status, answer = post(server, LETTER)
            answers.append(answer["pages"][0]["text"].split("\n") if status == 200 else answer)  # type: ignore[index]

    threads = [threading.Thread(target=load, args=[answers]) for answers in clients]
    for thread in threads:
        thread.start()
    until_each_has_one_more(clients)
    (victim,) = server.replicas()
    os.kill(victim, signal.SIGKILL)
    while server.replicas() in ([], [victim]):
        time.sleep(0.1)
    until_each_has_one_more(clients)
    stop.set()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert [answer for answers in clients for answer in answers if answer != GOOD] == []
    assert_reads(server)


def until_each_has_one_more(clients: list[list[object]]) -> None:
    before = [len(answers) for answers in clients]
    while any(len(answers) == count for answers, count in zip(clients, before, strict=True)):
        time.sleep(0.1)


def png_bomb(side: int) -> bytes:
    """A PNG file of a few kilobytes that announces side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(4096))) + chunk(b"IEND", b"")
    )


def bad_bodies() -> Iterator[tuple[str, bytes, set[int]]]:
    """200 bodies that hold no readable picture, with the statuses that may answer them."""
    chance = random.Random(4)
    small = drawn.page(GOOD[:1], (400, 150))  # What is left of some is read.
    kinds = {kind: encoded(small, kind) for kind in ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM")}
    for kind, share in itertools.product(kinds, (0.002, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9)):
        yield f"{kind} cut at {share}", kinds[kind][: int(len(kinds[kind]) * share)], {200, 415, 422}
    for kind, number in itertools.product(kinds, range(12)):
        data = bytearray(kinds[kind])
        for _ in range(40):
            data[chance.randrange(min(len(data), 400))] = chance.randrange(256)
        yield f"{kind} scrambled {number}", bytes(data), {200, 413, 415, 422}
    for side in (20_000, 65_000, 200_000, 2_000_000_000):
        yield f"bomb of {side}", png_bomb(side), {413, 415, 422}
    for number in range(40):
        yield f"noise {number}", chance.randbytes(chance.choice((1, 3, 7, 100, 5000))), {415, 422}
    for start_ in (b"%PDF-1.7\n", b"%PDF-", b"II*\0", b"MM\0*", b"PK\3\4", b"\x1f\x8b\x08", b"GIF89a", b"\xff\xd8\xff"):
        yield f"only {start_!r}", start_, {415, 422}
        yield f"{start_!r} and noise", start_ + chance.randbytes(2000), {413, 415, 422}
    for text in (b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"{}", b"/etc/passwd",
                 b"file:///etc/passwd", b"http://127.0.0.1/", b"#define x_width 1"):  # fmt: skip
        yield f"text {text!r}", text, {415, 422}


@pytest.mark.slow
def test_200_bad_bodies_each_get_their_answer_and_good_ones_are_read(each_server: Server) -> None:
    bodies = list(bad_bodies())
    assert len(bodies) == 200
    process = each_server.replicas()
    for number, (name, body, allowed) in enumerate(bodies):
        status, answer = post(each_server, body)
        assert status in allowed, (name, status, answer)
        assert status == 200 or answer["code"], name
        if number % 8 == 0:
            assert post(each_server, NOTE)[1]["pages"][0]["text"] == GOOD[0], name  # type: ignore[index]
    assert each_server.replicas() == process, "a replica died of a bad body"


@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        ({"Content_Encoding": "gzip"}, {415}),
        ({"X_Filler": "x" * 100_000}, {431}),
        ({"Accept": "image/png"}, {406}),
        ({"Content_Type": "multipart/form-data"}, {422}),
        ({"Content_Type": "multipart/form-data; boundary=" + "x" * 5000}, {422}),
    ],
    ids=["zip bomb", "huge header", "accept", "no boundary", "long boundary"],
)
def test_bad_headers(each_server: Server, headers: dict[str, str], statuses: set[int]) -> None:
    connection = each_server.connect()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", "/v1/ocr", zlib.compress(bytes(10_000_000)), sent)
    assert connection.getresponse().status in statuses
    connection.close()
    assert_reads(each_server)


def test_a_body_over_the_limit_is_refused_unread(each_server: Server) -> None:
    with socket.create_connection((each_server.host, each_server.port), 30) as client:
        client.sendall(b"POST /v1/ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000000000\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 413 ")
    assert_reads(each_server)


def test_nothing_listens_beyond_loopback(each_server: Server) -> None:
    """Neither HTTP, nor Ray's own ports, nor its metrics."""
    assert each_server.listening() <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_pages_of_other_sites_get_nothing(each_server: Server) -> None:
    """Not even if their name leads to this machine: browsers say for whom they ask."""
    foreign = {"Host": "evil.example", "Origin": "http://evil.example"}
    for headers, code in ((foreign, "host_unknown"), ({"Sec-Fetch-Site": "cross-site"}, "cross_site")):
        connection = each_server.connect()
        connection.request("POST", "/v1/ocr", NOTE, headers)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["code"]) in ((421, code), (403, code))
        connection.close()
    assert_reads(each_server)


def test_the_log_is_plain_json_lines_with_the_id_of_the_answer(each_server: Server) -> None:
    connection = each_server.connect()
    connection.request("POST", "/v1/ocr", NOTE, {"X-Request-ID": "a:b/1"})
    response = connection.getresponse()
    assert (
        response.headers.get_all("x-request-id") == ["a:b/1"] and json.loads(response.read())["request_id"] == "a:b/1"
    )
    connection.close()
    deadline = time.monotonic() + 10
    while '"a:b/1"' not in (log := each_server.log.read_text("utf-8")) and time.monotonic() < deadline:
        time.sleep(0.1)
    (line,) = (json.loads(line) for line in log.splitlines() if "a:b/1" in line)
    assert (line["route"], line["status"], line["pages"]) == ("/v1/ocr", 200, 1)
    if not each_server.replicas():  # Else Ray prints lines of its own. Those of libjpeg come of other tests' pictures.
        known = ("{", "raypipe: http", "Corrupt JPEG data: ", "Premature end of JPEG file")
        assert [line for line in log.splitlines() if not line.startswith(known)] == []


@pytest.mark.slow
def test_the_death_of_the_ingress_is_a_503_that_clients_try_again(server: Server) -> None:
    with socket.create_connection((server.host, server.port), 60) as client:
        client.sendall(b"POST /v1/ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nsome")
        time.sleep(0.5)
        (ingress,) = server.replicas("Ingress")
        os.kill(ingress, signal.SIGKILL)
        response = http.client.HTTPResponse(client)
        response.begin()
        problem = json.loads(response.read())
    assert (response.status, problem["code"]) == (503, "ingress_died")
    assert response.headers["retry-after"] and response.headers.get_all("x-request-id") == [problem["request_id"]]
    (page,) = rp.Client(server.url).read(NOTE)
    assert page.text == GOOD[0]


@pytest.fixture(scope="module", params=["ray", "local"])
def narrow_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that takes one request at a time; the last test stops it."""
    running = start("--engine", request.param, "--max-requests", "1", "--body-seconds", "5")
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0, running.log


@pytest.mark.slow
def test_clients_that_dawdle_hold_up_nobody(narrow_server: Server) -> None:
    """Slow heads and bodies take no place; a body that does not arrive in time is a 408, one too many a 429 at once."""
    server = narrow_server
    with contextlib.ExitStack() as stack:
        address, other_client = (server.host, server.port), ("127.0.0.2", 0)
        slow = [stack.enter_context(socket.create_connection(address, 30, other_client)) for _ in range(500)]
        for number, client in enumerate(slow):
            client.sendall(b"POST /v1/ocr HTTP/1.1\r\nHost: localhost\r\n")
            if number % 2:
                client.sendall(b"Content-Length: 1000\r\n\r\nsome")
        assert_reads(server)
        assert get(server, "/readyz") == 200
        statuses = Counter(client.recv(12) for client in slow[1::2])
        # Fifty have a place until their time is up; a busy machine looks at some only then, when places are free again.
        assert statuses.keys() == {b"HTTP/1.1 408", b"HTTP/1.1 429"} and statuses[b"HTTP/1.1 408"] >= 50
    assert_reads(server)
    assert_left_clients_free_their_place(server)


def assert_left_clients_free_their_place(server: Server) -> None:
    """The only place is free again soon after its client has gone."""
    deadline = time.monotonic() + 60
    while not left_under_way(server):
        assert time.monotonic() < deadline, "no client's request was ever under way"
    while post(server, LETTER)[0] != 200:
        assert time.monotonic() < deadline, "the place was not given back"
        time.sleep(0.1)


def left_under_way(server: Server) -> bool:
    """Sends a request and leaves; whether it was under way then: nothing says that it is the first to be taken."""
    with socket.create_connection((server.host, server.port), 30) as client:
        client.sendall(b"POST /v1/ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(LETTER) + LETTER)
        return post(server, LETTER)[0] == 429


def get(server: Server, path: str) -> int:
    connection = server.connect()
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def serve_command(pipeline: str, folder: Path) -> list[str]:
    file = folder / "pipeline.toml"
    file.write_text(f'[[stage]]\ntype = "BinaryToImage"\n[[stage]]\n{pipeline}\n', "utf-8")
    return ["serve", "--port", str(free_port()), "--pipeline", str(file)]


@pytest.mark.parametrize(
    ("pipeline", "status", "words"),
    [
        ('type = "ImageToText"\nlexicon = "/no/such/words.txt"', 2, "/no/such/words.txt"),
        ('type = "ImageToText"\nmodel = "no_such_model"', 4, "There is no model named 'no_such_model'."),
        ('type = "ImageTextDetector"\nmodel = "ocr_small_handwritten"', 4, "is a recognition model"),
    ],
    ids=["no lexicon", "no model", "a model of another task"],
)
def test_what_a_pipeline_lacks_is_told_in_a_line(
    pipeline: str, status: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    done = raypipe(*serve_command(pipeline, tmp_path))
    assert done.returncode == status and done.stderr.count("\n") == 1 and words in done.stderr


@pytest.mark.slow
def test_replicas_that_do_not_start_are_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "ocr_base_handwritten_v2_opt").mkdir()  # A model without its files.
    words = serve_command('type = "ImageToText"\nregions_column = ""\nmodel = "ocr_base_handwritten_v2_opt"', tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment["RAYPIPE_MODELS"] = str(tmp_path)
    command = [sys.executable, "-m", "raypipe", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 4
    assert line.startswith("raypipe: ") and "ocr_base_handwritten_v2_opt" in line
    assert line.endswith("Pull or import the model again.")


def seen_while_it_stops(server: Server) -> list[tuple[int, str, str]]:
    """Status, code and Retry-After of requests that are refused until nobody listens any more."""
    seen = []
    with contextlib.suppress(OSError, http.client.HTTPException):
        while True:
            connection = server.connect(5)
            connection.request("GET", "/v1/models")
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                seen.append((response.status, json.loads(body)["code"], response.headers["retry-after"]))
            connection.close()
            time.sleep(0.05)
    return seen


@pytest.mark.slow
def test_stopping_finishes_what_was_accepted(narrow_server: Server) -> None:
    server = narrow_server
    connection = server.connect()
    connection.request("POST", "/v1/ocr", LETTER)
    time.sleep(0.1)
    server.process.send_signal(signal.SIGTERM)
    refused = seen_while_it_stops(server)
    server.process.wait(90)
    assert "retries remaining" not in server.log.read_text(), "what Ray says of its own processes that end"
    assert server.ended() == 0
    assert refused and {(status, code) for status, code, _ in refused} <= {(503, "stopping"), (503, "not_serving")}
    assert all(wait for *_, wait in refused)
    response = connection.getresponse()
    assert response.status == 200 and json.loads(response.read())["pages"][0]["text"].split("\n") == GOOD
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        post(server, LETTER)
