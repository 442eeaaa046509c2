"""Output folders that a power failure damaged, or that another version of raypipe wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from jobs import names, run

from raypipe.errors import ConfigError, OutputError
from raypipe.job import report
from raypipe.job.status import status

OUTCOME = "shards/000000.json"


def of_later_version(file: Path) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), "later": 1}), encoding="utf-8")


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:40])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def without_keys(file: Path) -> None:
    pq.write_table(pq.read_table(file).drop_columns(["key"]), file)


@pytest.mark.parametrize("damage", [of_later_version, cut_off, emptied])
@pytest.mark.parametrize("name", [OUTCOME, "job.json"])
def test_what_can_be_found_again_is(folder: Path, tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    run(folder, tmp_path / "out")
    damage(tmp_path / "out" / name)
    assert status(str(tmp_path / "out")).pages == 3
    report.write(str(tmp_path / "out"))
    again = run(folder, tmp_path / "out")
    assert (again.pages, again.outcome.pages, len(names(tmp_path / "out"))) == (0, 3, 3)
    assert status(str(tmp_path / "out")).finished


@pytest.mark.parametrize("damage", [cut_off, emptied, without_keys])
def test_a_damaged_shard_is_told_and_its_documents_are_read_again(
    folder: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    out = tmp_path / "out"
    run(folder, out)
    damage(out / "shards/000000.parquet")
    for look in (lambda: status(str(out)), lambda: report.write(str(out)), lambda: run(folder, out)):
        with pytest.raises(ConfigError, match=r"000000\.parquet is damaged, or of another version.*Remove the files"):
            look()
    for file in [*(out / "shards").glob("000000*"), *(out / "results").glob("000000*")]:
        file.unlink()
    assert run(folder, out).pages == 3
    assert len(names(out)) == 3


def test_damaged_results_are_told_and_read_again(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(folder, out)
    (file,) = (out / "results").iterdir()
    cut_off(file)
    with pytest.raises(OutputError, match=r"is damaged: .*Remove it and 000000\.json in shards/"):
        report.write(str(out))
    file.unlink()
    (out / OUTCOME).unlink()
    assert run(folder, out).pages == 3


def test_a_pipeline_of_another_version_is_told(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    declared = tmp_path / "out/pipeline.toml"
    for text in (b"", b"\xff\xfe", b"[[stage]]\ntype = 'Later'\n", b"[[stage]]\ntype = 'BinaryToImage'\nlater = 1\n"):
        declared.write_bytes(text)
        with pytest.raises(ConfigError, match=r"pipeline\.toml is damaged, or of another version"):
            run(folder, tmp_path / "out")
    assert run(folder, tmp_path / "out", overwrite=True).pages == 3


def test_a_strange_file_beside_the_shards_is_left_alone(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    (tmp_path / "out/shards/notes.parquet").write_bytes(b"mine")
    assert run(folder, tmp_path / "out").resumed == 3
    assert (tmp_path / "out/shards/notes.parquet").exists()
