"""Forecasts: what is drawn, how it is drawn out, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jobs
import pyarrow as pa
import pytest
from command import raypipe
from PIL import Image

import raypipe as rp
from raypipe.cli.plan import summary
from raypipe.errors import ConfigError, DeviceError, InputError
from raypipe.inputs.listing import Found
from raypipe.job.engine import RAY_START_SECONDS
from raypipe.job.forecast import Cluster, Forecast, Measurement, check, forecast, measure
from raypipe.job.progress import Progress
from raypipe.job.sample import Sample, draw
from raypipe.machine import usable_cpus
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
    assert (sample.total, sample.doubt) == (100, 0)
    sample = draw(files, ["/"], 50, silent)
    left_out = sum(map(len, sample.documents["done"].to_pylist()))
    assert (sample.pages, sample.whole <= 50, left_out) == (50, True, 35), "and 15 pictures"


def test_every_document_has_the_same_chance(tmp_path: Path) -> None:
    found = [Found(f"{n:04}.jpg") for n in range(4000)]
    listed: list[int] = []
    drawn = draw(found * 5, ["/"], 4000, listed.append)
    assert (drawn.listed, len(drawn.documents), listed) == (20_000, 4000, [10_000, 20_000])
    first = sum(path < "2000" for path in drawn.documents["path"].to_pylist())
    assert 1850 < first < 2150


def test_pages_are_drawn_out_from_those_of_the_documents_that_were_opened(files: list[Found]) -> None:
    """Pictures have one page each, by their names; what the others have is drawn out by their number or their bytes."""
    several = [each for each in files if each.path.endswith(".tif")]
    sample = draw(files * 10, ["/"], 60, silent)
    assert (sample.listed, sample.pages, round(sample.total), sample.doubt) == (400, 60, 1000, 0)
    paths = sample.documents["path"].to_pylist()
    assert sum(path.endswith(".png") for path in paths) == 18, "as many as they have of all pages"
    unequal = [Found(each.path, size) for each, size in zip(several, range(1, 11), strict=True)]
    doubtful = draw([*files * 10, *unequal * 10], ["/"], 60, silent)
    assert abs(doubtful.total - 1700) < 1 and doubtful.doubt < 0.01, "the bytes say less than the number"


def test_few_long_documents_among_many_pictures_make_no_doubt(tmp_path: Path) -> None:
    """Their pages are drawn out from their bytes: by their number alone, the total would be 4 % off."""
    found = [Found(f"{n:05}.jpg", 1000) for n in range(5000)]
    for n, pages in enumerate([3, 9, 15, 21, 27]):
        first, *rest = [Image.new("L", (40, 30), number) for number in range(pages)]
        first.save(tmp_path / f"{n}.tif", save_all=True, append_images=rest)
        found += [Found(str(tmp_path / f"{n}.tif"), (tmp_path / f"{n}.tif").stat().st_size)] * 10
    sample = draw(found, ["/"], 30, silent)
    assert sample.listed == 5050 and sample.doubt < 0.001
    assert sample.total == pytest.approx(5750)


def test_a_small_sample_has_pages_of_all_sizes(tmp_path: Path) -> None:
    """How long pages take goes with their bytes: twenty at random would be 13 % off, give or take."""
    pictures = [Found(f"{n:04}.jpg", size) for n, size in enumerate(range(1, 1001))]
    sample = draw(pictures, ["/"], 20, silent)
    assert sum(sample.documents["size"].to_pylist()) / 20 == pytest.approx(500, rel=0.05)
    first, *rest = [Image.new("L", (40, 30), n) for n in range(10)]
    first.save(tmp_path / "ten.tif", save_all=True, append_images=rest)
    paged = [Found(str(tmp_path / "ten.tif"), 1000 * size) for size in range(1, 21)]
    drawn = draw(paged, ["/"], 20, silent).documents
    counts = [10 - len(done) for done in drawn["done"].to_pylist()]
    mean = sum(size * count for size, count in zip(drawn["size"].to_pylist(), counts, strict=True)) / sum(counts)
    assert sum(counts) == 20 and mean == pytest.approx(10_500, rel=0.05)


def test_too_few_pages_are_refused(files: list[Found]) -> None:
    with pytest.raises(InputError, match="5 pages"):
        draw([each for each in files if each.path.endswith(".png")][:5], ["/"], 500, silent)


def test_a_sample_is_read_as_the_job_would(files: list[Found]) -> None:
    sample = draw(files, ["/"], 500, silent)
    changes: list[Progress] = []
    progress = Progress(changes.append)
    found = measure(sample, lambda folder: jobs.PIPELINE, ["text", "json"], 4, progress)
    assert progress.finished == 100 and found.failed == 0.01
    assert changes and progress.changed == changes.append
    assert set(found.output) == {"results", "text", "json"}
    assert found.seconds > 0 and found.memory > 10**7 and found.output["json"] > 100
    assert found.busy is not None and found.busy > 0, "no GPU read it"


def test_a_sample_that_is_read_in_few_parts_is_refused(files: list[Found], monkeypatch: pytest.MonkeyPatch) -> None:
    """One CPU reads a whole batch before the next one."""
    monkeypatch.setattr("raypipe.job.local.usable_cpus", lambda: 1)
    sample = draw(files, ["/"], 500, silent)
    for batch_size in (60, 100):
        with pytest.raises(ConfigError, match="Lower --batch-size"):
            measure(sample, lambda folder: jobs.PIPELINE, ["text"], batch_size, Progress())


def test_a_forecast_draws_out() -> None:
    sample = Sample(1_000_000, pa.table({}), 500, 500, 3_000_000, 0.03)
    measured = Measurement(0.65, 0.04, 800_000_000, {"results": 9000.0, "text": 1000.0}, 0.02, 0.97, 2.0)
    made = forecast(sample, measured, Cluster.parse("10x16cpu"), 2.0)
    assert (made.pages, made.actors, made.output, made.failed) == (3_000_000, 159, 30_000_000_000, 60_000)
    assert made.hours == pytest.approx(3_000_000 * 0.65 / 159 / 1.05 / 3600, rel=0.01)
    assert (made.doubt, made.memory) == (pytest.approx(0.05), 159 * 800_000_000)
    assert made.money == pytest.approx(made.hours * 20)
    assert forecast(sample, measured, Cluster.parse("8x4GPU"), None).actors == 32
    sample = Sample(40, pa.table({}), 40, 40, 40, 0)
    assert forecast(sample, measured, None, None).hours * 3600 == pytest.approx(40 * 0.65 / usable_cpus() + 2.0)


def test_one_gpu_reads_for_all_cpus_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypipe.job.forecast.usable_cpus", lambda: 16)
    measured = Measurement(0.05, 0.04, 800_000_000, {"results": 9000.0}, 0.02, None, 2.0)
    made = forecast(Sample(40, pa.table({}), 40, 40, 40, 0), measured, None, None)
    assert made.actors == 1 and made.hours * 3600 == pytest.approx(40 * 0.05 + 2.0)


def test_a_forecast_tells_what_ray_s_own_start_takes() -> None:
    sample = Sample(40, pa.table({}), 40, 40, 40, 0)
    measured = Measurement(0.65, 0.04, 800_000_000, {"results": 9000.0}, 0.02, 0.97, 2.0)
    made = forecast(sample, measured, Cluster.parse("1x3cpu"), None)
    assert made.hours_joined is not None and (made.hours - made.hours_joined) * 3600 == pytest.approx(RAY_START_SECONDS)
    assert "start: 4 seconds less where Ray runs already" in summary(made, 0.65)
    alone = forecast(sample, measured, None, None)
    assert alone.hours_joined is None and "--address" not in summary(alone, 0.65)


def test_it_says_that_other_programs_took_the_cpus() -> None:
    made = Forecast(10, 10, 10, 2, 1.0, None, 0.05, 10**9, 10**9, 0, 0.4, None)
    assert "busy: 40% of the CPUs; if other programs had the rest" in summary(made, 0.65)
    for busy in (0.97, None):
        assert "busy" not in summary(replace(made, busy=busy), 0.65)


@pytest.mark.parametrize("text", ["8", "0x4gpu", "8x4", "8x4tpu", "8x0cpu"])
def test_a_cluster_is_nodes_and_what_they_have(text: str) -> None:
    with pytest.raises(ConfigError, match="8x4gpu"):
        Cluster.parse(text)


def test_what_cannot_be_measured_here_is_refused() -> None:
    with pytest.raises(DeviceError, match="with such a GPU"):
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
