"""Jobs of which parts are killed at random moments: nothing is lost, doubled or half-written, and little is read twice.

    python benchmarks/kills.py --rounds 30 --engine local ray --place folder bucket
    python benchmarks/kills.py --nodes 3 --minutes 10

A round: a job over pictures and TIFFs of many pages, read by a stand-in that sleeps; one of its parts is killed with
SIGKILL (its driver; on Ray an actor, a process that writes, or the raylet); if the driver ends with an error, the same
command goes on. `--nodes`: one job on a cluster of nodes on this machine, of which a third is killed every minute and
replaced. At the end the rows (document, page, text) must be those of all pages.
Prints one JSON object a round; the exit status is 1 if a round lost or doubled a row.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from PIL import Image
from standin import Sleeper, text_of

from raypipe.files.paths import join, names_in, write_file
from raypipe.inputs.pages import documents, page_rows
from raypipe.job import loop, plan
from raypipe.job.folder import OutputFolder
from raypipe.job.local import LocalEngine
from raypipe.job.progress import Progress
from raypipe.job.ray import RayEngine
from raypipe.job.results import Results
from raypipe.pipeline import Pipeline

CHARACTERS = 200
MOST_STARTS = 9
PARTS = {"local": ["driver"], "ray": ["driver", "actor", "writer", "raylet"]}
MARKS = {"actor": "MapWorker", "writer": "_write", "raylet": "raylet/raylet"}
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}


def pipeline_of(work: Path, seconds: float) -> Pipeline:
    """The stand-in."""
    return Pipeline([Sleeper(seconds=seconds, characters=CHARACTERS, log=str(work / "read.log"))])


def job(arguments: argparse.Namespace) -> None:
    """Run the job of a round, or go on with it."""
    pipeline = pipeline_of(arguments.work, arguments.seconds)
    prepared = plan.prepare(pipeline, [arguments.source], arguments.output)
    local = arguments.engine == ["local"]

    def engine_for(*_: object) -> LocalEngine | RayEngine:
        if local:
            return LocalEngine(pipeline.graph, prepared.writer, 2, 4)
        return RayEngine(pipeline.graph, prepared.writer, 2, arguments.address)

    loop.run(prepared, engine_for, Progress())


def make_inputs(folder: Path, pictures: int) -> int:
    """Pictures that nobody opens, and TIFFs; how many pages they have."""
    folder.mkdir()
    for n in range(pictures):
        (folder / f"{n:04}.jpg").write_bytes(b"never opened")
    for pages in (2, 9, 40, 150):
        first, *rest = [Image.new("L", (40, 30), n % 256) for n in range(pages)]
        first.save(folder / f"{pages}.tif", save_all=True, append_images=rest)
    return pictures + 201


class Places:
    """Where jobs read and write: folders, or a bucket on loopback."""

    def __init__(self, kind: str, work: Path) -> None:
        self.kind, self._work, self._options = kind, work, ""
        if kind == "bucket":
            from moto.server import ThreadedMotoServer
            from pyarrow import fs

            server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
            server.start()
            at = f"127.0.0.1:{server.get_host_and_port()[1]}"
            self._options = f"?endpoint_override={at}&scheme=http&region=us-east-1"
            store = fs.S3FileSystem(endpoint_override=at, scheme="http", region="us-east-1", allow_bucket_creation=True)
            store.create_dir("kills")
            for file in (work / "in").iterdir():
                write_file(self.place(f"in/{file.name}"), file.read_bytes())

    def place(self, name: str) -> str:
        """The path or URI of a name."""
        return join(f"s3://kills{self._options}", name) if self.kind == "bucket" else str(self._work / name)


def processes(driver: psutil.Process, part: str) -> list[psutil.Process]:
    """The processes of a part of a job."""
    if part == "driver":
        return [driver]
    found = []
    for child in driver.children(recursive=True):
        try:
            if MARKS[part] in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def kill(driver: subprocess.Popen[bytes], part: str, chance: random.Random) -> bool:
    """Kill one process of a part, and what a dead driver leaves; whether there was one."""
    try:
        family = psutil.Process(driver.pid).children(recursive=True)
        victims = processes(psutil.Process(driver.pid), part)
        if not victims:
            return False
        chance.choice(victims).send_signal(signal.SIGKILL)
    except psutil.Error:
        return False
    if part == "driver":
        driver.wait()
        psutil.wait_procs(family, timeout=20)  # Ray's processes end by themselves when their driver is gone.
    return True


def command(places: Places, output: str, engine: str, arguments: argparse.Namespace) -> list[str]:
    """What runs a job, or goes on with it."""
    options = {"--work": arguments.work, "--source": places.place("in"), "--output": output, "--engine": engine,
               "--seconds": arguments.seconds}  # fmt: skip
    return [sys.executable, __file__, "--job", *(str(word) for option in options.items() for word in option)]


def one(
    number: int, engine: str, places: Places, arguments: argparse.Namespace, expected: set[tuple[str, int]]
) -> bool:
    """A round; whether all is well."""
    chance = random.Random(arguments.seed + number)
    output, log = places.place(f"out-{number}"), arguments.work / "read.log"
    log.unlink(missing_ok=True)
    words = command(places, output, engine, arguments)
    marks = sorted(chance.uniform(0, 0.95) * len(expected) for _ in range(arguments.kills))
    killed, starts, start = list[str](), 0, time.monotonic()
    while starts < MOST_STARTS:
        starts += 1
        driver = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while driver.poll() is None:
            time.sleep(0.05)
            if marks and lines(log) > marks[0]:
                part = chance.choice(PARTS[engine])
                if kill(driver, part, chance):
                    killed.append(part)
                    marks.pop(0)
        if driver.returncode == 0:
            break
    return report({"round": number, "engine": engine, "place": places.kind, "killed": killed, "starts": starts,
                   "seconds": round(time.monotonic() - start)}, output, log, expected)  # fmt: skip


def lines(log: Path) -> int:
    """How many pages were read so far."""
    return log.read_bytes().count(b"\n") if log.exists() else 0


def report(figures: dict[str, object], output: str, log: Path, expected: set[tuple[str, int]]) -> bool:
    """Compare the rows with those of all pages, and print."""
    folder = OutputFolder(output)
    pages = list(Results(folder).pages(Pipeline([Sleeper()]).graph.columns))
    rows = Counter((page.path, page.pagenum) for page in pages)
    wrong = sum(page.text != text_of(page.path, page.pagenum, CHARACTERS) for page in pages)
    read = Counter(log.read_text(encoding="utf-8").splitlines())
    left = [name for name in names_in(folder.results) if not name.endswith(".parquet")]
    figures |= {
        "pages": len(expected),
        "lost": len(expected - set(rows)),
        "doubled": sum(count > 1 for count in rows.values()) + len(set(rows) - expected),
        "wrong": wrong,
        "half_written": len(left),
        "read_twice": round((read.total() - len(read)) / len(expected), 4),
    }
    print(json.dumps(figures), flush=True)
    return not any(figures[name] for name in ("lost", "doubled", "wrong", "half_written"))


def expect(source: str) -> set[tuple[str, int]]:
    """All pages of the inputs."""
    return {(row["path"], row["pagenum"]) for row in page_rows(documents(source))}


def nodes(arguments: argparse.Namespace, places: Places) -> bool:
    """A job on a cluster that loses a third of its nodes every minute."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    for _ in range(arguments.nodes):
        cluster.add_node(num_cpus=2)
    chance, output, log = random.Random(arguments.seed), places.place("out"), arguments.work / "read.log"
    words = [*command(places, output, "ray", arguments), "--address", cluster.address]
    start, lost, starts = time.monotonic(), 0, 0
    while starts < MOST_STARTS:
        starts += 1
        driver = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        due = time.monotonic() + 60
        while driver.poll() is None:
            time.sleep(0.5)
            if time.monotonic() > due and time.monotonic() < start + arguments.minutes * 60:
                for node in chance.sample(list(cluster.worker_nodes), max(1, arguments.nodes // 3)):
                    cluster.remove_node(node, allow_graceful=False)
                    lost += 1
                while len(cluster.worker_nodes) < arguments.nodes:
                    with suppress(Exception):  # Ray gives up what a busy machine does not start in half a minute.
                        cluster.add_node(num_cpus=2)
                due = time.monotonic() + 60
        if driver.returncode == 0:
            break
    cluster.shutdown()
    return report({"nodes": arguments.nodes, "lost_nodes": lost, "starts": starts, "place": places.kind,
                   "seconds": round(time.monotonic() - start)}, output, log, expect(places.place("in")))  # fmt: skip


def rounds(arguments: argparse.Namespace) -> Iterator[bool]:
    """All rounds, which take turns between engines and places."""
    for kind in arguments.place:
        places = Places(kind, arguments.work)
        if arguments.nodes:
            yield nodes(arguments, places)
            continue
        expected = expect(places.place("in"))
        for number in range(arguments.rounds):
            yield one(number, arguments.engine[number % len(arguments.engine)], places, arguments, expected)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--engine", nargs="+", choices=["local", "ray"], default=["local", "ray"])
    parser.add_argument("--place", nargs="+", choices=["folder", "bucket"], default=["folder"])
    parser.add_argument("--kills", type=int, default=2, help="processes killed in a round")
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=0.05, help="that a page takes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=0, help="nodes of a cluster, instead of rounds")
    parser.add_argument("--minutes", type=float, default=10)
    for name in ("--work", "--source", "--output", "--address"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    here = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    os.environ |= KEYS | {"PYTHONPATH": os.pathsep.join(here)}
    if arguments.job:
        arguments.work = Path(arguments.work)
        job(arguments)
        return
    with tempfile.TemporaryDirectory() as work:
        arguments.work = Path(work)
        make_inputs(arguments.work / "in", arguments.pictures)
        sys.exit(not all(list(rounds(arguments))))


if __name__ == "__main__":
    main()
