"""What `raypipe plan` forecasts, beside what `raypipe run` then takes, in turn on the same machine.

    python benchmarks/forecast.py DATA --rounds 2
    python benchmarks/forecast.py DATA --sleep 0.3

Three kinds of sources: whole pages; lines; and documents of many pages beside pictures, as archives have them. Each is
forecast from a sample and then read, in one process and on Ray. `wall` and `cpu` are by how much the forecast of the
whole command's seconds is off, as a share of what it took: `wall` says something only where nothing else runs, `cpu`
(without Ray, whose processes are not this one's) everywhere. With `--sleep`, a stand-in sleeps so many seconds a page,
give or take 80 %, which other programs do not make longer. Prints one JSON object for each pair.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import cycle, islice
from pathlib import Path

from PIL import Image
from standin import Sleeper

from raypipe.machine import usable_cpus
from raypipe.pipeline import Pipeline

Make = Callable[[Path, Path], None]


def link(files: Iterable[Path], folder: Path) -> None:
    """Gives files names of their own in a folder."""
    for n, file in enumerate(files):
        (folder / f"{n:04}-{file.name}").symlink_to(file)


def pictures(data: Path, *sets: str) -> list[Path]:
    """The pictures of sets of data."""
    return [file for name in sets for file in sorted((data / name / "images").iterdir())]


def pages(data: Path, folder: Path) -> None:
    """Whole pages, most of them letters."""
    found = pictures(data, "letters1905_pages", "phone_pages", "forms_and_board", "visual_nlp_samples")
    link(islice(cycle(found), 4 * len(found)), folder)


def lines(data: Path, folder: Path) -> None:
    """Lines."""
    link(pictures(data, "letters1905_lines"), folder)


def documents(data: Path, folder: Path) -> None:
    """300 pictures, and 20 documents of 2 to 60 pages."""
    found = cycle(pictures(data, "phone_lines", "letters1905_lines"))
    link(islice(found, 300), folder)
    for n in range(20):
        first, *rest = [Image.open(file).convert("L") for file in islice(found, 2 + 3 * n)]
        suffix = "pdf" if n % 2 else "tif"
        first.save(folder / f"{n}.{suffix}", save_all=True, append_images=rest)


JOBS: dict[str, Make] = {"pages": pages, "lines": lines, "documents": documents}


def timed(*words: object) -> tuple[float, float, str]:
    """The wall and CPU seconds of a command, and what it prints."""
    start = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "raypipe", *map(str, words)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, words
    return time.monotonic() - start, used.ru_utime + used.ru_stime, printed


def pair(source: Path, output: Path, engine: str, arguments: argparse.Namespace) -> dict[str, object]:
    """A forecast and what it forecasts."""
    same = [source, "--preset", arguments.preset]
    if arguments.sleep:
        declared = output.with_suffix(".toml")
        declared.write_text(Pipeline([Sleeper(seconds=arguments.sleep, spread=0.8)]).to_toml(), encoding="utf-8")
        same = [source, "--pipeline", declared, "--overlay", "none"]
    there = ["--cluster", f"1x{usable_cpus() + 1}cpu"] if engine == "ray" else []  # So many `run` gives to Ray.
    made = json.loads(timed("plan", *same, "--sample", arguments.sample, "--json", *there)[2])
    wall, cpu, _ = timed("run", *same, "--output", output, "--engine", engine)
    forecast = made["hours"] * 3600
    return {
        "pages": [made["pages"], arguments.sample],
        "doubt": round(made["doubt"], 3),
        "busy": round(made["busy"], 3),
        "forecast": round(forecast, 1),
        "seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        "wall": round(forecast / wall - 1, 3),
        "cpu": round(forecast * made["busy"] * usable_cpus() / cpu - 1, 3) if engine == "local" else None,
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--engine", nargs="+", choices=["local", "ray"], default=["local", "ray"])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--sleep", type=float, default=0, metavar="SECONDS")
    arguments = parser.parse_args()
    here = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(here)
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.jobs:
            (Path(work) / name).mkdir()
            JOBS[name](arguments.data, Path(work) / name)
        for number in range(arguments.rounds):
            for name in arguments.jobs:
                for engine in arguments.engine:
                    output = Path(work) / f"out-{name}-{engine}-{number}"
                    found = pair(Path(work) / name, output, engine, arguments)
                    print(json.dumps({"job": name, "engine": engine, **found}), flush=True)


if __name__ == "__main__":
    main()
