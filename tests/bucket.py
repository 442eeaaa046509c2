"""A bucket on this machine that speaks as much of S3 as reading an object takes, and fails as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from http_servers import Quiet, serving

CONTENT = b"hello from a bucket"
BROKEN = 0
"""In place of a status: the connection breaks without an answer."""


class Bucket:
    """Its `failures` are the statuses of the next answers; its `requests` are counted."""

    def __init__(self, port: int) -> None:
        self.uri = f"s3://key:secret@bucket/scan.jpg?scheme=http&region=us-east-1&endpoint_override=127.0.0.1:{port}"
        self.failures: list[int] = []
        self.requests = 0


class Handler(Quiet, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def do_HEAD(self) -> None:
        self.respond(with_body=False)

    def do_GET(self) -> None:
        self.respond(with_body=True)

    def respond(self, with_body: bool) -> None:
        self.bucket.requests += 1
        status = self.bucket.failures.pop(0) if self.bucket.failures else 200
        if status == BROKEN:
            self.close_connection = True
            return
        content = CONTENT if status == 200 else b"<Error><Code>Some</Code><Message>failure</Message></Error>"
        if status == 200 and (asked := self.headers.get("Range")):
            first, last = asked.removeprefix("bytes=").split("-")
            content, status = content[int(first) : int(last) + 1], 206
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Last-Modified", "Thu, 26 Nov 2026 08:00:00 GMT")
        self.end_headers()
        if with_body:
            self.wfile.write(content)


@contextmanager
def bucket() -> Iterator[Bucket]:
    handler = type("Handler", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.bucket = Bucket(server.server_port)
    with serving(server):
        yield handler.bucket
