"""A job on nodes that share nothing but a bucket, on one machine: each has its own network, files in /tmp and memory.

    python benchmarks/separate.py

Nodes are network namespaces on a bridge that leads nowhere else, with a Ray node in each; the bucket is a server of
moto's beside them. The driver is where Ray's head is, has the bucket's keys, and lacks the models. Reads `examples/`
with `raypipe run`, whose rows, text files and overlays must all be in the bucket; says which nodes read and wrote
there. Then one node lacks the package, the models, a shared disk for --output, or its way to the bucket: what the
command says is printed, and its exit status must be that of a job that did not run. It needs Linux and the right to
make namespaces, which root has; all of them end with it, whatever happens. Prints one JSON object a run.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pyarrow import fs

import raypipe
from raypipe.files.paths import join, write_file
from raypipe.job.folder import OutputFolder
from raypipe.job.results import Results
from raypipe.presets import fast, standard

ROOT = Path(raypipe.__file__).parents[1]
EXAMPLES = ("form.jpg", "letter_1.jpg", "letter_2.jpg", "minutes.tif", "note.jpg", "printed_report.png", "rotated.jpg")
PAGES = 9
BRIDGE, HEAD = "10.77.0.1", "10.77.0.10"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
APART = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
OWN = """set -e; hostname {name}; mount -t tmpfs tmpfs /tmp; mount -t tmpfs tmpfs /dev/shm; mkdir /tmp/home
for attempt in 1 2 3 4 5 6 7 8; do {words} && break; done"""
"""What a node does; Ray waits half a minute for its own parts, which a busy machine may miss."""
RUN_SECONDS = 300
BARE = Path("/run/bare")
"""Folders of the package without what matters in them. Nodes see nothing of /tmp."""
DECLARED = BARE / "fast.toml"
RAY = {"RAY_AUTH_MODE": "disabled"}


def must(*words: object) -> None:
    """Runs a command that cannot fail."""
    subprocess.run(list(map(str, words)), check=True)


class Node:
    """A node: a namespace on the bridge, and what runs in it.

    Args:
        name: Its name, which is its machine's name, too.
        address: Its IP address.
        words: The command of its Ray node.
    """

    def __init__(self, name: str, address: str, words: str) -> None:
        self.name, self.address = name, address
        must("ip", "netns", "add", name)
        must("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        must("ip", "link", "set", f"to-{name}", "master", "bridge", "up")
        for link in (["addr", "add", f"{address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"],
                     ["link", "set", "lo", "up"], ["route", "add", "default", "via", BRIDGE]):  # fmt: skip
            must("ip", "-n", name, *link)
        own = ["unshare", "--mount", "--ipc", "--uts", "sh", "-c", OWN.format(name=name, words=words)]
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", name, *own], env=self._environment(), stdout=subprocess.PIPE, text=True
        )

    def wait(self) -> None:
        """Waits until its Ray node says that it has started."""
        assert self.process.stdout
        said = list[str]()
        for line in self.process.stdout:
            said.append(line)
            if "Ray runtime started" in line:
                return
        sys.exit(f"{self.name} did not start: {''.join(said)}")

    def _environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in KEYS}
        return kept | {"HOME": "/tmp/home", "PYTHONPATH": str(ROOT)} | RAY | more

    def run(self, *words: object, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs a command there."""
        there = ["nsenter", "--target", str(self.process.pid), "--mount", "--net", "--ipc", "--uts", "--wd=/"]
        return subprocess.run(
            [*there, *map(str, words)],
            env=self._environment(**more),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Puts a folder without what matters in place of one of the package's meanwhile."""
        folder = ROOT / name
        mounted = self.run("mount", "--bind", BARE / name, folder)
        assert not mounted.returncode, mounted.stderr
        try:
            yield
        finally:
            self.run("umount", folder)


class Bucket:
    """The bucket, and who has asked it for what."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        self.asked = list[str]()
        log = logging.getLogger("werkzeug")
        log.setLevel(logging.INFO)
        log.propagate = False
        log.addHandler(_Keep(self.asked))
        server = ThreadedMotoServer(BRIDGE, 5000, verbose=True)
        server.start()
        self._options = f"?endpoint_override={BRIDGE}:5000&scheme=http&region=us-east-1"
        where = {"endpoint_override": f"{BRIDGE}:5000", "scheme": "http", "region": "us-east-1"}
        fs.S3FileSystem(**where, allow_bucket_creation=True).create_dir("pages")

    def uri(self, name: str) -> str:
        """The URI of a folder or object."""
        return join(f"s3://pages{self._options}", name)

    def askers(self, method: str, folder: str) -> list[str]:
        """The addresses that have asked for objects of a folder."""
        found = re.compile(rf"([\d.]+) .*{method} /pages/{folder}/")
        return sorted({match[1] for line in self.asked if (match := found.match(line)) and match[1] != BRIDGE})


class _Keep(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


def network() -> None:
    """The bridge, in a namespace of its own."""
    must("mount", "-t", "tmpfs", "tmpfs", "/run")
    must("mkdir", "/run/netns")
    must("ip", "link", "set", "lo", "up")
    must("ip", "link", "add", "bridge", "type", "bridge")
    must("ip", "addr", "add", f"{BRIDGE}/24", "dev", "bridge")
    must("ip", "link", "set", "bridge", "up")


def nodes(count: int) -> list[Node]:
    """The head, which reads nothing, and other nodes."""
    ray = str(Path(sys.executable).with_name("ray"))
    usual = "--block --disable-usage-stats --object-store-memory 100000000"
    head = Node("head", HEAD, f"{ray} start --head --port 6379 --node-ip-address {HEAD} --num-cpus 0 "
                f"--include-dashboard false {usual}")  # fmt: skip
    head.wait()
    addresses = [f"10.77.0.{11 + n}" for n in range(count)]
    others = [
        Node(f"node{n}", address, f"{ray} start --address {HEAD}:6379 --node-ip-address {address} --num-cpus 2 {usual}")
        for n, address in enumerate(addresses, 1)
    ]
    for node in others:
        node.wait()
    return [head, *others]


def job(head: Node, bucket: Bucket, output: str) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Runs the job from the head; its seconds and what came of it."""
    start = time.monotonic()
    words = [sys.executable, "-m", "raypipe", "run", bucket.uri("in"), "--output", output, "--pipeline", DECLARED]
    done = head.run(*words, "--format", "text", "--address", f"{HEAD}:6379", **KEYS)
    return round(time.monotonic() - start, 1), done


def show(what: str, seconds: float, done: subprocess.CompletedProcess[str], **figures: object) -> None:
    """Prints the figures of a run."""
    said = [line for line in done.stderr.splitlines() if line.strip()][-3:]
    print(json.dumps({"run": what, "status": done.returncode, "seconds": seconds, **figures, "said": said}), flush=True)


def whole(all_nodes: Sequence[Node], bucket: Bucket) -> bool:
    """All nodes have what they need, and the driver has no models; whether all is in the bucket."""
    head, *others = all_nodes
    with head.without("models"):
        seconds, done = job(head, bucket, bucket.uri("out"))
    folder = OutputFolder(bucket.uri("out"))
    pages = list(Results(folder).pages(standard().graph.columns))
    texts = fs.FileSystem.from_uri(folder.documents("text"))
    files = [info for info in texts[0].get_file_info(fs.FileSelector(texts[1], allow_not_found=True)) if info.size]
    readers, writers = bucket.askers("GET", "in"), bucket.askers("PUT", "out/results")
    show("whole", seconds, done, pages=len(pages), with_text=sum(bool(page.text) for page in pages),
         text_files=len(files), read_by=readers, rows_written_by=writers)  # fmt: skip
    on_nodes = {node.address for node in others}
    return len({(page.path, page.pagenum) for page in pages}) == PAGES == sum(bool(page.text) for page in pages) and (
        done.returncode == 0 and len(files) == len(EXAMPLES) and on_nodes == set(readers) and set(writers) <= on_nodes
    )


def lacking(all_nodes: Sequence[Node], bucket: Bucket) -> bool:
    """One node lacks something; whether the job is refused each time, and says which node."""
    head, *_, last = all_nodes
    well, place = True, bucket.uri("out-2")
    with last.without("raypipe"):
        seconds, done = job(head, bucket, place)
        show("no package", seconds, done)
        well &= done.returncode == 2 and last.address in done.stderr
    with last.without("models"):
        seconds, done = job(head, bucket, place)
        show("no models", seconds, done)
        well &= done.returncode == 2 and last.address in done.stderr
    seconds, done = job(head, bucket, "/tmp/out")
    show("no shared disk", seconds, done)
    well &= done.returncode == 2
    must("ip", "route", "add", "blackhole", f"{last.address}/32")
    seconds, done = job(head, bucket, place)
    show("no way to the bucket", seconds, done)
    return well and done.returncode == 2 and last.address in done.stderr


def inside(count: int) -> bool:
    """Everything, in a network of its own."""
    network()
    os.environ |= KEYS
    bucket = Bucket()
    for name in EXAMPLES:
        write_file(bucket.uri(f"in/{name}"), (ROOT / "examples" / name).read_bytes())
    (BARE / "raypipe").mkdir(parents=True)
    (BARE / "raypipe/__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'raypipe'\")")
    (BARE / "models").mkdir()
    DECLARED.write_text(fast().to_toml(), encoding="utf-8")
    for file in (ROOT / "models").iterdir():
        if file.is_file() and file.suffix != ".onnx":
            shutil.copy(file, BARE / "models")
    all_nodes = nodes(count)
    return whole(all_nodes, bucket) & lacking(all_nodes, bucket)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=2, help="beside the head")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        sys.exit(not inside(arguments.nodes))
    refused = subprocess.run([*APART, "true"], capture_output=True, text=True, check=False)
    if refused.returncode:
        sys.exit(f"Skipped: no namespaces can be made here: {refused.stderr.strip()}")
    os.execvp(APART[0], [*APART, sys.executable, __file__, "--inside", "--nodes", str(arguments.nodes)])


if __name__ == "__main__":
    main()
