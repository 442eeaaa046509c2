from __future__ import annotations

import re
from pathlib import Path

import pytest

from raypipe.errors import ModelError
from raypipe.zoo import manifest


@pytest.mark.parametrize("name", ["some_reader", "other_reader", "third_reader"])
def test_find_by_name_or_alias(fake_models: Path, name: str) -> None:
    assert manifest.find(name).name == "some_reader"
    assert manifest.find(name).path == fake_models / "reader.onnx"


def test_resolve(fake_models: Path) -> None:
    assert manifest.resolve("some_reader", "recognition", "fr").family == "ctc"
    assert manifest.resolve("other_detector", "detection", "any").family == "craft"
    assert manifest.resolve("some_reader", "recognition").name == "some_reader"


@pytest.mark.parametrize(
    ("name", "task", "language", "words"),
    [
        ("no_such", "detection", None, ["no_such", "raypipe models list"]),
        ("some_reader", "detection", None, ["some_reader", "recognition", "raypipe models list"]),
        ("some_reader", "recognition", "de", ["some_reader", "'de'", "en, fr"]),
        ("absent_reader", "recognition", "en", ["absent_reader", "Take some_reader."]),
        ("lost_reader", "recognition", "en", ["lost_reader", "lost.onnx", "missing"]),
    ],
)
def test_models_that_will_not_do(fake_models: Path, name: str, task: str, language: str, words: list[str]) -> None:
    with pytest.raises(ModelError) as caught:
        manifest.resolve(name, task, language)
    assert all(word in str(caught.value) for word in words)
    assert caught.value.remedy


def test_damage(fake_models: Path) -> None:
    model = manifest.find("some_detector")
    assert manifest.damage(model) is None
    (fake_models / "detector.onnx").write_bytes(b"hallo")
    assert "sha256" in str(manifest.damage(model))
    (fake_models / "detector.onnx").write_bytes(b"hello!")
    assert manifest.damage(model) == "6 bytes instead of 5"
    (fake_models / "detector.onnx").unlink()
    assert manifest.damage(model) == "missing"


def test_a_missing_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "models_folder", lambda: tmp_path)
    manifest.models.cache_clear()
    with pytest.raises(ModelError, match="manifest"):
        manifest.models()


@pytest.fixture
def real() -> tuple[manifest.Model, ...]:
    if not (manifest.models_folder() / "manifest.toml").exists():
        pytest.skip("models/manifest.toml is absent")
    manifest.models.cache_clear()
    return manifest.models()


def test_names_and_aliases_of_the_manifest_are_unique(real: tuple[manifest.Model, ...]) -> None:
    names = [name for model in real for name in (model.name, *model.aliases)]
    assert len(names) == len(set(names))


def test_every_model_of_the_manifest_has_a_family_or_advice(real: tuple[manifest.Model, ...]) -> None:
    from raypipe.recognition.families import FAMILIES
    from raypipe.stages import detect

    families = {"detection": set(detect.FAMILIES), "recognition": set(FAMILIES), "language": {"words"}}
    for model in real:
        assert model.advice if not model.file else model.family in families[model.task], model.name


def test_the_readme_of_the_models_gives_their_sizes(real: tuple[manifest.Model, ...]) -> None:
    readme = manifest.models_folder() / "README.md"
    if not readme.exists():
        pytest.skip("needs a checkout")
    listed = re.findall(r"^\| `([^`]+)` \|.*\| ([\d,]+) \|", readme.read_text(encoding="utf-8"), re.MULTILINE)
    assert {model.file: f"{model.bytes:,}" for model in real if model.file}.items() <= dict(listed).items()


def test_every_file_of_the_manifest_is_sound(real: tuple[manifest.Model, ...]) -> None:
    files = [model for model in real if model.file]
    absent = [model.file for model in files if not model.path.exists()]
    if absent:
        pytest.skip(f"{', '.join(absent)} absent")
    assert {model.name: manifest.damage(model) for model in files} == dict.fromkeys(model.name for model in files)
