"""Thousands of mixed inputs, a twentieth of which are bad ones of twenty kinds: all must be accounted for.

    python benchmarks/mixed.py --inputs 2000 --engine local ray --place folder bucket list

The inputs are those of `tests/hostile.py`; they are opened and decoded. Prints one JSON object a job: inputs, those
with rows, the good and the bad ones that failed, and how often each kind of failure. The exit status is 1 if one is
missing or doubled, a good one failed or a bad one did not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path, PurePosixPath

TESTS = Path(__file__).parents[1] / "tests"
sys.path += [str(TESTS), str(TESTS / "fault")]
import hostile  # noqa: E402
from kills import KEYS, Places  # noqa: E402
from pipelines import Decoder  # noqa: E402

import raypipe as rp  # noqa: E402
from raypipe.files.paths import split_options  # noqa: E402
from raypipe.job import loop, plan  # noqa: E402
from raypipe.job.folder import OutputFolder  # noqa: E402
from raypipe.job.local import LocalEngine  # noqa: E402
from raypipe.job.progress import Progress  # noqa: E402
from raypipe.job.ray import RayEngine  # noqa: E402
from raypipe.job.results import Results  # noqa: E402


def job(sources: list[str], output: str, engine: str, bad: set[str], inputs: int) -> dict[str, object]:
    """The figures of a job."""
    pipeline, start = rp.Pipeline([rp.BinaryToImage(), Decoder()]), time.monotonic()
    prepared = plan.prepare(pipeline, sources, output)
    kind = LocalEngine if engine == "local" else RayEngine
    summary = loop.run(prepared, lambda *_: kind(pipeline.graph, prepared.writer, 4), Progress())
    pages = list(Results(OutputFolder(output)).pages(pipeline.graph.columns))
    rows = Counter((page.path, page.pagenum) for page in pages)
    names = {PurePosixPath(split_options(page.path)[0]).name for page in pages}
    failed = {PurePosixPath(split_options(page.path)[0]).name for page in pages if page.exception}
    return {
        "inputs": inputs,
        "with_rows": len(names),
        "doubled": sum(count > 1 for count in rows.values()),
        "bad": len(bad),
        "bad_failed": len(failed & bad),
        "good_failed": len(failed - bad),
        "seconds": round(time.monotonic() - start, 1),
        "failures": dict(summary.outcome.failed),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--engine", nargs="+", choices=["local", "ray"], default=["local", "ray"])
    parser.add_argument(
        "--place", nargs="+", choices=["folder", "bucket", "list"], default=["folder", "bucket", "list"]
    )
    arguments = parser.parse_args()
    os.environ |= KEYS | {"PYTHONPATH": os.pathsep.join([*sys.path[-2:], os.environ.get("PYTHONPATH", "")])}
    well = True
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "in"
        bad = hostile.write(folder, arguments.inputs, arguments.inputs // 20)
        for place in arguments.place:
            places = Places("bucket" if place == "bucket" else "folder", Path(work))
            sources = sorted(map(str, folder.iterdir())) if place == "list" else [places.place("in")]
            for engine in arguments.engine:
                found = job(sources, places.place(f"out-{place}-{engine}"), engine, bad, arguments.inputs)
                print(json.dumps({"place": place, "engine": engine, **found}), flush=True)
                well &= found["with_rows"] == arguments.inputs and found["bad_failed"] == len(bad)
                well &= not found["doubled"] and not found["good_failed"]
    sys.exit(not well)


if __name__ == "__main__":
    main()
