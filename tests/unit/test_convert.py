"""Files of documents in shards."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from jobs import PIPELINE, run
from PIL import Image

from raypipe.cli.main import cli
from raypipe.errors import ConfigError
from raypipe.job import plan
from raypipe.job.convert import Converted, convert
from raypipe.job.local import LocalEngine
from raypipe.job.writer import Writer
from raypipe.pipeline import Pipeline


@pytest.fixture
def output(tmp_path: Path, page_png: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job of three documents, whose six rows are in files of their own."""
    monkeypatch.setattr("raypipe.job.local.MIN_ROWS", 1)
    for name in ("a.png", "sub/b.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page_png)
    first, *rest = [Image.new("L", (40, 30), grey) for grey in (0, 100, 200, 255)]
    first.save(tmp_path / "in" / "c.tif", save_all=True, append_images=rest)
    run(tmp_path / "in", tmp_path / "out")
    assert len(list((tmp_path / "out" / "results").iterdir())) == 6
    return tmp_path / "out"


def converted(
    output: Path, shards: int, *formats: str, changed: Callable[[float], None] = lambda share: None
) -> Converted:
    def engine_for(pipeline: Pipeline, writer: Writer) -> LocalEngine:
        return LocalEngine(pipeline.graph, writer, 1, 1)

    return convert(str(output), formats, engine_for, shards, changed)


def packed(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.glob("shard-*.tar")):
        with tarfile.open(path) as archive:
            members = {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]
        assert not found.keys() & members
        found |= members
    return found


def test_files_are_written_by_one_at_a_time(output: Path) -> None:
    job = plan.prepare(PIPELINE, [output.parent / "in"], output)
    with pytest.raises(ConfigError, match="Another job is writing to"):
        converted(output, 0, "text")
    job.lease.release()
    assert converted(output, 0, "text").documents == converted(output, 0, "text").documents == 3


def test_shards_have_the_files_of_all_documents(output: Path) -> None:
    assert converted(output, 0, "alto", "tsv") == Converted(3, 0, [])
    alone = {each: {str(file.relative_to(output / each)): file.read_bytes() for file in (output / each).rglob("*.*")}
             for each in ("alto", "tsv")}  # fmt: skip
    assert converted(output, 2, "alto", "tsv") == Converted(3, 2, [])
    assert sorted(alone["alto"]) == ["a.png.xml", "c.tif.xml", "sub/b.png.xml"]
    for each, files in alone.items():
        assert packed(output / each) == files
        names = [file.name for file in sorted((output / each).glob("shard-*"))]
        assert names == ["shard-00000-of-00002.tar", "shard-00001-of-00002.tar"]


def test_a_format_of_lines_is_files_of_lines_and_written_again_the_same(output: Path) -> None:
    converted(output, 3, "jsonl")
    files = sorted((output / "jsonl").iterdir())
    before = [file.read_bytes() for file in files]
    pages = [json.loads(line) for text in before for line in text.splitlines()]
    assert [file.suffix for file in files] == [".jsonl"] * 3
    assert sorted((page["name"], page["pagenum"]) for page in pages) == [
        ("a.png", 0), *(("c.tif", n) for n in range(4)), ("sub/b.png", 0),
    ]  # fmt: skip
    converted(output, 3, "jsonl")
    assert [file.read_bytes() for file in sorted((output / "jsonl").iterdir())] == before


def test_it_tells_how_far_it_is(output: Path) -> None:
    """After each file of results and each document of several, or after each shard."""
    shares = list[float]()
    converted(output, 0, "text", changed=shares.append)
    assert shares == pytest.approx([n / 7 for n in range(1, 8)])
    shares.clear()
    converted(output, 3, "text", changed=shares.append)
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])


def test_there_are_no_more_shards_than_files_of_results(output: Path) -> None:
    assert converted(output, 100, "text").shards == 6


def test_a_shard_that_cannot_be_written_is_told(output: Path) -> None:
    (output / "text").write_text("no folder")
    done = converted(output, 1, "text", "tsv")
    assert len(done.unwritten) == 1 and done.unwritten[0].startswith("text of shard-00000-of-00001: ")
    assert len(packed(output / "tsv")) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [([], ""), (["--shards", "1"], "1 shard of each format in "), (["--shards", "2"], "2 shards of each format in ")],
)
def test_the_command_says_what_it_wrote(output: Path, options: list[str], words: str) -> None:
    answer = CliRunner().invoke(cli, ["convert", str(output), "--format", "text", *options], catch_exceptions=False)
    assert answer.exit_code == 0
    assert f"3 documents: {words}{output / 'text'}/" in answer.output
