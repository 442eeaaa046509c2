"""A bucket that begins to refuse: what stands before a server of buckets, and passes on what it is told to."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from http_servers import Quiet, serving

EXPIRED = (400, "ExpiredToken")
DENIED = (403, "AccessDenied")


class Gate:
    """Passes requests on to a server on loopback.

    Attributes:
        port: Where it listens.
        refusal: The status and code of what it answers instead; None: it passes everything on.
        last: How many requests it passes on before it refuses any.
        methods: The methods that it refuses.
        passed: Requests that were passed on.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.refusal: tuple[int, str] | None = None
        self.methods: tuple[str, ...] = ("GET", "HEAD", "PUT", "POST", "DELETE")
        self.last = self.passed = 0


class Handler(Quiet, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gate: Gate
    behind: int

    def handle_any(self) -> None:
        body = self._body()
        refusal = self.gate.refusal
        if refusal and self.command in self.gate.methods and self.gate.passed >= self.gate.last:
            status, code = refusal
            self._answer(status, [], f"<Error><Code>{code}</Code><Message>no more</Message></Error>".encode())
            return
        self.gate.passed += 1
        connection = http.client.HTTPConnection("127.0.0.1", self.behind)
        left_out = ("content-length", "transfer-encoding", "expect", "connection")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in left_out}
        connection.request(self.command, self.path, body, headers)
        found = connection.getresponse()
        length = found.getheader("content-length") if self.command == "HEAD" else None
        self._answer(found.status, found.getheaders(), found.read(), length)
        connection.close()

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: str | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def gate(behind: int) -> Iterator[Gate]:
    methods = {f"do_{name}": Handler.handle_any for name in ("GET", "HEAD", "PUT", "POST", "DELETE")}
    handler = type("Handler", (Handler,), {"behind": behind, **methods})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.gate = Gate(server.server_port)  # type: ignore[attr-defined]
    with serving(server):
        yield handler.gate  # type: ignore[attr-defined]
