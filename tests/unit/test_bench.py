"""What `raypipe bench` makes of its rounds."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import raypipe as rp
from raypipe.bench import plot, report
from raypipe.bench.report import Measured, Report
from raypipe.bench.setting import BESIDE, Round, Setting
from raypipe.bench.steps import OTHER, REST, steps
from raypipe.errors import ConfigError

PIPELINE = rp.standard()
SUMS = {
    "ImageOpener_seconds": 1.0,
    "TextDetector_seconds": 20.0,
    "decode_seconds": 4.0,
    "scale_seconds": 2.0,
    "session_seconds": 42.0,
    "session_ppocrv6_det_small_int8_seconds": 12.0,
    "session_handwriting_ctc_int8_seconds": 30.0,
    "LineCropper_seconds": 3.0,
    "cut_seconds": 3.0,
    "TextReader_seconds": 36.0,
    "search_seconds": 5.0,
    "lines_total": 400.0,
}
"""Of two pages, on two threads, in 40 seconds."""


def measured(name: str, *rounds: float) -> Measured:
    setting = Setting(engine=name, toml=PIPELINE.to_toml(), batch_size=4, threads=2)
    return Measured.of(name, setting, [Round(pages=2, seconds=s, cpu_seconds=60, sums=SUMS) for s in rounds])


def test_steps_add_up_to_the_time_of_the_cpus() -> None:
    found = steps(PIPELINE, SUMS, 2, 40)
    assert sum(found.values()) == pytest.approx(80)
    assert found == {
        "open": 1,
        "decode": 4,
        "scale": 2,
        "cut lines": 3,
        "search": 5,
        "find regions": 2,
        "assemble lines": 1,
        "network ppocrv6_det_small_int8": 12,
        "network handwriting_ctc_int8": 30,
        REST: 20,
    }


def test_files_that_compute_in_float16_are_those_of_their_steps() -> None:
    files = {"ppocrv6_det_small_int8": "ppocrv6_det_small", "handwriting_ctc_int8": "handwriting_ctc_fp16"}
    sums = dict(SUMS)
    for int8, stored in files.items():
        sums[f"session_{stored} in fp16_seconds"] = sums.pop(f"session_{int8}_seconds")
    found = steps(PIPELINE, sums, 2, 40)
    assert (found["find regions"], found["assemble lines"]) == (2, 1)
    assert (found["network ppocrv6_det_small in fp16"], found["network handwriting_ctc_fp16 in fp16"]) == (12, 30)


def test_a_report_has_medians_ends_and_survives_a_file(tmp_path: Path) -> None:
    found = Report.of([measured("local", 40, 50, 20)])
    (one,) = found.measured
    assert (one.middle, min(one.pages_per_second), max(one.pages_per_second)) == (0.05, 0.04, 0.1)
    assert (one.cpu_seconds, one.steps["decode"]) == (30, 2000)
    (tmp_path / "report.json").write_text(found.to_json())
    assert report.load(tmp_path / "report.json") == found
    assert found.cpus and [len(row) for row in report.shares(found)] == [3] * 11


def test_another_program_has_one_step() -> None:
    setting = Setting(engine=BESIDE, toml="other --fast", batch_size=4, threads=2)
    found = Measured.of("other", setting, [Round(pages=2, seconds=10, cpu_seconds=None, sums={})])
    assert (found.cpu_seconds, found.steps) == (None, {OTHER: 10_000})


def test_an_earlier_report_stands_beside_it() -> None:
    now, before = Report.of([measured("local", 40), measured("ray", 30)]), Report.of([measured("local", 50)])
    _, local, ray = report.speeds(now, before)
    assert local[-2:] == ("0.04", "+25%")
    assert ray[-2:] == ("-", "-")


def one(name: str, speeds: tuple[float, ...], cpu_seconds: float | None, **steps: float) -> Report:
    made = Measured(name=name, pages=2, pages_per_second=speeds, cpu_seconds=cpu_seconds, steps=steps)
    return Report(cpu="a CPU", cpus=2, raypipe="1", measured=(made,))


def test_the_tables() -> None:
    now, before = one("local", (2, 1.5, 4), 0.5, decode=30, search=10), one("local", (1.6, 1.6), None, decode=50)
    assert list(report.speeds(now)) == [
        ("", "pages/s", "lowest", "highest", "CPU s/page"),
        ("local", "2.00", "1.50", "4.00", "0.500"),
    ]
    assert list(report.speeds(before, now)) == [
        ("", "pages/s", "lowest", "highest", "CPU s/page", "earlier", "change"),
        ("local", "1.60", "1.60", "1.60", "-", "2.00", "-20%"),
    ]
    assert list(report.shares(now)) == [
        ("a page's time, ms", "local", "share"),
        ("decode", "30.0", "75.0%"),
        ("search", "10.0", "25.0%"),
    ]
    assert list(report.shares(now, before)) == [
        ("a page's time, ms", "local", "share", "earlier"),
        ("decode", "30.0", "75.0%", "50.0"),
        ("search", "10.0", "25.0%", "0.0"),
    ]
    assert list(report.shares(now, one("ray", (1,), None, decode=5)))[0] == ("a page's time, ms", "local", "share")


def test_stages_of_other_packages_are_steps_of_their_own() -> None:
    found = steps(PIPELINE, {**SUMS, "InkMeter_seconds": 7.0}, 2, 40)
    assert (found["InkMeter"], found[REST]) == (7, 13)


def test_what_is_no_report_is_said(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"pages": 1}')
    (tmp_path / "text.json").write_text("pages\nper second")
    reasons = {"other": "cpu: Field required", "text": "Invalid JSON: .*", "none": ".*No such file or directory: '.*'"}
    for name, why in reasons.items():
        said = rf"\S+ is not a report of `raypipe bench`: {why}\. Write one with --json\."
        with pytest.raises(ConfigError) as raised:
            report.load(tmp_path / f"{name}.json")
        assert re.fullmatch(said, str(raised.value))


def test_the_picture_shows_each_step_of_each_setting() -> None:
    found = Report.of([measured("local", 40), measured("ray <&>", 35)])
    titles = [each.text or "" for each in ElementTree.fromstring(plot.svg(found)).iter() if each.tag.endswith("title")]
    assert len(titles) == 20
    assert "decode: 2000.0 ms" in titles


def test_the_bars_of_the_picture_are_as_long_as_their_steps_and_lie_in_it() -> None:
    found = Report.of([measured("local", 40), measured("ray", 20)])
    picture = ElementTree.fromstring(plot.svg(found))
    width, height = map(int, picture.attrib["viewBox"].split()[2:])
    bars = [each for each in picture if len(each)]
    rows = {float(bar.attrib["y"]): list[ElementTree.Element]() for bar in bars}
    for bar in bars:
        rows[float(bar.attrib["y"])].append(bar)
    for (top, row), one in zip(rows.items(), found.measured, strict=True):
        left = float(row[0].attrib["x"])
        for bar, value in zip(row, one.steps.values(), strict=True):
            assert float(bar.attrib["x"]) == pytest.approx(left, abs=0.2)
            assert float(bar.attrib["width"]) == pytest.approx(plot.WIDTH * value / 40_000, abs=0.1)
            left += float(bar.attrib["width"])
        assert top > 0 and top + plot.BAR < height and left < width
    texts = [(float(each.attrib["x"]), float(each.attrib["y"]), each.text or "") for each in picture if each.text]
    start = float(bars[0].attrib["x"])
    for x, y, text in texts[1:]:
        beside = [top for top in rows if top < y < top + plot.BAR]
        assert x > 0 and y < height and (not beside or x + plot.LETTER * len(text) <= start), text
    lowest = max(rows) + plot.BAR
    names = [y for x, y, text in texts if text in report.step_names(found)]
    assert len(names) == 10 and min(names) - 11 > lowest and set(np.diff(names)) == {20}


def test_no_two_steps_of_several_networks_have_one_colour() -> None:
    names = {f"session_network{n}_seconds": 1.0 for n in range(6)}
    setting = Setting(engine="local", toml=PIPELINE.to_toml(), batch_size=4, threads=2)
    made = Report.of(
        [Measured.of("local", setting, [Round(pages=2, seconds=50, cpu_seconds=None, sums={**SUMS, **names})])]
    )
    colours = {name: plot._colour(report.step_names(made), name) for name in report.step_names(made)}
    assert len(set(colours.values())) == len(colours) > 12
    assert colours[REST] == plot.GREY


def test_what_is_no_step_comes_last() -> None:
    other = {**SUMS, "session_other_seconds": 1.0}
    setting = Setting(engine="local", toml=PIPELINE.to_toml(), batch_size=4, threads=2)
    round_ = Round(pages=2, seconds=40, cpu_seconds=None, sums=other)
    found = Report.of([measured("local", 40), Measured.of("local other", setting, [round_])])
    names = report.step_names(found)
    assert names[-1] == REST and "network other" in names and len(names) == len(set(names))
    assert [row[0] for row in report.shares(found)][1:] == names
