"""What `raypipe plan` forecasts from a sample, beside what reading all pages then takes, one after the other.

    python benchmarks/forecast.py DATA --jobs lines documents --sample 40
    python benchmarks/forecast.py DATA --engine ray --sleep 0.3

Three kinds of sources: lines; documents of many pages beside pictures, as archives have them; and letters. `cpu` is by
how much the CPU seconds of all pages were forecast too high, as a share of what was taken, without start-up; it holds
on a busy machine, too. `wall` is the same of the job's seconds, and holds where nothing else runs, or with `--sleep`:
then a stand-in sleeps so many seconds a page, give or take 80 %. Prints one JSON object a job.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import ray
from PIL import Image
from standin import Sleeper

import raypipe as rp
from raypipe.job import loop, plan
from raypipe.job.forecast import Cluster, forecast, measure
from raypipe.job.local import LocalEngine
from raypipe.job.progress import Progress
from raypipe.job.ray import RayEngine
from raypipe.job.sample import draw
from raypipe.machine import usable_cpus
from raypipe.pipeline import BATCH_SIZE, Pipeline
from raypipe.run.jobs import connect

LENGTHS = (2, 3, 5, 9, 14, 22, 30)
"""Pages of documents."""
LETTER_PIXELS = 900
"""Of the longer side of letters."""


def pictures(data: Path, *sets: str) -> Iterator[Path]:
    """The pictures of sets of data, mixed."""
    found = [file for name in sets for file in sorted((data / name / "images").iterdir())]
    random.Random(5).shuffle(found)
    return iter(found)


def link(files: Iterable[Path], folder: Path) -> None:
    """Gives files names of their own in a folder."""
    for n, file in enumerate(files):
        (folder / f"{n:04}-{file.name}").symlink_to(file)


def lines(data: Path, folder: Path) -> None:
    """160 lines."""
    link(islice(pictures(data, "letters1905_lines", "phone_lines"), 160), folder)


def documents(data: Path, folder: Path) -> None:
    """80 lines, and documents of such pages."""
    found = islice(pictures(data, "letters1905_lines", "phone_lines"), 160, None)
    link(islice(found, 80), folder)
    for n, length in enumerate(LENGTHS):
        first, *rest = [Image.open(file).convert("L") for file in islice(found, length)]
        first.save(folder / f"{n}.{'pdf' if n % 2 else 'tif'}", save_all=True, append_images=rest)


def letters(data: Path, folder: Path) -> None:
    """27 letters, smaller than they are."""
    for file in pictures(data, "letters1905_pages"):
        page = Image.open(file).convert("L")
        page.thumbnail((LETTER_PIXELS, LETTER_PIXELS))
        page.save(folder / f"{file.stem}.png")


JOBS: dict[str, Callable[[Path, Path], None]] = {"lines": lines, "documents": documents, "letters": letters}


def pair(source: Path, output: Path, pipeline: Pipeline, engine: str, most: int, joined: bool) -> dict[str, object]:
    """A forecast and what it forecasts."""
    sample = draw(plan.found([source])[1], [str(source)], most, lambda listed: None)
    measured = measure(sample, lambda folder: pipeline, ["text"], BATCH_SIZE, Progress())
    # So many CPUs has the cluster that is started for a job on this machine.
    there = Cluster(1, usable_cpus() + 1, gpu=False) if engine == "ray" else None
    made = forecast(sample, measured, there, None)
    job = plan.prepare(pipeline, [source], output, ["text"])
    kind = RayEngine if there else LocalEngine
    done = loop.run(job, lambda *_: kind(pipeline.graph, job.writer, BATCH_SIZE), Progress())
    if not joined:
        ray.shutdown()  # Each command starts a Ray of its own.
    hours = (made.hours_joined if joined else None) or made.hours
    cpu = measured.seconds * (measured.busy or 0) * sample.total
    return {
        "pages": done.pages,
        "pages_forecast": made.pages,
        "sampled": sample.pages,
        "doubt": round(made.doubt, 3),
        "busy": round(measured.busy or 0, 3),
        "cpu_seconds": round(done.sums["cpu_seconds"], 1),
        "cpu_seconds_forecast": round(cpu, 1),
        "cpu": round(cpu / done.sums["cpu_seconds"] - 1, 3),
        "seconds": round(done.seconds, 1),
        "seconds_forecast": round(hours * 3600, 1),
        "wall": round(hours * 3600 / done.seconds - 1, 3),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--sleep", type=float, default=0, metavar="SECONDS")
    parser.add_argument("--joined", action="store_true", help="jobs on a Ray that runs already")
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    pipeline = Pipeline([Sleeper(seconds=arguments.sleep, spread=0.8)]) if arguments.sleep else rp.fast()
    if arguments.joined:
        connect(None)
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.jobs:
            (Path(work) / name).mkdir()
            JOBS[name](arguments.data, Path(work) / name)
        for number in range(arguments.rounds):
            for name in arguments.jobs:
                output = Path(work) / f"out-{name}-{number}"
                found = pair(Path(work) / name, output, pipeline, arguments.engine, arguments.sample, arguments.joined)
                print(json.dumps({"job": name, "engine": arguments.engine, **found}), flush=True)


if __name__ == "__main__":
    main()
