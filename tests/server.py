"""`raypipe serve` as its users start it: a process of its own, on a free port."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

START_SECONDS = 300
PATIENCE = {"RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "100", "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "100"}
"""A busy machine may need more than Ray Serve's ten seconds to start what listens for it."""


@dataclass
class Server:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def connect(self, timeout: float = 120) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def replicas(self, deployment: str = "BinaryToImage") -> list[int]:
        """Processes of a deployment, by default those that read pages."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if f"ServeReplica:raypipe:{deployment}" in " ".join(child.cmdline()):
                    found.append(child.pid)
        return found

    def listening(self) -> set[str]:
        """The addresses on which its processes listen."""
        found = set()
        root = psutil.Process(self.process.pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                connections = process.net_connections("inet")
                found |= {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
        return found

    def stop(self) -> int:
        """Asks it to end, and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Its exit status. Its log stays where that is not 0."""
        status = self.process.wait(90)
        if status == 0:
            self.log.unlink()
        return status


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(*arguments: str, python: Sequence[str] = (sys.executable,)) -> Server:
    """Starts a server and waits until it reads pages; `python` is the command of the Python that runs it."""
    port = free_port()
    log = Path(tempfile.mkstemp(suffix=".log", prefix="raypipe-serve-")[1])
    command = [*python, "-m", "raypipe", "serve", "--port", str(port), *arguments]
    environment = PATIENCE | {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    deadline = time.monotonic() + START_SECONDS
    while f"raypipe: http://127.0.0.1:{port}/" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            raise AssertionError(log.read_text())
        time.sleep(0.2)
    return Server(port, process, log)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with the standard pipeline, for all tests that need one."""
    running = start()
    yield running
    assert running.stop() == 0, running.log


@pytest.fixture(scope="session")
def local_server() -> Iterator[Server]:
    """The same without Ray."""
    running = start("--engine", "local")
    yield running
    assert running.stop() == 0, running.log


@pytest.fixture(params=["server", "local_server"])
def each_server(request: pytest.FixtureRequest) -> Server:
    """A server with Ray, and one without."""
    found: Server = request.getfixturevalue(request.param)
    return found
