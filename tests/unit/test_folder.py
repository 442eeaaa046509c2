"""An output folder whose disk fails at any moment, that is damaged, or that another version of raypipe wrote."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from jobs import PIPELINE, names, run, tiff

from raypipe.errors import ConfigError, OutputError, RaypipeError
from raypipe.files import paths
from raypipe.job import convert, plan, progress, report
from raypipe.job import folder as folders
from raypipe.job.local import LocalEngine
from raypipe.job.progress import Progress
from raypipe.job.status import status


class Disk:
    """Counts the uses of a folder, and refuses them from one of them on."""

    def __init__(self, place: Path) -> None:
        self._place, self._resolve = str(place), paths.resolve
        self.mend()

    def resolve(self, uri: str) -> Any:
        if uri.startswith(self._place):
            self.uses += 1
            if self.uses > self._sound:
                raise OSError(errno.EIO, "Input/output error")
        return self._resolve(uri)

    def refuse(self, sound: int) -> None:
        """Refuses all uses from now on but the first `sound`."""
        self.uses, self._sound = 0, sound

    def mend(self) -> None:
        self.refuse(10**9)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Disk]:
    def disk_of(place: Path) -> Disk:
        monkeypatch.undo()
        made = Disk(place)
        monkeypatch.setattr(paths, "resolve", made.resolve)
        monkeypatch.setattr(folders, "resolve", made.resolve)
        return made

    return disk_of


def test_a_disk_that_fails_at_any_moment_of_a_job(folder: Path, tmp_path: Path, disk: Callable[[Path], Disk]) -> None:
    tiff(folder / "five.tif", 1, 2, 3, 4, 5)
    whole = disk(tmp_path / "whole")
    run(folder, tmp_path / "whole", formats=["text"])
    assert whole.uses > 20
    for moment in range(0, whole.uses, 3):
        output = tmp_path / f"out-{moment}"
        failing = disk(output)
        failing.refuse(moment)
        with pytest.raises((OutputError, ConfigError), match=r"Input/output error") as caught:
            run(folder, output, formats=["text"])
        assert "\n" not in str(caught.value) and ".." not in str(caught.value).replace(str(tmp_path), "")
        failing.mend()
        rest = run(folder, output, formats=["text"])
        assert (rest.outcome.pages, rest.outcome.unwritten, len(set(names(output)))) == (8, 0, 8)
        assert len(list((output / "text").rglob("*.txt"))) == 4


def test_a_folder_that_is_renamed_meanwhile_stops_the_job_and_is_not_made_anew(folder: Path, tmp_path: Path) -> None:
    out, new = tmp_path / "out", tmp_path / "new"

    def rename(now: Progress) -> None:
        if now.finished and out.exists():
            out.rename(new)

    with pytest.raises(OutputError, match=r"out is not the folder .*: it was removed or renamed, .*new name"):
        run(folder, out, changed=rename)
    assert not out.exists()
    assert run(folder, new).outcome.pages == 3


def test_a_job_in_whose_place_another_began_stops(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "GUARD_SECONDS", 0)
    later = list[Any]()

    def begin(now: Progress) -> None:
        if now.finished and not later:
            (tmp_path / "out").rename(tmp_path / "old")
            later.append(plan.prepare(PIPELINE, [folder / "a.png"], tmp_path / "out"))

    with pytest.raises(OutputError, match="out is not the folder in which this job began"):
        run(folder, tmp_path / "out", changed=begin)
    assert not list((tmp_path / "out").glob("results/*"))
    later[0].lease.release()


def test_what_a_failing_disk_left_unwritten_is_written_by_the_same_command(
    folder: Path, tmp_path: Path, disk: Callable[[Path], Disk]
) -> None:
    failing = disk(tmp_path / "out/text")
    failing.refuse(1)
    first = run(folder, tmp_path / "out", formats=["text"])
    assert (first.outcome.pages, first.outcome.unwritten) == (3, 2)
    failing.refuse(2)
    assert run(folder, tmp_path / "out", formats=["text"]).outcome.unwritten == 1
    failing.mend()
    assert run(folder, tmp_path / "out", formats=["text"]).outcome.unwritten == 0


def test_files_that_are_converted_after_all_are_no_longer_counted(
    folder: Path, tmp_path: Path, disk: Callable[[Path], Disk]
) -> None:
    failing = disk(tmp_path / "out/text")
    failing.refuse(1)
    assert run(folder, tmp_path / "out", formats=["text"]).outcome.unwritten == 2
    failing.mend()
    convert.convert(str(tmp_path / "out"), ["text", "json"], lambda made, writer: LocalEngine(made.graph, writer, 1))
    outcome = status(str(tmp_path / "out")).outcome
    assert (outcome.unwritten, outcome.why_unwritten, outcome.formats) == (0, [], ["json", "text"])
    assert len(list((tmp_path / "out/text").rglob("*.txt"))) == 3
    failing.mend()
    run(folder, tmp_path / "out", formats=["text"])
    assert failing.uses == 1, "it is looked for, and nothing is written again"


def test_a_disk_that_fails_while_a_finished_job_is_looked_at(
    folder: Path, tmp_path: Path, disk: Callable[[Path], Disk]
) -> None:
    output = tmp_path / "out"
    run(folder, output)
    looks: list[Callable[[], Any]] = [
        lambda: status(str(output)),
        lambda: report.write(str(output)),
        lambda: convert.convert(str(output), ["text"], lambda pipeline, writer: LocalEngine(pipeline.graph, writer, 1)),
    ]
    for look in looks:
        failing = disk(output)
        look()
        for moment in range(failing.uses - 3):  # The last are files of documents, of which each may fail.
            failing.refuse(moment)
            with pytest.raises(RaypipeError, match="Input/output error"):
                look()
            failing.mend()


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


def test_a_folder_whose_name_is_no_text_is_refused(folder: Path, tmp_path: Path) -> None:
    """Rows and reports name it: it was a traceback, after the folder had been made."""
    name = f"{tmp_path}/lat\udce9"
    for look in (lambda: run(folder, name), lambda: status(name), lambda: report.write(name)):
        with pytest.raises(ConfigError, match="is not UTF-8"):
            look()
    assert not Path(name).exists()
    run(folder, tmp_path / "out")
    with pytest.raises(OutputError, match="its name is not UTF-8. Give --output another place"):
        report.write(str(tmp_path / "out"), name)


@pytest.mark.parametrize(
    "name", ["ftp://host/out", "S3://bucket/out", "https://host/out", "s3:/bucket/out", "file://out"]
)
def test_an_output_folder_at_a_uri_of_no_file_system_is_refused(folder: Path, name: str) -> None:
    """Some were tracebacks, others folders here that were called so."""
    for look in (lambda: run(folder, name), lambda: status(name), lambda: report.write(name)):
        with pytest.raises(ConfigError, match="is no place for an output folder. URIs begin with file:///, s3://"):
            look()


def test_an_output_folder_at_a_uri_that_cannot_be_parsed_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: Cannot parse URI"):
        run(folder, "s3://bucket/a folder")
    with pytest.raises(OutputError, match="cannot be read or written: Cannot parse URI"):
        status("s3://bucket/a folder")
    run(folder, tmp_path / "out")
    with pytest.raises(OutputError, match="Unrecognized filesystem type"):
        report.write(str(tmp_path / "out"), "ftp://host/report.html")


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
