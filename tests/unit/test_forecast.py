"""Forecasts: what is drawn, how it is drawn out, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import jobs
import pyarrow as pa
import pytest
from command import raypipe
from PIL import Image

import raypipe as rp
from raypipe.errors import ConfigError, DeviceError, InputError
from raypipe.inputs.listing import Found
from raypipe.job.forecast import Cluster, Measured, Sample, check, draw, forecast, measure
from raypipe.job.progress import Progress
from raypipe.pipeline import Pipeline


def silent(*_: object) -> None: ...


@pytest.fixture
def files(tmp_path: Path, page_png: bytes) -> list[Found]:
    """30 pictures, and 10 documents of 7 pages."""
    for n in range(30):
        (tmp_path / f"{n:02}.png").write_bytes(page_png if n else b"no picture")
    first, *rest = [Image.new("L", (40, 30), 10 * n) for n in range(7)]
    for n in range(10):
        first.save(tmp_path / f"{n}.tif", save_all=True, append_images=rest)
    return [Found(str(path), path.stat().st_size) for path in sorted(tmp_path.iterdir())]


def test_all_documents_are_drawn_if_they_are_few(files: list[Found]) -> None:
    sample = draw(files, ["/"], 1000, silent)
    assert (sample.listed, len(sample.documents), sample.pages, sample.whole) == (40, 40, 100, 100)
    assert (sample.pages_per_document, sample.doubt) == (2.5, 0)
    few = draw(files, ["/"], 50, silent)
    left_out = sum(map(len, few.documents["done"].to_pylist()))
    assert (few.pages, few.whole <= 50, left_out) == (50, True, 50)


def test_every_document_has_the_same_chance(tmp_path: Path) -> None:
    found = [Found(f"{n:04}.jpg") for n in range(4000)]
    told: list[int] = []
    drawn = draw(found * 5, ["/"], 4000, told.append)
    assert (drawn.listed, len(drawn.documents), told) == (20_000, 4000, [10_000, 20_000])
    first = sum(path < "2000" for path in drawn.documents["path"].to_pylist())
    assert 1850 < first < 2150


def test_pages_are_drawn_out_from_those_of_the_documents_that_were_opened(files: list[Found]) -> None:
    sample = draw(files * 10, ["/"], 60, silent)
    assert sample.listed == 400 and len(sample.documents) == 60
    assert abs(sample.pages_per_document - 2.5) <= 2.5 * sample.doubt and 0.1 < sample.doubt < 1


def test_too_few_pages_are_refused(files: list[Found]) -> None:
    with pytest.raises(InputError, match="5 pages"):
        draw([each for each in files if each.path.endswith(".png")][:5], ["/"], 500, silent)


def test_a_sample_is_read_as_the_job_would(files: list[Found]) -> None:
    sample = draw(files, ["/"], 500, silent)
    progress = Progress()
    found = measure(sample, lambda folder: jobs.PIPELINE, ["text", "json"], 4, progress)
    assert progress.finished == 100 and found.failed == 0.01
    assert set(found.output) == {"results", "text", "json"}
    assert found.seconds > 0 and found.memory > 10**7 and found.output["json"] > 100


def test_a_forecast_draws_out() -> None:
    sample = Sample(1_000_000, pa.table({}), 500, 500, 3.0, 0.03)
    measured = Measured(0.65, 0.04, 800_000_000, {"results": 9000.0, "text": 1000.0}, 0.02)
    made = forecast(sample, measured, Cluster.parse("10x16cpu"), 2.0)
    assert (made.pages, made.actors, made.output, made.failed) == (3_000_000, 159, 30_000_000_000, 60_000)
    assert made.hours == pytest.approx(3_000_000 * 0.65 / 159 / 1.05 / 3600, rel=0.01)
    assert (made.doubt, made.memory) == (pytest.approx(0.05), 159 * 800_000_000)
    assert made.money == pytest.approx(made.hours * 20)
    assert forecast(sample, measured, Cluster.parse("8x4GPU"), None).actors == 32


@pytest.mark.parametrize("text", ["8", "0x4gpu", "8x4", "8x4tpu", "8x0cpu"])
def test_a_cluster_is_nodes_and_what_they_have(text: str) -> None:
    with pytest.raises(ConfigError, match="8x4gpu"):
        Cluster.parse(text)


def test_what_cannot_be_measured_here_is_refused() -> None:
    with pytest.raises(DeviceError, match="with a GPU"):
        check(jobs.PIPELINE, Cluster.parse("8x4gpu"))
    with pytest.raises(ConfigError, match="pools"):
        check(Pipeline([rp.BinaryToImage(pool=rp.Pool(size=2))]), None)


def test_the_command(files: list[Found], tmp_path: Path) -> None:
    (tmp_path / "pipeline.toml").write_text(jobs.PIPELINE.to_toml(), encoding="utf-8")
    words = ["plan", tmp_path, "--pipeline", tmp_path / "pipeline.toml", "--overlay", "none", "--price", "3"]
    done = raypipe(*words)
    assert done.returncode == 0, done.stderr
    assert "100 pages in 40 documents, 100 of them read" in done.stdout and "money: 0.00" in done.stdout
    made = json.loads(raypipe(*words, "--json", "--cluster", "2x8cpu").stdout)
    assert (made["pages"], made["actors"], made["failed"]) == (100, 15, 1)
