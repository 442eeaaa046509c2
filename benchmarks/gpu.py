"""What a GPU does: its texts beside the CPU's, pages a second by provider, precision and threads, how busy it is.

Example: python benchmarks/gpu.py examples/*.jpg examples/*.png
Takes less than eight minutes; needs `pip install '.[cuda]'`, a driver, and `nvidia-smi`. Each setting is warmed up with
one pass over the pages. Prints a JSON object a setting. `same` is the share of pages whose text is the CPU's, `alike`
the mean likeness of the texts. `busy` is what nvidia-smi says of its time, on average, and `gpu_mb` its peak memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from difflib import SequenceMatcher
from statistics import mean

from raypipe import presets
from raypipe.engine import cuda
from raypipe.engine.devices import gpu_trouble, tensorrt_trouble
from raypipe.engine.providers import Provider
from raypipe.inputs.pages import documents, page_rows
from raypipe.machine import cpu_name, usable_cpus
from raypipe.metrics import Metrics
from raypipe.pipeline import Pipeline
from raypipe.run import local
from raypipe.zoo.manifest import Precision

PRECISIONS: tuple[Precision, ...] = ("fp16", "fp32")
QUERY = ["nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "-lms", "200"]


def read(pipeline: Pipeline, files: list[str], threads: int) -> tuple[list[str], float]:
    """The texts of all pages, and the seconds since the models were loaded."""
    graph = pipeline.graph
    rows = map(graph.read_input, page_rows(documents(files)))
    batches = local.finished(graph, rows, 1, threads, Metrics())
    start = time.perf_counter()
    texts = [row["text"] for batch in batches for row in batch]
    return texts, time.perf_counter() - start


def watched(pipeline: Pipeline, files: list[str], threads: int) -> tuple[list[str], float, float, float]:
    """The same, with the GPU's mean busy share and peak memory in MB."""
    with subprocess.Popen(QUERY, stdout=subprocess.PIPE, text=True) as watch:
        texts, seconds = read(pipeline, files, threads)
        watch.terminate()
        lines = (watch.stdout.read() if watch.stdout else "").splitlines()
    samples = [tuple(map(float, line.split(","))) for line in lines if line.count(",") == 1]
    busy, memory = zip(*samples, strict=True) if samples else ((0.0,), (0.0,))
    return texts, seconds, mean(busy) / 100, max(memory)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--repeat", type=int, default=4, help="passes over the pages that are measured as one")
    parser.add_argument("--seconds", type=float, default=420, help="no setting is begun after this")
    arguments = parser.parse_args()
    if trouble := gpu_trouble():
        raise SystemExit(f"There is no GPU to measure. {trouble}")
    start, cpus = time.monotonic(), usable_cpus()
    print(json.dumps({"gpu": cuda.devices(), "cpu": cpu_name(), "cpus": cpus}), flush=True)
    expected, seconds = read(presets.standard(use_gpu=False, precision="fp32"), arguments.sources, cpus)
    print(json.dumps({"device": "cpu", "pages_per_second": round(len(expected) / seconds, 2)}), flush=True)
    settings: list[tuple[Provider, Precision, int]] = [
        ("cuda", precision, threads) for precision in PRECISIONS for threads in (cpus, 4, 1) if threads <= cpus
    ]
    settings += [("cuda_graphs", "fp16", cpus), ("tensorrt", "fp16", cpus)]
    for provider, precision, threads in dict.fromkeys(settings):
        if time.monotonic() - start > arguments.seconds:
            break
        if provider == "tensorrt" and (trouble := tensorrt_trouble()):
            print(json.dumps({"provider": provider, "trouble": trouble}), flush=True)
            continue
        pipeline = presets.standard(use_gpu=True, precision=precision, provider=provider)
        read(pipeline, arguments.sources, threads)
        texts, seconds, busy, memory = watched(pipeline, arguments.sources * arguments.repeat, threads)
        pairs = list(zip(texts, expected * arguments.repeat, strict=True))
        print(json.dumps({
            "provider": provider,
            "precision": precision,
            "threads": threads,
            "pages_per_second": round(len(texts) / seconds, 2),
            "same": round(mean(one == other for one, other in pairs), 3),
            "alike": round(mean(SequenceMatcher(None, one, other, autojunk=False).ratio() for one, other in pairs), 4),
            "busy": round(busy, 3),
            "gpu_mb": memory,
        }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
