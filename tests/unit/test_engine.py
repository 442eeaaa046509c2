from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raypipe.cli.doctor import checks
from raypipe.engine import cuda, devices
from raypipe.engine import session as engine
from raypipe.engine.session import Session
from raypipe.errors import DeviceError, ModelError
from raypipe.metrics import Metrics
from raypipe.recognition import trocr

PICKERS = Path(trocr.__file__).parent


@pytest.mark.parametrize("content", [None, b"", b"this is no model"])
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"(?s)bad\.onnx.*raypipe models verify"):
        Session(path, False, 1, Metrics())


def test_a_gpu_that_is_asked_for_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "gpu_trouble", lambda: "There is none.")
    with pytest.raises(DeviceError, match="raypipe doctor"):
        Session(tmp_path / "any.onnx", True, 1, Metrics())


def test_versions() -> None:
    found = devices.versions()
    assert found["onnxruntime"][0].isdigit()
    assert "CPUExecutionProvider" in found["providers"]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_rows_are_picked_on_the_device(dtype: type) -> None:
    picker = Session(PICKERS / f"row_picker_{np.dtype(dtype).name}.onnx", False, 1, Metrics())
    values = np.arange(24, dtype=dtype).reshape(4, 2, 3)
    _, found = picker.compute({"values": values, "rows": np.array([3, 0, 3])})
    again, _ = picker.compute({"values": found["picked"], "rows": np.array([1])}, read="picked")
    assert np.array_equal(found["picked"].numpy(), values[[3, 0, 3]])
    assert np.array_equal(again, values[[0]])


class Driver:
    """NVIDIA's driver with one device, of which there is none here."""

    def __init__(self, version: int, capability: int = 9) -> None:
        self.version, self.capability = version, capability

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = 1
        return 0

    def cuDeviceGet(self, device: Any, number: int) -> int:  # noqa: N802
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: Any) -> int:  # noqa: N802
        assert attribute == 75
        value._obj.value = self.capability
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        version._obj.value = self.version
        return 0


def forget() -> None:
    for remembered in (cuda.devices, cuda.fast_half, cuda.trouble, devices._gpu_trouble, engine._warn):
        remembered.cache_clear()


@pytest.fixture
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A driver for the version of CUDA that the test names."""
    if devices.gpu_available():
        pytest.skip("there is a CUDA device, with all libraries")
    forget()
    monkeypatch.setattr(cuda, "_driver", lambda: Driver(request.param))
    yield
    monkeypatch.undo()
    forget()


LACKS = [(99_000, r"libcublasLt.*libcudnn.*pip install 'raypipe\[cuda\]'"), (11_080, "for CUDA 11, but")]


@pytest.mark.parametrize(("driver", "words"), LACKS, indirect=["driver"], ids=["no libraries", "old driver"])
def test_a_gpu_that_cannot_be_used_is_passed_over_with_one_warning(
    driver: None, words: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        session = Session(PICKERS / "row_picker_float32.onnx", None, 1, Metrics())
        assert not session.on_gpu and len(session.run(np.ones((1, 1, 1), np.float32), np.array([0]))) == 1
    assert len(caplog.records) == 1 and re.search(words, caplog.text)
    assert capfd.readouterr().out == "", "ONNX Runtime prints what it does not find"
    with pytest.raises(DeviceError, match=words):
        Session(PICKERS / "row_picker_float32.onnx", True, 1, Metrics())


@pytest.mark.parametrize(("driver", "words"), LACKS, indirect=["driver"], ids=["no libraries", "old driver"])
def test_the_doctor_says_what_a_gpu_lacks(driver: None, words: str) -> None:
    ((_, found, sound),) = (row for row in checks() if row[0] == "GPU")
    assert not sound and re.search(words, found)


def test_cuda_that_fails_where_the_libraries_are_is_passed_over_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine._warn.cache_clear()
    monkeypatch.setattr(engine, "gpu_trouble", lambda: "")
    monkeypatch.setattr(cuda, "devices", lambda: 1)
    if Session(PICKERS / "row_picker_float32.onnx", None, 1, Metrics()).on_gpu:
        pytest.skip("CUDA does not fail here")
    assert "used instead of the GPU" in caplog.text
    with pytest.raises(DeviceError, match="cannot load its CUDA provider"):
        Session(PICKERS / "row_picker_float32.onnx", True, 1, Metrics())


@pytest.mark.parametrize(("capability", "fast"), [(6, False), (7, True), (9, True), (None, False)])
def test_a_gpu_says_whether_float16_is_fast(
    capability: int | None, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget()
    monkeypatch.setattr(cuda, "_driver", lambda: None if capability is None else Driver(13_000, capability))
    assert cuda.fast_half() == fast
    forget()
