"""Pages per second of a whole `raypipe` job, its start-up apart, with peak memory and object store.

Example: python benchmarks/throughput.py pages/ --engine ray --repeat 5
Prints one JSON object. `busy` is the share of all CPUs that the ONNX sessions were running:
session seconds / (CPUs x seconds from the start of the first page to the end of the last).
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from memory import Memory

from raypipe import presets
from raypipe.inputs.pages import documents
from raypipe.job import loop, plan
from raypipe.job.local import LocalEngine
from raypipe.job.progress import Progress
from raypipe.job.ray import RayEngine
from raypipe.machine import usable_cpus
from raypipe.pipeline import BATCH_SIZE
from raypipe.stages.base import Pool


def copies(sources: list[str], repeat: int, folder: Path) -> list[Path]:
    """Each picture `repeat` times under names of its own; the first few are all different."""
    found = [Path(document["path"]) for document in documents(sources)]
    made = []
    for n in range(repeat):
        for path in found:
            target = folder / f"{n:03}-{path.name}"
            target.symlink_to(path)
            made.append(target)
    return made


def main() -> None:
    """Run one job and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--engine", choices=["ray", "local"], default="ray")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--pages", type=int, help="only so many")
    parser.add_argument("--detector", default=presets.DETECTOR)
    parser.add_argument("--recognizer", default=presets.RECOGNIZER)
    parser.add_argument("--overlay", choices=["jpeg", "none"], default="none")
    parser.add_argument("--detectors", type=int, help="detector actors of their own")
    parser.add_argument("--recognizers", type=int, help="recognizer actors of their own")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    (work / "in").mkdir()
    files = copies(arguments.sources, arguments.repeat, work / "in")[: arguments.pages]
    detectors, recognizers = (Pool(size=n) if n else None for n in (arguments.detectors, arguments.recognizers))
    pipeline = presets.standard(
        arguments.detector,
        arguments.recognizer,
        use_gpu=False,
        detector_pool=detectors,
        recognizer_pool=recognizers,
    )
    if arguments.overlay != "none":
        pipeline = presets.with_overlays(pipeline, str(work / "out" / "overlays"), arguments.overlay)
    prepared = plan.prepare(pipeline, files, work / "out", overwrite=False)
    memory = Memory()
    memory.start()
    kind = LocalEngine if arguments.engine == "local" else RayEngine
    summary = loop.run(prepared, lambda *_: kind(pipeline.graph, prepared.writer, arguments.batch_size), Progress())
    memory.done.set()
    print(json.dumps({
        "engine": arguments.engine,
        "pages": summary.pages,
        "failed": summary.outcome.failed.total(),
        "seconds": round(summary.seconds, 1),
        "processing_seconds": round(summary.processing_seconds, 1),
        "pages_per_second": round(summary.pages / summary.processing_seconds, 3),
        "session_seconds_per_page": round(summary.sums["session_seconds"] / summary.pages, 3),
        "busy": round(summary.sums["session_seconds"] / usable_cpus() / summary.processing_seconds, 3),
        "peak_memory_mb": max(memory.samples),
        "peak_object_store_mb": max(memory.store),
    }))  # fmt: skip
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
