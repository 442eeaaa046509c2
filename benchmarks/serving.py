"""Load on `raypipe serve`: latency by connections, saturation against the local engine, overload, memory.

Example: python benchmarks/serving.py PAGES/*.jpg
Prints a JSON object a line. Clients send the next page when they have the answer to the last, and wait as long as a
429 tells them. `overload` sends without waiting for answers, at so many times the rate of saturation. `slow clients`
send a byte a second each, while one client sends pages and another asks whether the server is ready.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from memory import Memory

from raypipe import presets
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.run.local import processor

PAIRS = 60
"""About so many pages are read directly and through the server in turn, each at least twice."""


class Load:
    """Answers of one phase, gathered by many threads.

    Args:
        port: Where the server is.
        bodies: What to send, over and over.
        key: Whose requests they are, if the server knows keys.
    """

    def __init__(self, port: int, bodies: list[bytes], key: str = "") -> None:
        self.port, self.bodies = port, itertools.cycle(bodies)
        self.headers = {
            "Content-Type": "application/octet-stream",
            **({"Authorization": f"Bearer {key}"} if key else {}),
        }
        self.lock = threading.Lock()
        self.answers: list[tuple[int, float]] = []

    def send(self, connection: http.client.HTTPConnection) -> tuple[int, float]:
        """Sends a page; returns the status and the seconds to wait before the next."""
        with self.lock:
            body = next(self.bodies)
        begun = time.perf_counter()
        try:
            connection.request("POST", "/v1/ocr", body, self.headers)
            response = connection.getresponse()
            response.read()
            status, wait = response.status, float(response.headers.get("Retry-After") or 0)
        except (OSError, http.client.HTTPException):
            connection.close()
            status, wait = 0, 1.0
        with self.lock:
            self.answers.append((status, time.perf_counter() - begun))
        return status, wait

    def closed(self, connections: int, seconds: float) -> dict[str, Any]:
        """So many clients, each waiting for its answers."""
        end = time.perf_counter() + seconds

        def client() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
            while time.perf_counter() < end:
                time.sleep(self.send(connection)[1])

        return self._gather([threading.Thread(target=client) for _ in range(connections)])

    def opened(self, rate: float, seconds: float) -> dict[str, Any]:
        """So many requests a second, whether they are answered or not."""
        threads: list[threading.Thread] = []

        def one() -> None:
            self.send(http.client.HTTPConnection("127.0.0.1", self.port, timeout=300))

        def start() -> None:
            begun = time.perf_counter()
            for number in range(int(rate * seconds)):
                time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
                threads.append(threading.Thread(target=one))
                threads[-1].start()
            for thread in threads:
                thread.join()

        return self._gather([threading.Thread(target=start)])

    def _gather(self, threads: list[threading.Thread]) -> dict[str, Any]:
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - begun
        return summary(self.answers, seconds)


def summary(answers: list[tuple[int, float]], seconds: float) -> dict[str, Any]:
    """Rate and latencies in milliseconds of the pages read, and the statuses of all answers."""
    read = sorted(latency for status, latency in answers if status == 200)
    refused = sorted(latency for status, latency in answers if status == 429)
    found: dict[str, Any] = {"pages_per_second": round(len(read) / seconds, 3), "pages": len(read)}
    if len(read) > 1:
        cuts = statistics.quantiles(read, n=100, method="inclusive")
        found.update({f"p{n}_ms": round(1000 * cuts[n - 1]) for n in (50, 95, 99)})
    if refused:
        found["refused_p50_ms"] = round(1000 * statistics.median(refused))
    return {**found, "statuses": dict(Counter(status for status, _ in answers))}


class SlowClients:
    """Uploads that hardly move, and what becomes of them.

    Args:
        port: Where the server is.
        count: How many there are.
    """

    HEAD = b"POST /v1/ocr HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"

    def __init__(self, port: int, count: int) -> None:
        self.connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        self.statuses, self.ended = Counter[str](), threading.Event()
        for each in self.connections:
            each.sendall(self.HEAD)
            each.setblocking(False)

    def drip(self) -> None:
        """Sends a byte a second on each connection, until it is answered or told to end."""
        while not self.ended.wait(1):
            for each in list(self.connections):
                try:
                    each.sendall(b"x")
                    answer = each.recv(64)
                except BlockingIOError:
                    continue
                except OSError:
                    answer = b""
                self.statuses[answer[9:12].decode() or "closed"] += 1
                self.connections.remove(each)

    def beside(self, load: Load, seconds: float) -> dict[str, Any]:
        """What good clients see meanwhile."""
        ready: list[float] = []

        def ask() -> None:
            while not self.ended.wait(0.2):
                begun = time.perf_counter()
                connection = http.client.HTTPConnection("127.0.0.1", load.port, timeout=60)
                connection.request("GET", "/readyz")
                connection.getresponse().read()
                ready.append(time.perf_counter() - begun)

        threads = [threading.Thread(target=work) for work in (self.drip, ask)]
        for thread in threads:
            thread.start()
        found = load.closed(1, seconds)
        self.ended.set()
        for thread in threads:
            thread.join()
        still = {"still under way": len(self.connections)}
        return {**found, "slowest_ready_ms": round(1000 * max(ready)), "slow": {**self.statuses, **still}}


class Direct:
    """The same pages without a server."""

    def __init__(self) -> None:
        self._process = processor(presets.standard(use_gpu=False).graph, usable_cpus(), Metrics())

    def seconds(self, bodies: list[bytes]) -> float:
        """Reads pages together, and says how long it took."""
        begun = time.perf_counter()
        self._process([{"path": "p", "name": "p", "content": body, "pagenum": 0, "total_pages": 1} for body in bodies])
        return time.perf_counter() - begun

    def rate(self, bodies: list[bytes]) -> dict[str, Any]:
        """Pages per second of the local engine, which reads four at a time."""
        for body in bodies:
            self.seconds([body])
        together = sum(self.seconds(bodies[n : n + 4]) for n in range(0, len(bodies), 4))
        return {"phase": "local engine", "pages_per_second": round(len(bodies) / together, 3)}

    def beside(self, port: int, bodies: list[bytes], rounds: int) -> dict[str, Any]:
        """Each page here and through the server in turn: what the server adds, whatever else the machine does."""
        load, connection = Load(port, bodies), http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        here = []
        for _, body in itertools.product(range(rounds), bodies):
            here.append(self.seconds([body]))
            load.send(connection)
        there = [seconds for _, seconds in load.answers]
        added = [after - before for before, after in zip(here, there, strict=True)]
        found = {"direct_p50_ms": here, "served_p50_ms": there, "added_p50_ms": added}
        medians = {name: round(1000 * statistics.median(values), 1) for name, values in found.items()}
        return {"phase": "beside", "pages": len(here), **medians}


def serve(arguments: list[str]) -> tuple[subprocess.Popen[bytes], int]:
    """Starts a server and waits until it reads pages."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "raypipe", "serve", "--port", str(port), "--device", "cpu", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return process, port
        except OSError:
            pass
        time.sleep(0.3)
    raise SystemExit(f"the server ended with {process.returncode}")


def main() -> None:
    """Run the phases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 4, 16, 64])
    parser.add_argument("--seconds", type=float, default=40, help="of each phase")
    parser.add_argument("--overload", type=float, default=4, help="times the rate of saturation; 0: none")
    parser.add_argument("--overload-seconds", type=float, default=60)
    parser.add_argument("--slow", type=int, default=250, help="slow clients; 0: none")
    parser.add_argument("--no-direct", action="store_true", help="leave out the figures without a server")
    parser.add_argument("--serve", default="", help="more arguments of raypipe serve, as --serve='--batch-lines 256'")
    arguments = parser.parse_args()
    bodies = [page.read_bytes() for page in arguments.pages]
    direct = None if arguments.no_direct else Direct()
    if direct:
        print(json.dumps(direct.rate(bodies)), flush=True)
    process, port = serve(arguments.serve.split())
    memory, best = Memory(process.pid), 0.0
    memory.start()
    try:
        warm = Load(port, bodies)
        warm.closed(2, len(bodies) / 2)
        if direct:
            print(json.dumps(direct.beside(port, bodies, max(2, PAIRS // len(bodies)))), flush=True)
        for connections in arguments.connections:
            found = Load(port, bodies).closed(connections, arguments.seconds)
            best = max(best, found["pages_per_second"])
            print(json.dumps({"phase": f"{connections} connections", **found, "mb": memory.samples[-1]}), flush=True)
        if arguments.overload:
            before = len(memory.samples)
            found = Load(port, bodies).opened(arguments.overload * best, arguments.overload_seconds)
            print(json.dumps({"phase": f"overload x{arguments.overload:g}", **found}), flush=True)
            print(json.dumps({"phase": "memory", "mb": memory.samples[before:][:: len(memory.samples) // 40 + 1]}))
        if arguments.slow:
            found = SlowClients(port, arguments.slow).beside(Load(port, bodies), arguments.seconds)
            print(json.dumps({"phase": f"{arguments.slow} slow clients", **found}), flush=True)
    finally:
        process.terminate()
        process.wait(90)


if __name__ == "__main__":
    main()
