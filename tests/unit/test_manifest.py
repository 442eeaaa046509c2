"""Which file of a model runs: what is faster on the device, or what was asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import raypipe as rp
from raypipe import machine, presets
from raypipe.engine import cuda
from raypipe.errors import ConfigError, ModelError
from raypipe.stages import base
from raypipe.zoo import manifest

VNNI, ZEN_3 = (
    {"flags": "fpu avx2 avx512_vnni", "cpu family": "6", "model": "207"},
    {"flags": "avx2", "cpu family": "25"},
)
ZEN_1, ZEN_2 = ({"flags": "avx2 fma", "cpu family": "23", "model": model} for model in ("1", "49"))
OLD = {"flags": "fpu sse2 avx", "cpu family": "6", "model": "42"}
PAIRS = [model.name for model in manifest.models() if model.exact]

Computer = Callable[[dict[str, str], int | None], None]


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch) -> Computer:
    """Sets the CPU and the GPU's compute capability, if there is one."""

    def set_up(cpu: dict[str, str], gpu: int | None) -> None:
        monkeypatch.setattr(machine, "_cpu_info", lambda: cpu)
        monkeypatch.setattr(base, "gpu_available", lambda: gpu is not None)
        monkeypatch.setattr(cuda, "fast_half", lambda: (gpu or 0) >= 7)

    return set_up


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(
    ("cpu", "gpu", "precision"),
    [(VNNI, None, "int8"), (ZEN_3, None, "int8"), (ZEN_2, None, "int8"), (ZEN_1, None, "fp32"),
     (OLD, None, "fp32"), (VNNI, 6, "fp32"), (VNNI, 9, "fp16"), ({}, None, "int8")],
)  # fmt: skip
def test_the_file_that_runs_follows_the_device(
    name: str, cpu: dict[str, str], gpu: int | None, precision: str, computer: Computer
) -> None:
    computer(cpu, gpu)
    stage = rp.ImageTextDetector if manifest.find(name).task == "detection" else rp.ImageToText
    running = stage(model=name).running
    assert running.precision == precision
    assert running.name == (name if precision == "int8" else manifest.find(name).exact)
    assert ("int8" in running.file) == (precision == "int8")
    assert running.halved == (precision == "fp16")
    assert stage(model=name, use_gpu=False).running.precision == ("int8" if gpu else precision)


@pytest.mark.parametrize("precision", ["int8", "fp32", "fp16"])
def test_a_precision_is_pinned_whatever_the_device(precision: manifest.Precision, computer: Computer) -> None:
    for cpu, gpu in ((VNNI, None), (OLD, None), (VNNI, 6), (VNNI, 9)):
        computer(cpu, gpu)
        pipeline = rp.standard(precision=precision)
        assert {stage.running.precision for stage in pipeline.graph.model_stages} == {precision}
        assert f"({precision})" in pipeline.describe()
        assert rp.Pipeline.from_toml(pipeline.to_toml()) == pipeline


def test_a_precision_that_a_model_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="no weights in int8") as caught:
        rp.ImageTextDetector(model="text_detector_db", precision="int8")
    assert "text_detector_db_opt" in str(caught.value)
    with pytest.raises(ConfigError, match="no weights in fp16") as caught:
        rp.ImageToText(model="ocr_base_handwritten_v2", precision="fp16")


def test_the_two_files_of_a_model_are_the_same_network() -> None:
    assert len(PAIRS) >= 6
    for name in PAIRS:
        model, exact = manifest.find(name), manifest.find(manifest.find(name).exact)
        assert (model.precision, exact.precision, exact.exact) == ("int8", "fp32", "")
        for field in ("task", "family", "languages", "input", "finds"):
            assert getattr(model, field) == getattr(exact, field), name


def test_presets_are_models_that_come_with_the_package() -> None:
    for detector, recognizer, *_ in presets.PRESETS.values():
        assert manifest.resolve(detector, "detection").file and manifest.resolve(recognizer, "recognition").file
    decode, detect, read = rp.fast().stages
    assert isinstance(decode, rp.BinaryToImage)
    assert isinstance(detect, rp.ImageTextDetector)
    assert isinstance(read, rp.ImageToText)
    chosen = (detect.model, read.model, detect.width, decode.reduce_above, decode.omit_bits)
    assert chosen == presets.PRESETS["fast"]
    assert rp.standard() == rp.Pipeline([rp.BinaryToImage(), rp.ImageTextDetector(), rp.ImageToText()])


def test_a_network_whose_input_nobody_describes_is_refused() -> None:
    model = manifest.find(presets.DETECTOR)
    assert model.only_input == model.input
    with pytest.raises(ModelError, match="Add `input`"):
        assert model.model_copy(update={"input": None}).only_input
