"""The job around the pipeline at scale, without pictures: a stand-in pipeline sleeps and makes up text.

    python benchmarks/scale.py driver --entries 10000000 --plot driver.svg
    python benchmarks/scale.py rate --actors 1 4 16 64 --pages-per-actor 200
    python benchmarks/scale.py listing folder --entries 1000000
    python benchmarks/scale.py listing bucket --entries 1000000

`driver`: generated entries are listed, put into shards, read by a stand-in for Ray that writes rows at once, and
counted: what is measured is the driver. The job is stopped in the middle and goes on. `rate`: the real engine on Ray,
with as many actors as asked for, which sleep, so that a few CPUs are enough for them. `listing`: the first page and the
memory of a real folder, or of a bucket whose server on loopback makes its names up.
Prints one JSON object for each measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pyarrow as pa
from standin import Sleeper

from raypipe.inputs.listing import Found, listed
from raypipe.job import loop, plan
from raypipe.job.engine import EngineResult
from raypipe.job.lister import Lister
from raypipe.job.local import rows_per_file
from raypipe.job.names import Naming
from raypipe.job.plan import Job
from raypipe.job.progress import Progress
from raypipe.job.ray import RayEngine
from raypipe.pipeline import Pipeline
from raypipe.rows import to_table
from raypipe.stages.base import Pool

PLACE = "s3://archive/scans"
FOLDER_FILES = 5000
POINTS = 300
"""Of a plot, at most."""


class Driver(threading.Thread):
    """Samples this process's memory each second, without that shared with others."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.samples: list[tuple[float, float]] = []
        self._process, self._start = psutil.Process(), time.monotonic()
        self.start()

    def run(self) -> None:
        """Sample."""
        while True:
            memory = self._process.memory_info()
            self.samples.append((time.monotonic() - self._start, (memory.rss - memory.shared) / 1e6))
            time.sleep(1)

    @property
    def peak(self) -> int:
        """Megabytes, at most."""
        return round(max(each for _, each in self.samples))

    def plot(self, file: Path, title: str) -> None:
        """Draw the samples as an SVG."""
        width, height, left, bottom = 640, 240, 50, 210
        last, most = self.samples[-1][0] or 1, max(2000.0, float(self.peak))
        points = " ".join(
            f"{left + seconds / last * (width - left - 10):.0f},{bottom - mb / most * (bottom - 25):.0f}"
            for seconds, mb in self.samples[:: len(self.samples) // POINTS + 1]
        )
        lines = "".join(
            f'<line x1="{left}" x2="{width - 10}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>'
            f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{mb}</text>'
            for mb in range(0, round(most) + 1, 500)
            for y in [bottom - mb / most * (bottom - 25)]
        )
        file.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
            f'font-size="11"><text x="{left}" y="14">{title}: MB over seconds (0 to {last:.0f})</text>{lines}'
            f'<polyline points="{points}" fill="none" stroke="#1f6feb" stroke-width="1.5"/></svg>\n',
            encoding="utf-8",
        )


def entries(count: int) -> Iterator[Found]:
    """Files that exist nowhere: pictures, so that nobody opens them to count pages."""
    for n in range(count):
        yield Found(f"{PLACE}/{n // FOLDER_FILES:05}/{n:08}.jpg", 300_000 + n % 1000, 1_700_000_000_000_000_000 + n)


def prepared(pipeline: Pipeline, output: Path, count: int) -> Job:
    """A job over generated entries: only what lists them is another."""
    here = output.parent / "one.jpg"
    here.touch()
    job = plan.prepare(pipeline, [here], output)
    found = entries(count)
    return replace(
        job, lister=Lister(job.ledger, next(found), found, Naming([PLACE]), lambda listed: None), continues=True
    )


class AtOnce:
    """Stands in for Ray: writes the rows of all pages at once, in files as large as Ray's.

    Args:
        job: The job.
        stop_at: Pages after which it stops as Ctrl-C would; None: never.
    """

    name = "at once"

    def __init__(self, job: Job, stop_at: int | None) -> None:
        self._job, self._left = job, stop_at
        self.first: float | None = None

    def read(self, number: int, documents: pa.Table, progress: Progress) -> EngineResult:
        """Write a row for each document."""
        self.first = self.first or time.monotonic()
        columns, most = self._job.pipeline.graph.columns, rows_per_file(len(documents))
        for start in range(0, len(documents), most):
            if self._left is not None and self._left <= 0:
                raise KeyboardInterrupt
            some = documents.slice(start, most)
            rows = [
                {"path": path, "name": name, "pagenum": 0, "total_pages": 1, "exception": None, "text": name}
                for path, name in zip(some["path"].to_pylist(), some["name"].to_pylist(), strict=True)
            ]
            self._job.writer.write(number, to_table(rows, columns))
            progress.update(finished=progress.finished + len(rows))
            self._left = None if self._left is None else self._left - len(rows)
        return EngineResult(len(documents), [], 0, {})

    def write(self, files: list[str], split: dict[str, list[str]]) -> list[str]:
        """Nothing: no formats are asked for."""
        return []


def drive(work: Path, count: int, stop_at: int | None) -> dict[str, object]:
    """Run a job over entries, or go on with it; its figures."""
    memory, start = Driver(), time.monotonic()
    job = prepared(Pipeline([Sleeper()]), work / "out", count)
    engine = AtOnce(job, stop_at)
    with suppress(KeyboardInterrupt):
        loop.run(job, lambda *_: engine, Progress())
    return {
        "entries": count,
        "listed": job.lister.listed,
        "first_page_seconds": round((engine.first or 0) - start, 1),
        "seconds": round(time.monotonic() - start, 1),
        "peak_driver_mb": memory.peak,
        "result_files": len(list((work / "out" / "results").iterdir())),
        "shards": len(job.ledger.shards),
    } | {"memory": memory}


def driver(arguments: argparse.Namespace, work: Path) -> None:
    """A job over generated entries, stopped at a half, and gone on with in a process of its own."""
    stop_at = arguments.stop_at
    if stop_at is None:
        stop_at = arguments.entries // 2
        words = [sys.executable, __file__, "driver", "--entries", str(arguments.entries), "--work", str(work)]
        show("to the half", drive(work, arguments.entries, stop_at), arguments.plot)
        plot = ["--plot", str(arguments.plot.with_stem(f"{arguments.plot.stem}-resume"))] if arguments.plot else []
        os.execv(sys.executable, [*words, "--stop-at", "-1", *plot])
    show("from the half on", drive(work, arguments.entries, None), arguments.plot)


def show(what: str, figures: dict[str, object], plot: Path | None) -> None:
    """Print figures, and plot the memory."""
    memory = figures.pop("memory")
    assert isinstance(memory, Driver)
    if plot:
        memory.plot(plot, f"Driver, {figures['entries']} documents, {what}")
    print(json.dumps({"measured": what, **figures}), flush=True)


def rate(arguments: argparse.Namespace, work: Path) -> None:
    """Pages a second with so many actors, against what they make together when nothing holds them up."""
    import ray

    most = max(arguments.actors)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    ray.init(address="local", num_cpus=most + 2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    for actors in arguments.actors:
        print(json.dumps({"measured": "rate", "actors": actors} | rate_of(actors, arguments, work)), flush=True)


def rate_of(actors: int, arguments: argparse.Namespace, work: Path) -> dict[str, object]:
    """The figures of one job with so many actors."""
    stage = Sleeper(seconds=arguments.seconds, characters=arguments.characters, pool=Pool(size=actors))
    output, pipeline = work / f"out-{actors}", Pipeline([stage])
    job = prepared(pipeline, output, actors * arguments.pages_per_actor)
    memory, start, seen = Driver(), time.monotonic(), list[tuple[float, int]]()

    def note(now: Progress) -> None:
        seen.append((time.monotonic(), now.finished))

    summary = loop.run(job, lambda *_: RayEngine(pipeline.graph, job.writer, arguments.batch_size), Progress(note))
    rows = summary.pages / summary.processing_seconds
    steady = between(seen, 0.2 * summary.pages, 0.8 * summary.pages)
    return {
        "pages": summary.pages,
        "seconds": round(time.monotonic() - start, 1),
        "processing_seconds": round(summary.processing_seconds, 1),
        "pages_per_second": round(rows, 2),
        "of_the_sum": round(rows * arguments.seconds / actors, 3),
        "steady_pages_per_second": round(steady, 2),
        "steady_of_the_sum": round(steady * arguments.seconds / actors, 3),
        "peak_driver_mb": memory.peak,
        "result_files": len(list((output / "results").iterdir())),
        "load": round(os.getloadavg()[0], 1),
    }


def between(seen: list[tuple[float, int]], first: float, last: float) -> float:
    """Pages a second from one number of finished pages to another: without actors that start or have no more to do."""
    begin = next(each for each in seen if each[1] >= first)
    end = next(each for each in seen if each[1] >= last)
    return (end[1] - begin[1]) / (end[0] - begin[0])


class Names(BaseHTTPRequestHandler):
    """A bucket of folders in one folder, as much as listing it takes: a thousand names an answer, as S3 gives them."""

    protocol_version = "HTTP/1.1"
    count = folder_files = 0

    def do_GET(self) -> None:
        """Answer a page of names: of the folders, or of the files in one of them."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        prefix, folders = asked["prefix"], -(-self.count // self.folder_files)
        folder = None if prefix == "scans/" else int(prefix.split("/")[1])
        begin = 0 if folder is None else folder * self.folder_files
        end = folders if folder is None else min(begin + self.folder_files, self.count)
        first = int(asked.get("continuation-token", begin))
        last = min(first + int(asked.get("max-keys", 1000)), end)
        names = "".join(
            f"<CommonPrefixes><Prefix>scans/{n:05}/</Prefix></CommonPrefixes>"
            if folder is None
            else f"<Contents><Key>{prefix}{n:08}.jpg</Key><LastModified>2026-11-26T08:00:00.000Z</LastModified>"
            f"<ETag>&quot;{n:032x}&quot;</ETag><Size>300000</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for n in range(first, last)
        )
        more = f"<NextContinuationToken>{last}</NextContinuationToken>" if last < end else ""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>archive</Name><Prefix>{prefix}</Prefix><KeyCount>{last - first}</KeyCount><MaxKeys>1000</MaxKeys>"
            f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}{names}</ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/xml")
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Say that there is no such object: it is a folder."""
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def folder_of(work: Path, count: int, folder_files: int) -> str:
    """A folder of folders of empty pictures."""
    for n in range(count):
        if n % folder_files == 0:
            (work / f"in/{n // folder_files:05}").mkdir(parents=True)
        os.close(os.open(f"{work}/in/{n // folder_files:05}/{n:08}.jpg", os.O_CREAT))
    return f"{work}/in"


def listing(arguments: argparse.Namespace, work: Path) -> None:
    """How soon the first file of a source is known, and all of them, and what they take."""
    if arguments.place == "folder":
        source = folder_of(work, arguments.entries, arguments.folder_files)
    else:
        words = [sys.executable, __file__, "serve", "--entries", str(arguments.entries)]
        words += ["--folder-files", str(arguments.folder_files)]
        import subprocess

        server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        port = server.stdout.readline().strip()
        source = f"s3://key:secret@archive/scans?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    memory, start = Driver(), time.monotonic()
    found = listed(source, None)
    next(found)
    first = time.monotonic() - start
    count = 1 + sum(1 for _ in found)
    print(json.dumps({
        "measured": f"listing a {arguments.place}",
        "entries": count,
        "first_seconds": round(first, 2),
        "seconds": round(time.monotonic() - start, 1),
        "peak_mb": memory.peak,
    }), flush=True)  # fmt: skip
    if arguments.place == "bucket":
        server.kill()


def serve(arguments: argparse.Namespace, work: Path) -> None:
    """A bucket of made-up names, until it is killed."""
    Names.count, Names.folder_files = arguments.entries, arguments.folder_files
    server = ThreadingHTTPServer(("127.0.0.1", 0), Names)
    print(server.server_port, flush=True)
    server.serve_forever()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["driver", "rate", "listing", "serve"])
    parser.add_argument("place", nargs="?", choices=["folder", "bucket"], default="folder")
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--folder-files", type=int, default=FOLDER_FILES, help="files in each folder of a source")
    parser.add_argument("--actors", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--pages-per-actor", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.65, help="that a page takes")
    parser.add_argument("--characters", type=int, default=20_000, help="of a page's text")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--plot", type=Path, help="SVG file for the driver's memory")
    parser.add_argument("--work", type=Path, help="folder for what is written; default: one that is removed")
    parser.add_argument("--stop-at", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.mkdtemp())
    work.mkdir(exist_ok=True)
    {"driver": driver, "rate": rate, "listing": listing, "serve": serve}[arguments.what](arguments, work)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
