"""Seconds from a command to the first text, to the end of a small job, and to a server that is ready.

Example: python benchmarks/startup.py --runs 3
Each run is a process of its own. `show`: one page with its text. `local`, `ray`: the pages of examples/ with their
files and overlays. `serve`: until /readyz says yes. `--bare`: no home, and a folder for temporary files of its own, so
that nothing that an earlier run left is found. CPU seconds are those of the command and its processes that have ended.
Prints one JSON object a command: the median of the runs.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
RAYPIPE = [sys.executable, "-m", "raypipe"]


def cpu_seconds() -> float:
    """CPU seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def job(*arguments: str, environment: dict[str, str]) -> float:
    """Wall seconds of a command that ends by itself."""
    start = time.perf_counter()
    subprocess.run([*RAYPIPE, *arguments], check=True, env=environment, capture_output=True)
    return time.perf_counter() - start


def ready(port: int) -> bool:
    """Whether a server says that it can read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def server(environment: dict[str, str]) -> float:
    """Wall seconds until a server is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start = time.perf_counter()
    process = subprocess.Popen([*RAYPIPE, "serve", "--port", str(port)], env=environment, stderr=subprocess.DEVNULL)
    try:
        while not ready(port):
            if process.poll() is not None:
                raise SystemExit("The server ended.")
            time.sleep(0.05)
        return time.perf_counter() - start
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def once(what: str, folder: str, bare: bool) -> float:
    """Wall seconds of one command."""
    environment = dict(os.environ)
    if bare:
        environment |= {"HOME": f"{folder}/no/home", "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    if what == "serve":
        return server(environment)
    if what == "show":
        return job("show", str(EXAMPLES / "note.jpg"), "-o", f"{folder}/overlay.png", environment=environment)
    return job("run", str(EXAMPLES), "-o", f"{folder}/out", "--engine", what, environment=environment)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["show", "local", "ray", "serve"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bare", action="store_true")
    arguments = parser.parse_args()
    for what in arguments.what:
        walls, cpus = [], []
        for _ in range(arguments.runs):
            with tempfile.TemporaryDirectory() as folder:
                before = cpu_seconds()
                walls.append(once(what, folder, arguments.bare))
                cpus.append(cpu_seconds() - before)
        print(json.dumps({
            "command": what,
            "bare": arguments.bare,
            "seconds": round(statistics.median(walls), 2),
            "best_seconds": round(min(walls), 2),
            "cpu_seconds": round(statistics.median(cpus), 2),
            "load": round(os.getloadavg()[0], 1),
        }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
