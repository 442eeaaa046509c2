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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

START_SECONDS = 300


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

    def replicas(self) -> list[int]:
        """Processes that read pages."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "ServeReplica:raypipe:BinaryToImage" in " ".join(child.cmdline()):
                    found.append(child.pid)
        return found

    def stop(self) -> int:
        """Asks it to end, and returns its exit status. Its log stays where that is not 0."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(90)
        if status == 0:
            self.log.unlink()
        return status


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(*arguments: str) -> Server:
    """Starts a server and waits until it reads pages."""
    port = free_port()
    log = Path(tempfile.mkstemp(suffix=".log", prefix="raypipe-serve-")[1])
    command = [sys.executable, "-m", "raypipe", "serve", "--port", str(port), *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
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
