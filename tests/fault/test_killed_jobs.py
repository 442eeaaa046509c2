"""The command line on bad input, and killed in the middle of a job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import drawn
import pyarrow.parquet as pq
import pytest
from command import raypipe
from PIL import Image

Command = Callable[..., subprocess.CompletedProcess[str]]
PAGES = 48
"""Of a job that is stopped: results are written four pages at a time, so that most are unread then."""


def words(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "raypipe", *map(str, arguments)]


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A process of its own."""
    return subprocess.run(words(*arguments), capture_output=True, text=True, timeout=500, env=env)


def results(output: Path) -> list[dict[str, object]]:
    return [row for file in (output / "results").glob("*.parquet") for row in pq.read_table(file).to_pylist()]


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    folder = tmp_path / "hostile"
    folder.mkdir()
    drawn.page(drawn.LETTER).save(folder / "good.jpg")
    whole = (folder / "good.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("this is no picture")
    drawn.page([]).save(folder / "blank.png")
    Image.new("L", (1, 1)).save(folder / "dot.png")
    Image.new("L", (30_000, 30), 255).save(folder / "strip.png")
    Image.new("1", (30_000, 20_000)).save(folder / "bomb.png")
    return folder


def without_home(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A process of its own, which has no home, a long path for temporary files, and no Ray but its own."""
    with tempfile.TemporaryDirectory(prefix="deep" * 20, ignore_cleanup_errors=True) as deep:
        # Below a file not even root can make a folder.
        environment = {**os.environ, "HOME": str(Path(__file__) / "home"), "TMPDIR": deep}
        for name in ("RAY_TMPDIR", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
            environment.pop(name, None)
        return run(*arguments, env=environment)


@pytest.mark.parametrize(
    ("command", "engine"),
    [(raypipe, "local"), pytest.param(without_home, "ray", marks=pytest.mark.slow)],
    ids=["in this process", "on a cluster of its own, without a home"],
)
def test_bad_pictures_become_rows_and_the_others_are_read(
    command: Command, engine: str, hostile: Path, tmp_path: Path
) -> None:
    done = command("run", hostile, "--output", tmp_path / "out", "--engine", engine, "--format", "json")
    assert done.returncode == 6, done.stderr
    rows = {Path(str(row["path"])).name: row for row in results(tmp_path / "out")}
    assert set(rows) == {path.name for path in hostile.iterdir()}
    codes = {name: str(row["exception"] or "").partition(":")[0].partition(" ")[2] for name, row in rows.items()}
    assert codes == {
        "good.jpg": "",
        "truncated.jpg": "image_truncated",
        "empty.png": "image_empty",
        "text.jpg": "image_unknown",
        "blank.png": "",
        "dot.png": "",
        "strip.png": "",
        "bomb.png": "image_too_large",
    }
    assert str(rows["good.jpg"]["text"]).split("\n") == drawn.LETTER
    assert [rows[name]["text"] for name in ("blank.png", "dot.png", "strip.png")] == ["", "", ""]
    assert "1 with BinaryToImage image_empty" in done.stderr and "out/results/" in done.stderr
    document = json.loads((tmp_path / "out/json/good.jpg.json").read_text())
    assert document["pages"][0]["text"].split("\n") == drawn.LETTER
    assert (tmp_path / "out/overlays/good.jpg.jpeg").stat().st_size > 5000


@pytest.mark.slow
def test_a_killed_job_goes_on_where_it_stopped(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    for n in range(PAGES):
        drawn.page([f"Letter {n}"], (500, 150)).save(pages / f"{n:03}.png")
    command = ["run", pages, "-o", tmp_path / "out", "--engine", "local", "--overlay", "none"]
    process = subprocess.Popen(words(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out/results").glob("*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len(results(tmp_path / "out"))
    assert 0 < before < PAGES
    (tmp_path / "out/results/000000-0123456789abcdef.parquet.part").write_bytes(b"PAR1 and then the power went")
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert f"already done: {before} page" in done.stderr
    assert "The latest run here ended at once, in the middle. If a page breaks" in done.stderr
    assert not list((tmp_path / "out/results").glob("*.part"))
    counts = Counter(str(row["path"]) for row in results(tmp_path / "out"))
    assert len(counts) == PAGES and set(counts.values()) == {1}


def test_another_pipeline_needs_another_folder(tmp_path: Path) -> None:
    picture, pipeline = tmp_path / "a.png", tmp_path / "pipeline.toml"
    Image.new("L", (9, 9)).save(picture)
    command = ["run", picture, "-o", tmp_path / "out", "--engine", "local", "--pipeline", pipeline, "--format", "json"]
    pipeline.write_text('stage = [{ type = "BinaryToImage" }]')
    assert raypipe(*command).returncode == 0
    pipeline.write_text('stage = [{ type = "BinaryToImage", max_pages = 3 }]')
    other = raypipe(*command)
    assert other.returncode == 2 and "BinaryToImage.max_pages" in other.stderr and "--overwrite" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["run", "no-such-folder", "-o", "OUT"], 3, "does not exist"),
        (["run", "GOOD", "-o", "OUT", "--recognizer", "ocr_base_handwritten_v2_opt"], 4, "ocr_small_handwritten"),
        (["run", "GOOD", "-o", "OUT", "--recognizer", "nonsense"], 4, "raypipe models list"),
    ],
)
def test_errors_say_what_to_do(arguments: list[str], status: int, words: str, tmp_path: Path) -> None:
    picture = tmp_path / "good.png"
    drawn.page(["One line"], (300, 100)).save(picture)
    places = {"OUT": str(tmp_path / "out"), "GOOD": str(picture)}
    done = raypipe(*(places.get(argument, argument) for argument in arguments))
    assert done.returncode == status and words in done.stderr


@pytest.mark.slow
def test_a_job_that_is_told_to_stop_keeps_what_it_read(tmp_path: Path) -> None:
    """SIGTERM, as Kubernetes sends it: the pages that were read stay read, and the same command reads the rest."""
    for n in range(PAGES):
        drawn.page([f"Line of page {n}"], (500, 150)).save(tmp_path / f"{n:02}.png")
    output = tmp_path / "out"
    command = words("run", tmp_path, "-o", output, "--engine", "local", "--overlay", "none")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(output.glob("results/*.parquet")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "the same command reads the rest" in errors and "Traceback" not in errors
    assert 0 < len(results(output)) < PAGES
    assert subprocess.run(command, capture_output=True).returncode == 0
    paths = [row["path"] for row in results(output)]
    assert len(paths) == len(set(paths)) == PAGES
