from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from raypipe import engine
from raypipe.engine import Session
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
    monkeypatch.setattr(engine, "gpu_available", lambda: False)
    with pytest.raises(DeviceError, match="raypipe doctor"):
        Session(tmp_path / "any.onnx", True, 1, Metrics())


def test_versions() -> None:
    found = engine.versions()
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
