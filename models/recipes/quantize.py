"""Static int8 quantisation (QDQ): measured ranges, channel equalisation before it, and Gelu in int8 after it.

Weights become int8 with one scale per output channel, activations uint8 with one scale per tensor.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import common
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from surgery import Graph, attribute

SHRINK = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
"""Fractions of the observed extremes that are tried as limits."""

SAMPLES = 1500
"""Values drawn from each tensor of each picture."""

SLOPE = 1.702
"""x * sigmoid(SLOPE * x) is nearly Gelu."""

SHARE = ("share.scale", "share.zero")
"""The scale and zero point of a sigmoid in int8."""

GELU_FLOOR = -3.6
"""Below this input Gelu is almost zero (-0.0006): finer steps above it are worth more than the tail."""


def int8(
    model: onnx.ModelProto,
    pictures: Sequence[np.ndarray],
    operators: Sequence[str],
    exclude: Sequence[str] = (),
    tight: bool = False,
    narrow: Collection[str] = (),
    sigmoid: bool = False,
) -> onnx.ModelProto:
    """Return a model with QuantizeLinear and DequantizeLinear pairs around the chosen operators.

    Args:
        model: The float model, with one input.
        pictures: Input tensors that the ranges are measured on.
        operators: Operator types to quantise.
        exclude: Names of nodes that stay in float32.
        tight: Choose limits of least squared error instead of the extremes. It helps a network with rare, large
            activations that carry little, as the recogniser; it harms the detectors, whose peaks are the text.
        narrow: Names of convolutions that use 7 of the 8 bits of a weight. A CPU without VNNI adds products in pairs
            that saturate at 16 bits, which wider weights exceed where activations are large, as the detectors' are and
            the recogniser's are but in its stem not.
        sigmoid: See `gelu_by_sigmoid`.
    """
    ranges = activation_ranges(model, pictures, SHRINK if tight else (1.0,))
    overrides: dict[str, list[dict[str, object]]] = {
        name: [{"rmin": low, "rmax": high}] for name, (low, high) in ranges.items()
    }
    weights = (node.input[1] for node in model.graph.node if node.name in narrow)
    overrides |= {name: [{"axis": 0, "reduce_range": True}] for name in weights}
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_static(
            source,
            result,
            _OnePicture(model.graph.input[0].name, pictures[0]),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(operators),
            nodes_to_exclude=list(exclude),
            extra_options={"TensorQuantOverrides": overrides},
        )
        made = onnx.load(result)
        quantise_means(made, ranges)
        return _without_zero_points(gelu_by_sigmoid(made) if sigmoid else made)


def quantise_means(model: onnx.ModelProto, ranges: Mapping[str, tuple[np.float32, np.float32]]) -> None:
    """Let an average of tiles read int8 where it reads float: the quantiser lets it follow what was before it."""
    graph = model.graph
    producers = {name: node for node in graph.node for name in node.output}
    for node in [node for node in graph.node if node.op_type == "AveragePool"]:
        name = node.input[0]
        if producers[name].op_type == "DequantizeLinear":
            continue
        low, high = (min(float(ranges[name][0]), 0.0), max(float(ranges[name][1]), 0.0))
        scale = (high - low) / 255
        numbers = {f"{name}.step": np.float32(scale), f"{name}.zero": np.uint8(round(-low / scale))}
        graph.initializer.extend(numpy_helper.from_array(np.asarray(value), key) for key, value in numbers.items())
        to_int8 = helper.make_node("QuantizeLinear", [name, *numbers], [f"{name}.int8"])
        and_back = helper.make_node("DequantizeLinear", [f"{name}.int8", *numbers], [f"{name}.again"])
        node.input[0] = f"{name}.again"
        for each in (and_back, to_int8):
            graph.node.insert(list(graph.node).index(node), each)
            node = each


def gelu_by_sigmoid(model: onnx.ModelProto) -> onnx.ModelProto:
    """Compute Gelu between quantised values in int8, as x * sigmoid(1.702 x) (Hendrycks and Gimpel, arXiv:1606.08415).

    ONNX Runtime has an int8 sigmoid, which is a table, and an int8 product, but no int8 Gelu: it would convert to float
    and back. The slope goes into the scale with which the sigmoid reads its input. The largest error is 0.02.
    """
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}
    made: list[onnx.NodeProto] = []
    for node in graph.node:
        before = producers.get(node.input[0]) if node.op_type == "Gelu" else None
        after = [each.op_type for each in graph.node if node.output[0] in each.input]
        if before is None or before.op_type != "DequantizeLinear" or set(after) != {"QuantizeLinear"}:
            made.append(node)
            continue
        steep, name = np.asarray(weights[before.input[1]] * np.float32(SLOPE)), node.output[0]
        graph.initializer.append(numpy_helper.from_array(steep, f"{name}.steep"))
        made += [
            helper.make_node(
                "DequantizeLinear", [before.input[0], f"{name}.steep", before.input[2]], [f"{name}.input"]
            ),
            helper.make_node("Sigmoid", [f"{name}.input"], [f"{name}.sigmoid"]),
            helper.make_node("QuantizeLinear", [f"{name}.sigmoid", *SHARE], [f"{name}.share"]),
            helper.make_node("DequantizeLinear", [f"{name}.share", *SHARE], [f"{name}.factor"]),
            helper.make_node("Mul", [node.input[0], f"{name}.factor"], [name]),
        ]
    graph.initializer.append(numpy_helper.from_array(np.float32(1 / 255), SHARE[0]))
    graph.initializer.append(numpy_helper.from_array(np.uint8(0), SHARE[1]))
    del graph.node[:]
    graph.node.extend(made)
    for number, node in enumerate(graph.node):
        node.name = node.name or f"node.{number}"
    return model


def _without_zero_points(model: onnx.ModelProto) -> onnx.ModelProto:
    """Leave out the zero points of weights, which are all zero: the default."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in weights and len(node.input) == 3:
            assert not numpy_helper.to_array(weights[node.input[2]]).any()
            del node.input[2:]
    used = {name for node in model.graph.node for name in node.input}
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensor for name, tensor in weights.items() if name in used)
    return model


class _OnePicture(CalibrationDataReader):
    """Feeds one picture to the quantiser's own calibration, whose ranges are all overridden."""

    def __init__(self, name: str, picture: np.ndarray) -> None:
        self.rows = iter([{name: picture}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the picture once."""
        return next(self.rows, None)


def activation_ranges(
    model: onnx.ModelProto, pictures: Sequence[np.ndarray], shrink: Sequence[float]
) -> dict[str, tuple[np.float32, np.float32]]:
    """Return quantisation limits for the input and every float value of a model.

    Args:
        model: The float model.
        pictures: Input tensors to measure.
        shrink: Fractions of the observed extremes to choose the limits from, by squared error.
    """
    names = [model.graph.input[0].name, *_float_values(model)]
    random = np.random.default_rng(0)
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in names}
    extremes = dict.fromkeys(names, (0.0, 0.0))
    for values in _run_all(model, pictures, names):
        for name, value in values.items():
            flat = value.reshape(-1)
            low, high = extremes[name]
            extremes[name] = min(low, float(flat.min())), max(high, float(flat.max()))
            drawn[name].append(flat if flat.size <= SAMPLES else flat[random.integers(0, flat.size, SAMPLES)])
    before_gelu = {node.input[0] for node in model.graph.node if node.op_type == "Gelu"}
    ranges = {}
    for name in names:
        low, high = extremes[name]
        floor = GELU_FLOOR if name in before_gelu else low
        ranges[name] = _limits(np.maximum(np.concatenate(drawn[name]), floor), max(low, floor), high, shrink)
    return ranges


def _limits(values: np.ndarray, low: float, high: float, shrink: Sequence[float]) -> tuple[np.float32, np.float32]:
    """Return the fractions of [low, high] that round the values to 256 steps with the least squared error."""
    best = (np.inf, low, high)
    for first, last in sorted({(low * a, high * b) for a in shrink for b in shrink}):
        step = max((last - first) / 255, 1e-12)
        zero = round(-first / step)
        error = float(np.square((np.clip(np.round(values / step) + zero, 0, 255) - zero) * step - values).mean())
        best = min(best, (error, first, last))
    return np.float32(best[1]), np.float32(best[2])


def _float_values(model: onnx.ModelProto) -> list[str]:
    """Return the names of all float values that a model computes."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    types = {value.name: value.type.tensor_type.elem_type for value in [*inferred.value_info, *inferred.output]}
    outputs = [name for node in model.graph.node for name in node.output]
    return [name for name in outputs if types.get(name) == TensorProto.FLOAT]


def _run_all(
    model: onnx.ModelProto, pictures: Sequence[np.ndarray], names: Sequence[str]
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the named values of a model for one picture after another."""
    source = model.graph.input[0].name
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    existing = {output.name for output in probe.graph.output}
    wanted = [name for name in names if name != source]
    for name in wanted:
        if name not in existing:
            probe.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = common.session(probe)
    for picture in pictures:
        values = dict(zip(wanted, session.run(wanted, {source: picture}), strict=True))
        yield values | ({source: picture} if source in names else {})


def equalize(graph: Graph, pictures: Sequence[np.ndarray], power: float = 0.7) -> None:
    """Even out the channel ranges around depthwise convolutions, exactly.

    A channel that a depthwise layer writes may be divided by any number when every layer that reads it multiplies it
    back. With ranges alike, one scale for the whole tensor serves all its channels.
    """
    groups = [group for conv in graph.find("Conv") if attribute(conv, "group", 1) > 1 for group in _groups(graph, conv)]
    names = sorted({name for _, _, seen in groups for name in seen})
    ranges = dict.fromkeys(names, np.float32(0))
    for values in _run_all(graph.to_model(), pictures, names):
        for name, value in values.items():
            channels = np.abs(value).transpose(1, 0, 2, 3).reshape(value.shape[1], -1)
            ranges[name] = np.maximum(ranges[name], np.percentile(channels, 99.9, axis=1))
    for writers, readers, seen in groups:
        relative = np.prod([(ranges[name] / ranges[name].max()) ** (1 / len(seen)) for name in seen], axis=0)
        _rescale(graph, writers, readers, (np.clip(relative / relative.max(), 1 / 64, 1) ** power).astype(np.float32))


def _rescale(graph: Graph, writers: list[onnx.NodeProto], readers: list[onnx.NodeProto], scale: np.ndarray) -> None:
    """Divide what some convolutions write by a scale per channel, and multiply it back where it is read."""
    for conv in writers:
        graph.weights[conv.input[1]] = graph.weights[conv.input[1]] / scale[:, None, None, None]
        graph.weights[conv.input[2]] = graph.weights[conv.input[2]] / scale
    for conv in readers:
        shape = (-1, 1, 1, 1) if attribute(conv, "group", 1) > 1 else (1, -1, 1, 1)
        graph.weights[conv.input[1]] = graph.weights[conv.input[1]] * scale.reshape(shape)


def _groups(
    graph: Graph, depthwise: onnx.NodeProto
) -> Iterator[tuple[list[onnx.NodeProto], list[onnx.NodeProto], list[str]]]:
    """Yield writers, readers and observed values of the channels before and after a depthwise convolution."""
    before = graph.producer(depthwise.input[0])
    if before is not None and before.op_type == "Relu":
        before = graph.producer(before.input[0])
    if before is not None and before.op_type == "Conv" and len(graph.consumers(depthwise.input[0])) == 1:
        yield [before], [depthwise], [depthwise.input[0]]
    writers, seen, values = [depthwise], [depthwise.output[0]], [depthwise.output[0]]
    gate = next((n for n in graph.consumers(depthwise.output[0]) if n.op_type == "Mul"), None)
    if gate is not None:
        values.append(gate.output[0])
    join = next((n for n in graph.consumers(values[-1]) if n.op_type == "Add"), None)
    if join is not None:
        other = graph.producer(next(name for name in join.input if name != values[-1]))
        if other is None or other.op_type != "Conv" or len(graph.consumers(other.output[0])) != 1:
            return
        writers.append(other)
        seen.append(join.output[0])
        values.append(join.output[0])
    readers = _readers(graph, values, {id(n) for n in (gate, join) if n is not None})
    if readers is not None:
        yield writers, readers, seen


def _readers(graph: Graph, values: list[str], inside: set[int]) -> list[onnx.NodeProto] | None:
    """Return the convolutions that read some values, also behind average pools; None where another operator does."""
    found: list[onnx.NodeProto] = []
    queue = list(values)
    while queue:
        for node in graph.consumers(queue.pop()):
            if node.op_type == "Conv":
                found.append(node)
            elif node.op_type in ("GlobalAveragePool", "AveragePool"):
                queue.append(node.output[0])
            elif id(node) not in inside:
                return None
    return found
