"""The local store, and a pipeline that reads with a model of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import raypipe as rp
from raypipe.errors import ModelError
from raypipe.zoo import manifest, pulling, store

TOY = Path(__file__).parents[1] / "data" / "trocr" / "merged"
NAME = "trocr_small_printed"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"RAYPIPE_MODELS": "/shared/models"}, "/shared/models"),
        ({"RAYPIPE_MODELS": "", "XDG_DATA_HOME": "/data"}, "/data/raypipe/models"),
        ({"RAYPIPE_MODELS": "", "XDG_DATA_HOME": "", "HOME": "/home/me"}, "/home/me/.local/share/raypipe/models"),
    ],
)
@pytest.mark.skipif(os.name == "nt" or os.uname().sysname != "Linux", reason="places of other platforms")
def test_where_the_store_lies(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert store.folder() == Path(expected)


def test_an_imported_model_reads(folder: Path, tmp_path: Path, page_png: bytes) -> None:
    pulling.import_folder(manifest.find(NAME), TOY)
    assert manifest.damage(manifest.find(NAME)) is None
    (tmp_path / "page.png").write_bytes(page_png)
    read = {
        beams: rp.Pipeline(
            [
                rp.BinaryToImage(),
                rp.ImageToText.pretrained(
                    NAME, use_gpu=False, regions_column=None, num_beams=beams, include_confidence=True
                ),
            ]
        )
        for beams in (1, 3)
    }
    for pipeline in read.values():
        (page,) = pipeline.run(tmp_path / "page.png")
        assert page.exception is None
        assert page.text == "\n".join(line.text for line in page.lines)
        assert all(0 <= word.confidence <= 1 for line in page.lines for word in line.words)


def test_importing_again_replaces(folder: Path, tmp_path: Path) -> None:
    pulling.import_folder(manifest.find(NAME), TOY)
    (folder / NAME / "tokenizer.json").write_text("{}")
    assert "tokenizer.json" in str(manifest.damage(manifest.find(NAME)))
    pulling.import_folder(manifest.find(NAME), TOY)
    assert manifest.damage(manifest.find(NAME)) is None
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_missing_and_shortened_files_are_damage(folder: Path) -> None:
    model = manifest.find(NAME)
    assert manifest.damage(model) == "missing"
    pulling.import_folder(model, TOY)
    (folder / NAME / "tokenizer.json").write_bytes(b"")
    assert "0 bytes" in str(manifest.damage(model))
    (folder / NAME / "tokenizer.json").unlink()
    assert manifest.damage(model) == "tokenizer.json: missing"


def test_a_failure_leaves_no_trace(folder: Path) -> None:
    with pytest.raises(RuntimeError), store.temporary_folder() as temporary:
        (temporary / "half").write_bytes(b"x")
        raise RuntimeError
    assert list(folder.iterdir()) == []


def test_a_store_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "file" / "store"))
    with pytest.raises(ModelError, match="RAYPIPE_MODELS"):
        pulling.import_folder(manifest.find(NAME), TOY)


def test_a_damaged_record_is_named(folder: Path) -> None:
    pulling.import_folder(manifest.find(NAME), TOY)
    (folder / NAME / store.RECORD).write_text("{")
    with pytest.raises(ModelError, match=store.RECORD):
        store.record(NAME)


def test_variants_in_one_folder_are_told_apart() -> None:
    names = [*pulling.CONFIGURATION, "onnx/encoder_model.onnx", "onnx/decoder_model.onnx"]
    assert pulling.choose(names, "") is None
    names.append("onnx/decoder_with_past_model.onnx")
    assert pulling.choose(names, "") == [*names[3:], *pulling.CONFIGURATION]
    names.append("onnx/decoder_model_merged.onnx")
    assert pulling.choose(names, "") == [names[3], names[-1], *pulling.CONFIGURATION]
    assert pulling.choose(names, "_quantized") is None


def test_a_model_without_a_checkpoint_is_not_exported(tmp_path: Path) -> None:
    model = manifest.find(NAME).model_copy(update={"repository": "someone/else", "checkpoint": ""})
    with pytest.raises(ModelError, match="someone/else holds none. Choose another --revision"):
        pulling._export(model, tmp_path, None)
