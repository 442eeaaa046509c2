"""Operators of our own for ONNX Runtime: what they compute, and what they say when they cannot."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper, numpy_helper

from raypipe import native
from raypipe.engine import operators, providers
from raypipe.engine import session as engine
from raypipe.engine.session import Session
from raypipe.errors import DeviceError, ModelError
from raypipe.metrics import Metrics

Bytes = npt.NDArray[np.uint8]
WAYS = {"one by one": 0, "AVX2": 1, "AVX-512 VBMI": 2}
RANDOM = np.random.default_rng(7)
TABLE = RANDOM.permutation(256).astype(np.uint8)
CREATE_STATUS = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
INTERFACE = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)


def saved(path: Path, table: Bytes = TABLE, metadata: dict[str, str] | None = None) -> Path:
    """A network of one table."""
    graph = helper.make_graph(
        [helper.make_node("Table", ["image", "table"], ["found"], domain="raypipe")],
        "table",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, None)],
        [helper.make_tensor_value_info("found", TensorProto.UINT8, None)],
        [numpy_helper.from_array(table, "table")],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("raypipe", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    helper.set_model_props(model, metadata or {})
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("way", WAYS)
def test_every_way_looks_up_the_same(way: str) -> None:
    look_up = operators.library().operators_look_up
    for count in (0, 1, 31, 32, 33, 63, 64, 65, 256, 1000):
        given, found = RANDOM.integers(0, 256, count).astype(np.uint8), np.full(count + 64, 99, np.uint8)
        if count == 256:
            given = np.arange(256, dtype=np.uint8)
        addresses = [ctypes.c_void_p(each.ctypes.data) for each in (TABLE, given, found)]
        if not look_up(WAYS[way], *addresses, ctypes.c_size_t(count)):
            pytest.skip(f"this CPU has no {way}")
        assert (found[:count] == TABLE[given]).all() and (found[count:] == 99).all(), count


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 5), (1,), (257,), (2, 3, 5, 7), (1, 200, 300, 3), (1,) * 8])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_table_takes_any_shape(shape: tuple[int, ...], threads: int, tmp_path: Path) -> None:
    given = RANDOM.integers(0, 256, shape).astype(np.uint8)
    (found,) = Session(saved(tmp_path / "table.onnx"), False, threads, Metrics()).run(given)
    assert found.shape == shape and (found == TABLE[given]).all()


def test_a_table_is_refused_that_is_no_table(tmp_path: Path) -> None:
    short = Session(saved(tmp_path / "short.onnx", TABLE[:255]), False, 1, Metrics())
    with pytest.raises(Exception, match="256 elements"):
        short.run(np.zeros(3, np.uint8))
    long = Session(saved(tmp_path / "table.onnx"), False, 1, Metrics())
    with pytest.raises(Exception, match="8 dimensions"):
        long.run(np.zeros((1,) * 9, np.uint8))


def test_an_onnx_runtime_that_is_too_old_is_refused() -> None:
    said: list[bytes] = []

    def create_status(code: int, message: bytes) -> int:
        said.append(message)
        return 1

    create = CREATE_STATUS(create_status)
    functions = (ctypes.c_void_p * 1)(ctypes.cast(create, ctypes.c_void_p))
    interface = INTERFACE(lambda version: ctypes.addressof(functions) if version == 1 else None)
    base = (ctypes.c_void_p * 2)(ctypes.cast(interface, ctypes.c_void_p))
    register = operators.library().RegisterCustomOps
    register.restype = ctypes.c_void_p
    assert register(None, base) == 1 and b"ONNX Runtime 1.23" in said[0]


def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "PATH", tmp_path / "liboperators.so")
    operators.library.cache_clear()
    with pytest.raises(ModelError, match=r"liboperators\.so.*Install raypipe again"):
        Session(tmp_path / "any.onnx", False, 1, Metrics())
    monkeypatch.undo()
    operators.library.cache_clear()
    assert operators.library().operators_sources() == native.digest(operators.PATH.parent).encode()


@pytest.mark.filterwarnings("ignore:Duplicate provider")
def test_a_file_for_cpus_does_not_run_on_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU stands in for the GPU."""
    monkeypatch.setattr(engine, "gpu_trouble", lambda: "")
    monkeypatch.setattr(providers, "chosen", lambda execution: [("CPUExecutionProvider", {})])
    path = saved(tmp_path / "table.onnx", metadata={"for_cpus": "true"})
    with pytest.raises(DeviceError, match=r"table\.onnx is made for CPUs"):
        Session(path, True, 1, Metrics())
    assert not Session(path, None, 1, Metrics()).on_gpu
