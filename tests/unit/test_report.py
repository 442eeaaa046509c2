from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jobs
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from making import encoded, white

import raypipe as rp
from raypipe.cli.main import cli
from raypipe.columns import CONFIDENCE, LANGUAGE, NULLABLE_TEXT
from raypipe.errors import ConfigError, OutputError
from raypipe.images.image import IMAGE
from raypipe.job import report
from raypipe.job.folder import OutputFolder
from raypipe.job.gathered import gather
from raypipe.job.status import status
from raypipe.pipeline import Pipeline
from raypipe.types import Row


class Judge(rp.Worker["Judging"]):
    """Is as sure of a page as its picture is wide, of 100 pixels; wide ones are in French, and one is not sound."""

    def process(self, rows: Sequence[Row]) -> None:
        for row in rows:
            with self.guard(row):
                width = row["image"].width
                row["sure"] = [width / 100] if width > 9 else []
                row["tongue"] = "fr" if width > 80 else "en"
                row["warning"] = "narrow" if width == 20 else None


class Judging(rp.Stage):
    def steps(self) -> tuple[rp.Step, ...]:
        writes = {"sure": CONFIDENCE, "tongue": LANGUAGE, "warning": NULLABLE_TEXT}
        return (rp.Step(stage=self, worker=Judge, reads={"image": IMAGE}, writes=writes),)


PIPELINE = Pipeline([rp.BinaryToImage(), Judging()])


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """The output folder of a job with pages of many confidences, one without text and some that fail."""
    (tmp_path / "in").mkdir()
    for width in (5, *range(20, 100, 5)):
        (tmp_path / "in" / f"{width}<b>.png").write_bytes(encoded(white(50, width), "PNG"))
    for n in range(6):
        (tmp_path / "in" / f"bad{n}.png").write_bytes(b"no picture")
    jobs.run(tmp_path / "in", tmp_path / "out", PIPELINE)
    return tmp_path / "out"


def test_what_is_gathered(done: Path) -> None:
    found = gather(OutputFolder(done), PIPELINE)
    assert (found.pages, found.empty, found.failures) == (23, 1, {"BinaryToImage image_unknown": 6})
    assert (found.warned, found.languages) == (1, {"en": 14, "fr": 3})
    assert [seen.value for seen in found.doubtful] == pytest.approx([n / 100 for n in range(20, 80, 5)])
    assert len(found.examples["BinaryToImage image_unknown"]) == 4
    assert found.confidences.sum() == 16 and found.confidences[:4].sum() == 0
    assert sum(pages for _, pages in found.written) == 23


def test_a_page_is_shown_where_its_overlay_cannot_be_opened(done: Path, tmp_path: Path) -> None:
    (tmp_path / "damaged.jpeg").write_bytes(b"\xff\xd8 no picture")
    found = gather(OutputFolder(done), PIPELINE)
    overlays = [str(tmp_path / name) for name in ("damaged.jpeg", "missing.jpeg")]
    found.doubtful, found.slowest = [replace(found.doubtful[0], overlay=each) for each in overlays], []
    html = report.render(status(str(done)), found, PIPELINE)
    assert html.count("data:image/jpeg;base64,") == 2


def test_a_report_needs_no_other_file_and_escapes_names(done: Path) -> None:
    answer = CliRunner().invoke(cli, ["report", str(done)], catch_exceptions=False)
    html = (done / "report.html").read_text("utf-8")
    assert "<td>languages, by pages</td><td>en 14, fr 3</td>" in html
    assert answer.output.strip() == str(done / "report.html")
    slowest = html.partition("<h2>Slowest pages</h2>")[2]
    assert html.count("data:image/jpeg;base64,") == 12 + slowest.count("data:image/jpeg;base64,")
    assert len(re.findall(r"\d s</figcaption>", slowest)) == 6
    assert "6 x BinaryToImage image_unknown" in html and "20&lt;b&gt;.png, page 1" in html and "<b>" not in html
    assert not re.findall(r'(?:src|href)="(?!data:)', html) and "Judging" in html


def test_the_slowest_pages(done: Path) -> None:
    seconds = [page.reading_seconds or 0 for page in jobs.pages(done, PIPELINE)]
    found = gather(OutputFolder(done), PIPELINE)
    assert [seen.value for seen in found.slowest] == sorted(seconds, reverse=True)[:6] and min(seconds) > 0
    places = {(page.path, page.pagenum): page.reading_seconds for page in jobs.pages(done, PIPELINE)}
    assert all(places[seen.path, seen.pagenum] == seen.value for seen in found.slowest)


def test_a_report_on_results_of_an_older_version(done: Path) -> None:
    for file in (done / "results").iterdir():
        pq.write_table(pq.read_table(file).drop_columns("reading_seconds"), file)
    found = gather(OutputFolder(done), PIPELINE)
    assert (found.pages, found.slowest) == (23, [])
    report.write(str(done))
    assert "do not say how long a page took" in (done / "report.html").read_text("utf-8")


def test_a_report_can_be_written_elsewhere(done: Path, tmp_path: Path) -> None:
    assert report.write(str(done), str(tmp_path / "a.html")) == str(tmp_path / "a.html")
    assert (tmp_path / "a.html").exists() and not (done / "report.html").exists()


def test_a_report_that_cannot_be_written_says_where_to(done: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"report\.html cannot be written: .*Give --output another place"):
        report.write(str(done), str(tmp_path / "file/report.html"))


def test_a_folder_without_a_job(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not the output folder"):
        report.write(str(tmp_path))


def test_files_that_are_written_at_once_are_no_burst() -> None:
    assert "2.20 on average over 20 s, at most 2.99." in report._pace([(0.0, 4), (20.0, 40), (20.01, 4)])
    assert "1.67 on average over 3 s, at most 1.67." in report._pace([(0.0, 4), (2.99, 1), (3.0, 4)])
