"""The stand-in for an accelerator in actors of Ray: one that has it alone, or a detector's that hands crops to another.

Example: python benchmarks/pipelining_ray.py PAGES/*.jpg
What benchmarks/pipelining.py measures in one process, from the device's first batch to its last one. There is one
device for all processes, which does one batch at a time.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import pickle
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import ray
from pipelining import RATIOS, read

from raypipe import presets
from raypipe.inputs.pages import documents, page_rows
from raypipe.machine import usable_cpus
from raypipe.pipeline import BATCH_SIZE, Pipeline
from raypipe.run import batch
from raypipe.run.pools import READ_AND_WRITE_CPUS
from raypipe.stages.base import Pool

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from accelerator import Device, Recorded, accelerator

PLANS = {"one actor": [], "a pair": [0.5, 0.5]}
"""The shares of the GPU that detector and recognizer have, if they have actors of their own."""
BLOCK = 8
"""Pages in a block."""


class Shared:
    """A lock between processes and their threads, which notes in a file for how long it was held."""

    def __init__(self, file: Path) -> None:
        self._here, self._file = threading.Lock(), file.open("a")

    def __enter__(self) -> None:
        self._here.acquire()
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._begun = time.time()

    def __exit__(self, *error: object) -> None:
        self._file.write(f"{self._begun} {time.time()}\n")
        self._file.flush()
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._here.release()


def join(folder: Path) -> None:
    """Gives this process, as it starts, the stand-in that a folder describes."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    import accelerator as stand_in  # Found only now.

    costs, recorded = pickle.loads((folder / "device").read_bytes())

    def seconds(source: Path, shape: tuple[int, ...]) -> float:
        return float(costs["batch"] + costs["det" if "_det_" in source.stem else "rec"] * shape[0])

    whole_life = ExitStack()
    whole_life.enter_context(stand_in.accelerator(stand_in.Device(seconds, lock=Shared(folder / "log")), recorded))
    sys.modules["accelerator"].whole_life = whole_life  # type: ignore[attr-defined]


@contextmanager
def cluster(threads: int, folder: Path) -> Iterator[None]:
    """A cluster that believes in one GPU."""
    ray.init(
        address="local",
        num_cpus=threads + int(READ_AND_WRITE_CPUS),
        num_gpus=1,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"worker_process_setup_hook": lambda: join(folder)},
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        yield
    finally:
        ray.shutdown()


def pipeline(plan: str, threads: int) -> Pipeline:
    """The standard pipeline, in the actors of a plan."""
    shares = PLANS[plan]
    pools = [Pool(size=1, num_gpus=share, num_cpus=threads // len(shares)) for share in shares] or [None, None]
    return presets.standard(use_gpu=None, precision="int8", detector_pool=pools[0], recognizer_pool=pools[1])


def measured(plan: str, sources: list[str], threads: int, costs: dict[str, float], recorded: Recorded) -> Any:
    """The texts that a cluster reads, and when the device began and ended each batch."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "device").write_bytes(pickle.dumps((costs, recorded)))
        with cluster(threads, folder), accelerator(Device(lambda source, shape: 0.0)):
            pages = batch.read(page_rows(documents(sources)), BLOCK)
            rows = batch.transform(pipeline(plan, threads).graph, pages, BATCH_SIZE).iter_rows()
            texts = [row["text"] for row in rows]
        return texts, [tuple(map(float, line.split())) for line in (folder / "log").read_text().splitlines()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--repeat", type=int, default=40, help="passes over the pages that are measured as one")
    parser.add_argument("--threads", type=int, default=4 * usable_cpus())
    parser.add_argument("--pace", type=float, default=3, help="a page's time on the device, in that on all CPUs")
    parser.add_argument("--batch-ms", type=float, default=1.0)
    arguments = parser.parse_args()
    with accelerator(Device(lambda source, shape: 0.0)) as recorded:
        expected, *_ = read(pipeline("one actor", 1), arguments.sources, 1)
        _, _, cpu, lines = read(pipeline("one actor", 1), arguments.sources, 1)
    pages, sources = len(expected), arguments.sources * arguments.repeat
    page = arguments.pace * cpu / pages / usable_cpus()
    for plan in PLANS:
        for ratio, share in RATIOS.items():
            costs = {"det": share * page, "rec": (1 - share) * page * pages / lines, "batch": arguments.batch_ms / 1000}
            texts, batches = measured(plan, sources, arguments.threads, costs, recorded)
            seconds = max(end for _, end in batches) - min(begun for begun, _ in batches)
            print(json.dumps({
                "plan": plan,
                "detector:recognizer": ratio,
                "pages": len(texts),
                "as_recorded": Counter(texts) == Counter(expected * arguments.repeat),
                "busy": round(sum(end - begun for begun, end in batches) / seconds, 3),
                "pages_per_second": round(len(texts) / seconds, 2),
                "page_ms": round(1000 * page),
            }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
