"""Memory that is kept for batches of one shape, on the CPU in a device's place, and what is asked of providers."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from accelerator import Device, accelerator
from click.testing import CliRunner

import raypipe as rp
from raypipe.cli.doctor import checks
from raypipe.cli.main import cli
from raypipe.detection.base import batch_shapes as page_shapes
from raypipe.engine import bound, cuda, devices, providers
from raypipe.engine import session as engine
from raypipe.engine.bound import Bound
from raypipe.engine.providers import Execution
from raypipe.engine.session import Session
from raypipe.errors import ConfigError, DeviceError
from raypipe.metrics import Metrics
from raypipe.recognition.families import batch_shapes as line_shapes
from raypipe.zoo import manifest

RECOGNIZER = manifest.find("ocr_tiny_handwritten").path


def opened() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(RECOGNIZER, providers=["CPUExecutionProvider"])


def batches(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.uniform(-1, 1, (n % 2 + 1, 3, 48, 96 + 32 * (n % 3))).astype(np.float32) for n in range(count)]


@pytest.mark.parametrize("room", [1 << 30, 200_000, 0])
def test_kept_memory_gives_what_new_memory_gives(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound, "MOST_BYTES", room)
    session, given = opened(), batches(18)
    kept = Bound(session, "cpu", graphs=False)
    found = [kept.run(batch, None)[0] for batch in given]
    for batch, one in zip(given, found, strict=True):  # Compared last: a later run must not write over what was given.
        assert np.array_equal(one, session.run(None, {"image": batch})[0])
    shapes = len({batch.shape for batch in given})
    assert sum(map(len, kept._free.values())) == {1 << 30: shapes, 200_000: 2, 0: 0}[room]


def test_threads_do_not_share_memory() -> None:
    session, given = opened(), batches(6)
    kept = Bound(session, "cpu", graphs=False)
    expected = [session.run(None, {"image": batch})[0] for batch in given]

    def same(n: int) -> bool:
        (found,) = kept.run(given[n % 6], ("probabilities",))
        return np.array_equal(found, expected[n % 6])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(same, range(48)))


def test_batches_are_filled_up_where_shapes_should_repeat() -> None:
    given = batches(1)[0][:1].repeat(5, 0)
    expected = Session(RECOGNIZER, False, 1, Metrics()).run(given)[0]
    for provider, size in (("cuda", 5), ("cuda_graphs", 8), ("tensorrt", 8)):
        device = Device(lambda source, shape: 0.0)
        with accelerator(device):
            session = Session(RECOGNIZER, None, 1, Metrics(), Execution(provider=provider))  # type: ignore[arg-type]
            assert np.allclose(session.run(given)[0], expected, atol=1e-6)
        assert device.batches == [(RECOGNIZER.stem, size)]


def test_what_tensorrt_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "engines_folder", lambda: tmp_path / "engines")
    shapes = line_shapes(manifest.find("ocr_tiny_handwritten"))
    (first, options), (second, _) = providers.chosen(Execution(half=True, provider="tensorrt", shapes=shapes))
    assert (first, second) == (providers.TENSORRT, providers.CUDA) and (tmp_path / "engines").is_dir()
    assert options["trt_fp16_enable"] == "1" and options["trt_engine_cache_path"] == str(tmp_path / "engines")
    assert options["trt_profile_min_shapes"] == "image:1x3x48x96"
    assert options["trt_profile_opt_shapes"] == "image:16x3x48x704"
    assert options["trt_profile_max_shapes"] == "image:64x3x48x3328"
    takes = manifest.find("text_detector_db").input
    assert takes and page_shapes(960, takes) == ((1, 3, 32, 32), (1, 3, 960, 704), (8, 3, 960, 960))


@pytest.mark.parametrize("provider", ["cuda", "cuda_graphs"])
def test_graphs_are_recorded_if_asked_for(provider: providers.Provider) -> None:
    ((name, options),) = providers.chosen(Execution(provider=provider))
    assert name == providers.CUDA and ("enable_cuda_graph" in options) == (provider == "cuda_graphs")


def test_a_provider_without_effect_is_an_error() -> None:
    with pytest.raises(ConfigError, match="--device cuda"):
        rp.ImageTextDetector(provider="tensorrt")
    with pytest.raises(ConfigError, match="several networks"):
        rp.ImageToText(model="ocr_base_handwritten_v2", use_gpu=True, provider="cuda_graphs")
    pipeline = rp.standard(use_gpu=True, provider="cuda_graphs")
    assert [stage.provider for stage in pipeline.graph.model_stages] == 2 * ["cuda_graphs"]
    assert rp.Pipeline.from_toml(pipeline.to_toml()) == pipeline
    result = CliRunner().invoke(cli, ["describe", "--provider", "tensorrt"])
    assert isinstance(result.exception, ConfigError) and "--device cuda" in str(result.exception)


def test_tensorrt_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "gpu_trouble", lambda: "")
    if not engine.tensorrt_trouble():
        pytest.skip("there is TensorRT")
    with pytest.raises(DeviceError, match="TensorRT"):
        Session(RECOGNIZER, True, 1, Metrics(), Execution(provider="tensorrt"))


def test_compiled_networks_need_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(providers, "engines_folder", lambda: tmp_path / "file" / "tensorrt")
    for name in ("gpu_trouble", "tensorrt_trouble"):
        monkeypatch.setattr(engine, name, lambda: "")
    with pytest.raises(DeviceError, match="XDG_CACHE_HOME"):
        Session(RECOGNIZER, True, 1, Metrics(), Execution(provider="tensorrt"))


def test_the_doctor_says_whether_tensorrt_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing, words in ((["libnvinfer.so.10"], "none, so that .* libnvinfer"), ([], "for --provider tensorrt")):
        monkeypatch.setattr(cuda, "missing", lambda names, missing=missing: missing)
        monkeypatch.setattr(devices, "versions", lambda: {"onnxruntime": "1", "providers": [providers.TENSORRT]})
        ((_, found, sound),) = (row for row in checks() if row[0] == "TensorRT")
        assert sound and re.search(words, found)
