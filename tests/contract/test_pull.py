"""`raypipe models pull` and `import` bring a model that reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import raypipe
from hub_server import Hub
from machine import GRAPHS, NAME, REPOSITORY, Machine, files

import raypipe as rp
from raypipe.zoo import manifest, store


@pytest.fixture(autouse=True)
def own_store(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands in this process use the machine's store too."""
    monkeypatch.setenv(store.VARIABLE, str(machine.store))


def test_a_pull_brings_the_variant_which_reads_and_records_it(machine: Machine, hub: Hub) -> None:
    done = machine.run("pull", NAME)
    assert done.returncode == 0, done.stderr
    record = store.read_record(machine.folder / store.RECORD)
    assert (record.source, record.revision) == (REPOSITORY, hub.commit(REPOSITORY, 0))
    assert {path.name for path in machine.folder.iterdir()} == {*record.files, store.RECORD}
    assert {name for name in record.files if name.endswith(".onnx")} == {f"{name}_quantized.onnx" for name in GRAPHS}
    for name, file in record.files.items():
        assert (store.sha256_of(machine.folder / name), (machine.folder / name).stat().st_size) == (
            file.sha256,
            file.bytes,
        )
    assert machine.leftovers() == []
    verified = raypipe("models", "verify").stdout.splitlines()
    assert "sound" in next(line for line in verified if line.startswith(NAME))
    assert REPOSITORY in raypipe("models", "info", NAME).stdout
    assert manifest.resolve(NAME, "recognition", "en").path == machine.folder
    assert rp.ImageToText.pretrained(NAME, num_beams=2).num_beams == 2


def test_import_takes_a_folder(machine: Machine, tmp_path: Path) -> None:
    for name, content in files().items():
        path = tmp_path / "copy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    done = raypipe("models", "import", NAME, str(tmp_path / "copy"))
    assert done.returncode == 0, done.stderr
    assert store.read_record(machine.folder / store.RECORD).source == str(tmp_path / "copy")
    assert raypipe("models", "verify").returncode == 0 and machine.leftovers() == []


def test_import_says_what_a_folder_lacks(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    failed = raypipe("models", "import", NAME, str(tmp_path / "copy"))
    assert failed.returncode == 4 and "encoder_model_quantized.onnx" in failed.stderr and machine.leftovers() == []


@pytest.mark.parametrize("verb", ["pull", "import"])
def test_a_model_of_the_package_is_not_pulled(machine: Machine, verb: str, tmp_path: Path) -> None:
    failed = raypipe("models", verb, "text_detector_db", *([str(tmp_path)] if verb == "import" else []))
    assert failed.returncode == 4 and "text_detector_db" in failed.stderr


def test_an_absent_model_says_how_to_get_it(machine: Machine) -> None:
    with pytest.raises(Exception, match=r"models pull ocr_base_handwritten_v2_opt.*ocr_small_handwritten_v2_opt"):
        manifest.resolve("ocr_base_handwritten_v2_opt", "recognition", "en")
