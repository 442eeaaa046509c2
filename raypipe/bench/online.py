"""A round through `raypipe serve`: a server of its own on the loopback address, and clients in threads."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from raypipe.bench.setting import Round, Setting
from raypipe.client import Client
from raypipe.errors import ConfigError
from raypipe.plurals import counted

READY_SECONDS = 120
"""How long a server may take to become ready."""
WAIT_SECONDS = 10
"""How long a server may take to end."""
STEP = re.compile(r'^raypipe_stage_seconds_sum\{step="([^"]+)"\} (\S+)$', re.MULTILINE)


def read(setting: Setting, paths: Sequence[str], folder: str) -> Round:
    """Reads all files.

    Raises:
        ConfigError: The server does not start, or a page cannot be read.
    """
    declared = Path(folder) / "pipeline.toml"
    declared.write_text(setting.toml, encoding="utf-8")
    with server(declared) as url, ThreadPoolExecutor(setting.connections) as threads:
        client = Client(url)
        list(threads.map(client.read, paths[: setting.connections]))
        # Up to here, replicas were warmed up.
        before, start = _steps(url), time.monotonic()
        pages = [page for found in threads.map(client.read, paths) for page in found]
        seconds, after = time.monotonic() - start, _steps(url)
    if wrong := [page.exception for page in pages if page.exception]:
        raise ConfigError(f"{counted(len(wrong), 'page')} cannot be read, first: {wrong[0]}", "Leave them out.")
    sums = {f"{name}_seconds": value - before.get(name, 0) for name, value in after.items()}
    return Round(pages=len(pages), seconds=seconds, cpu_seconds=None, sums=sums)


@contextmanager
def server(declared: Path) -> Iterator[str]:
    """The address of a server that is ready, and ends with the block; its output goes beside the pipeline."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log_file = declared.with_suffix(".log")
    command = [sys.executable, "-m", "raypipe", "serve", "--pipeline", str(declared), "--port", str(port)]
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, url, log_file)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log_file: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            _get(f"{url}/readyz")
        except OSError:
            time.sleep(0.1)
        else:
            return
    lines = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise ConfigError(
        f"`raypipe serve` did not start: {lines[-1] if lines else 'it printed nothing'}", "Run it by itself to see why."
    )


def _steps(url: str) -> dict[str, float]:
    """Seconds in each step so far, from the server's metrics."""
    return {name: float(value) for name, value in STEP.findall(_get(f"{url}/metrics"))}


def _get(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        return bytes(answer.read()).decode()
