"""Graphs that compute in float16, as made by hand and of all models that may."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from raypipe.engine import session as engine
from raypipe.engine.half import halved
from raypipe.engine.providers import Execution
from raypipe.engine.session import Session
from raypipe.metrics import Metrics, files_run
from raypipe.zoo import manifest

HALVES = [model for model in manifest.models() if model.half]
SHAPES = {"detection": (1, 3, 64, 64), "recognition": (2, 3, 48, 96)}


def weights(name: str, values: npt.ArrayLike, dtype: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def made() -> onnx.ModelProto:
    """All that is treated in a way of its own: stored weights, parameters, constants, an exact output that is used."""
    constant = helper.make_node("Constant", [], ["two"], value=weights("", 2.0))
    nodes = [
        helper.make_node("Cast", ["stored"], ["factor"], to=TensorProto.FLOAT),
        constant,
        helper.make_node("Mul", ["x", "factor"], ["scaled"]),
        helper.make_node("Pow", ["scaled", "two"], ["squares"]),
        helper.make_node("Softmax", ["squares"], ["shares"], axis=-1),
        helper.make_node("Unsqueeze", ["shares", "axes"], ["rows"]),
        helper.make_node("Resize", ["rows", "", "scales"], ["wide"], mode="nearest"),
    ]
    several = weights("scales", [1, 1, 2])
    in_list = helper.make_tensor("unused", TensorProto.FLOAT, [2], [1.5, 2.5])  # In float_data, not as raw bytes.
    initializers = [weights("stored", [2, 1, 0.5], np.float16), several, weights("axes", [0], np.int64), in_list]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", ["n", 3]), ("shares", ["n", 3]), ("wide", [1, "n", "m"]))
    ]
    graph = helper.make_graph(nodes, "made", ends[:1], ends[1:], initializers)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {"characters": '["é"]'})
    return model


def test_a_graph_computes_in_float16_between_float32_ends() -> None:
    model = onnx.load_from_string(halved(made().SerializeToString()))
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in inferred.value_info}
    assert {kinds[name] for name in ("factor", "two", "scaled", "squares", "rows")} == {TensorProto.FLOAT16}
    assert {value.type.tensor_type.elem_type for value in (*inferred.input, *inferred.output)} == {TensorProto.FLOAT}
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in inferred.initializer}
    assert tensors["scales"].dtype == np.float32 and tensors["axes"].dtype == np.int64
    assert tensors["unused"].dtype == np.float16 and tensors["unused"].tolist() == [1.5, 2.5]
    (softmax,) = (node for node in inferred.node if node.op_type == "Softmax")
    assert list(softmax.output) == ["shares"], "what float16 cannot say would be lost on the way out"
    assert model.metadata_props[0].value == '["é"]'


def test_numbers_beyond_float16_are_computed_in_float32(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    factor = weights("factor", [100_000])
    graph = helper.make_graph([helper.make_node("Mul", ["x", "factor"], ["y"])], "large", [x], [y], [factor])
    path = tmp_path / "large.onnx"
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), path)
    session = Session(path, False, 1, Metrics(), Execution(half=True))
    for given in ([0, 0.5], [-0.5, -1]):  # NaN and infinity; infinities below zero.
        assert session.run(np.array(given, np.float32))[0].tolist() == [100_000 * each for each in given]
    assert caplog.messages == ["large.onnx computes some batches in float32: their values exceed the range of float16."]


def test_a_gpu_that_fails_leaves_float32_to_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, metrics = tmp_path / "made.onnx", Metrics()
    path.write_bytes(made().SerializeToString())
    monkeypatch.setattr(engine, "gpu_trouble", lambda: "")  # What can be told without a session looks well.
    Session(path, None, 1, metrics, Execution(half=True)).run(np.ones((1, 3), np.float32))
    assert list(files_run(metrics.drain())) == ["made"]


def test_without_a_gpu_the_cpu_computes_what_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, metrics = tmp_path / "made.onnx", Metrics()
    path.write_bytes(made().SerializeToString())
    monkeypatch.setattr(engine, "gpu_trouble", lambda: "There is none.")
    Session(path, None, 1, metrics, Execution(half=True)).run(np.ones((1, 3), np.float32))
    assert list(files_run(metrics.drain())) == ["made in fp16"]


def test_small_probabilities_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "made.onnx"
    path.write_bytes(made().SerializeToString())
    whole, half = (Session(path, False, 1, Metrics(), Execution(half=half)) for half in (False, True))
    given = np.array([[2.5, 1, 0.5], [1, -2, 3]], np.float32)
    expected, found = (each.run(given, outputs=["shares"])[0] for each in (whole, half))
    assert 0 < expected.min() < 1e-9
    np.testing.assert_allclose(found, expected, rtol=2e-2)


@pytest.mark.parametrize("model", HALVES, ids=lambda model: model.name)
def test_models_compute_much_the_same_in_float16(model: manifest.Model) -> None:
    picture = np.random.default_rng(0).uniform(-1, 1, SHAPES[model.task]).astype(np.float32)
    whole, half = (Session(model.path, False, 1, Metrics(), Execution(half=half)) for half in (False, True))
    for expected, found in zip(whole.run(picture), half.run(picture), strict=True):
        assert found.dtype == np.float32 and found.shape == expected.shape
        assert np.abs(found - expected).mean() < 1e-3


def test_every_small_network_has_it() -> None:
    exact = {model.exact for model in manifest.models() if model.exact}
    assert {model.name for model in HALVES} == exact
