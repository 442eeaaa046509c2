"""A stand-in for the Hugging Face hub on a loopback port: the calls that a download makes, and their mishaps."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from http_servers import Quiet, serving

LARGE = ".onnx"
"""Files with this ending are kept as the hub keeps large files: published with their sha256."""


class Hub:
    """Repositories by name: a list of commits, each with its files; the last one is the newest.

    Attributes:
        lies: Files whose published digest is wrong.
        cut_after: Bytes after which the next answers break off; one entry an answer.
        pause_after: Bytes after which answers wait for ever, and `paused` tells it; None: never.
        requests: Method, path and range of what was asked.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, list[dict[str, bytes]]] = {}
        self.lies: set[str] = set()
        self.cut_after: list[int] = []
        self.pause_after: int | None = None
        self.paused = threading.Event()
        self.requests: list[tuple[str, str, str | None]] = []
        self.url = ""

    def commit(self, repository: str, number: int) -> str:
        return hashlib.sha1(f"{repository} {number}".encode()).hexdigest()

    def number(self, repository: str, revision: str) -> int | None:
        count = len(self.repositories[repository])
        commits = {self.commit(repository, n): n for n in range(count)} | {"main": count - 1}
        return commits.get(revision)

    def digest(self, name: str, content: bytes) -> str:
        if name in self.lies:
            return "0" * (64 if name.endswith(LARGE) else 40)
        if name.endswith(LARGE):
            return hashlib.sha256(content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def describe(self, repository: str, number: int) -> dict[str, Any]:
        siblings = []
        for name, content in self.repositories[repository][number].items():
            entry: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": self.digest(name, content)}
            if name.endswith(LARGE):
                entry["lfs"] = {"sha256": self.digest(name, content), "size": len(content), "pointerSize": 130}
            siblings.append(entry)
        return {"id": repository, "modelId": repository, "sha": self.commit(repository, number), "siblings": siblings}


class Server(ThreadingHTTPServer):
    """Answers for a hub."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.hub = hub


class Handler(Quiet, BaseHTTPRequestHandler):
    """Answers a request."""

    server: Server

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.hub.requests.append((self.command, self.path, self.headers.get("Range")))
        parts = urlsplit(self.path).path.strip("/").split("/")
        if parts[0] != "cdn" and self.path.endswith(LARGE):
            return self.redirect(f"{self.server.hub.url}/cdn{self.path}")
        parts = parts[parts[0] == "cdn" :]
        if parts[:2] == ["api", "models"]:
            self.model("/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main")
        elif len(parts) > 4 and parts[2] == "resolve":
            self.file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self.refuse("EntryNotFound")

    def model(self, repository: str, revision: str) -> None:
        if repository not in self.server.hub.repositories:
            return self.refuse("RepoNotFound")
        number = self.server.hub.number(repository, revision)
        if number is None:
            return self.refuse("RevisionNotFound")
        assert parse_qs(urlsplit(self.path).query).get("blobs")
        self.answer(
            json.dumps(self.server.hub.describe(repository, number)).encode(), {"Content-Type": "application/json"}
        )

    def file(self, repository: str, revision: str, name: str) -> None:
        number = self.server.hub.number(repository, revision)
        content = None if number is None else self.server.hub.repositories[repository][number].get(name)
        if number is None or content is None:
            return self.refuse("EntryNotFound")
        digest = self.server.hub.digest(name, content)
        headers = {
            "X-Repo-Commit": self.server.hub.commit(repository, number),
            "ETag": f'"{digest}"',
            "Accept-Ranges": "bytes",
        }
        if name.endswith(LARGE):
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        self.answer(content, headers)

    def answer(self, content: bytes, headers: dict[str, str]) -> None:
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        body, hub = content[start:], self.server.hub
        if hub.pause_after is not None and len(body) > hub.pause_after:
            self.wfile.write(body[: hub.pause_after])
            self.wfile.flush()
            hub.paused.set()
            while hub.pause_after is not None:
                time.sleep(0.05)
            self.close_connection = True
        elif hub.cut_after and len(body) > hub.cut_after[0]:
            self.wfile.write(body[: hub.cut_after.pop(0)])
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True
        else:
            self.wfile.write(body)

    def redirect(self, url: str) -> None:
        """Sends large files from elsewhere, as the hub does."""
        self.send_response(302)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def refuse(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """The hub on a port of its own."""
    server = Server(hub)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    with serving(server):
        yield hub
