"""`raypipe bench` over real rounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import raypipe
from drawn import page

import raypipe as rp
from raypipe.bench import report
from raypipe.bench.rounds import one
from raypipe.bench.setting import Setting
from raypipe.errors import ConfigError
from raypipe.pipeline import Pipeline


@pytest.mark.slow
def test_a_bench_of_two_pages_says_where_their_time_goes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        page(["some words", "and more"], (400, 300)).save(tmp_path / name)
    made = tmp_path / "report.json"
    done = raypipe("bench", tmp_path / "a.png", tmp_path / "b.png", "--rounds", "1", "--json", made)
    assert done.returncode == 0, done.stderr
    (one,) = report.load(made).measured
    assert one.pages == 2 and one.cpu_seconds
    assert {"decode", "search"} < set(one.steps)
    assert sum(name.startswith("network ") for name in one.steps) == 2
    assert "warm-up" in done.stderr and "pages/s" in done.stdout


def test_pages_that_cannot_be_read_have_no_speed(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    setting = Setting(engine="local", toml=Pipeline([rp.BinaryToImage()]).to_toml(), batch_size=1, threads=1)
    with pytest.raises(ConfigError, match="1 of 1 page cannot be read"):
        one(setting, [str(tmp_path / "a.png")])


def test_options_without_effect_are_refused(tmp_path: Path) -> None:
    assert "--threads" in raypipe("bench", tmp_path, "--engine", "ray", "--threads", "2").stderr
    assert "--connections" in raypipe("bench", tmp_path, "--connections", "2").stderr


def test_what_is_varied_is_an_option_with_such_values(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert "does not begin with one of" in raypipe("bench", tmp_path, "--vary", "rounds=1,2").stderr
    assert "'many'" in raypipe("bench", tmp_path, "--vary", "threads=1,many").stderr
    assert (
        "'few' is neither a number" in raypipe("bench", tmp_path, "--engine", "ray", "--vary", "detectors=1,few").stderr
    )
    assert "has no effect on local" in raypipe("bench", tmp_path, "--vary", "detectors=1,2").stderr
    assert "'slow' is not one of" in raypipe("bench", tmp_path, "--vary", "preset=slow").stderr
