"""How busy an accelerator is kept, on a stand-in: a modelled time a batch, real results, and real work on the CPUs.

Example: python benchmarks/pipelining.py PAGES/*.jpg
A page's time on the device is a multiple (--pace) of what it takes on the CPUs, so that they can keep up, shared by
detector and recognizer in three ratios. Every batch costs --batch-ms beside what its pictures cost. The results are
those of the CPU, recorded in a first pass. Prints a JSON object a ratio: `busy` is the share of the time in which
the device worked, from the start of the first page to the end of the last.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from raypipe import presets
from raypipe.inputs.pages import documents, page_rows
from raypipe.machine import usable_cpus
from raypipe.metrics import Metrics
from raypipe.pipeline import Pipeline
from raypipe.run import local

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from accelerator import Device, accelerator

RATIOS = {"1:3": 0.25, "1:1": 0.5, "3:1": 0.75}
"""The detector's share of a page's time on the device."""


def read(pipeline: Pipeline, files: list[str], threads: int) -> tuple[list[str], float, float, int]:
    """The texts, wall seconds, CPU seconds and lines of a pass over all files."""
    metrics, graph = Metrics(), pipeline.graph
    rows = map(graph.read_input, page_rows(documents(files)))
    batches = local.finished(graph, rows, 1, threads, metrics)
    start, cpu = time.perf_counter(), time.process_time()
    texts = [row["text"] for batch in batches for row in batch]
    return texts, time.perf_counter() - start, time.process_time() - cpu, int(metrics.drain()["lines_total"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--repeat", type=int, default=2, help="passes over the pages that are measured as one")
    parser.add_argument("--threads", type=int, default=2 * usable_cpus())
    parser.add_argument("--pace", type=float, default=1.5)
    parser.add_argument("--batch-ms", type=float, default=1.0)
    arguments = parser.parse_args()
    pipeline = presets.standard(use_gpu=None, precision="int8")
    device = Device(lambda source, shape: 0.0)
    with accelerator(device):
        expected, *_ = read(pipeline, arguments.sources, 1)  # Records.
        _, _, cpu, lines = read(pipeline, arguments.sources, 1)
        pages = len(expected)
        page = arguments.pace * cpu / pages / usable_cpus()
        for name, share in RATIOS.items():
            per_picture = {"det": share * page, "rec": (1 - share) * page * pages / lines}

            def seconds(source: Path, shape: tuple[int, ...], cost: dict[str, float] = per_picture) -> float:
                one = cost["det" if "_det_" in source.stem else "rec"]
                return arguments.batch_ms / 1000 + one * shape[0]

            device.seconds, device.busy = seconds, 0.0
            device.batches.clear()
            texts, wall, used, _ = read(pipeline, arguments.sources * arguments.repeat, arguments.threads)
            sizes = {kind: [n for stem, n in device.batches if kind in stem] for kind in ("_det_", "_ctc_")}
            print(json.dumps({
                "detector:recognizer": name,
                "pages": len(texts),
                "as_recorded": texts == expected * arguments.repeat,
                "busy": round(device.busy / wall, 3),
                "pages_per_second": round(len(texts) / wall, 2),
                "cpu_busy": round(used / wall / usable_cpus(), 2),
                "pages_a_batch": round(sum(sizes["_det_"]) / max(1, len(sizes["_det_"])), 2),
                "lines_a_batch": round(sum(sizes["_ctc_"]) / max(1, len(sizes["_ctc_"])), 2),
            }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
