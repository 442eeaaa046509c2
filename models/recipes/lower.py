"""Lower an int8 network to the operators that ONNX Runtime makes of it on a CPU, and to raypipe's own.

A file of pairs of QuantizeLinear and DequantizeLinear says what is computed. ONNX Runtime turns it into int8 operators
over channels-last tensors when it loads it, and leaves what has no int8 operator, such as Gelu, in float. Here that is
done once, and what is left between two int8 values becomes raypipe's operator Table: 256 values, computed by ONNX
Runtime itself. Some operators for which it takes long become raypipe's Upsample and Convolution. The network computes
the same to the bit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import common
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from surgery import attribute

METADATA: Mapping[str, str] = {"for_cpus": "true"}
"""What the file must say, since ONNX Runtime has these operators for CPUs alone."""
DOES = {
    "Table": "look",
    "Upsample": "repeat",
    "Convolution": "convolve",
    "Gate": "multiply",
    "Greatest": "compare",
    "Join": "join",
    "Average": "average",
}
"""The ends of the names of raypipe's operators."""
POINTWISE = frozenset(("DequantizeLinear", "Gelu", "HardSigmoid", "QLinearMul", "QLinearSigmoid", "QuantizeLinear"))
"""Operators that compute each element from those at the same place, if their other inputs are single numbers."""
BLOCK = 16
"""The output channels that Convolution computes at once."""
READS_INT8 = frozenset(("DequantizeLinear", "QLinearMul", "QLinearSigmoid"))


def lowered(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the network of an int8 file in operators for CPUs, stored as float16 where it was; without metadata."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lowered.onnx"
        settings = ort.SessionOptions()
        settings.log_severity_level = 3
        settings.optimized_model_filepath = str(path)
        # Blocked layouts of float convolutions depend on the CPU: each machine makes them when it loads the file.
        ort.InferenceSession(
            model.SerializeToString(), settings, ["CPUExecutionProvider"], disabled_optimizers=["NchwcTransformer"]
        )
        made = onnx.load(path)
    tabulate(made.graph)
    upsample(made.graph)
    convolve(made.graph)
    gate(made.graph)
    compare(made.graph)
    join(made.graph)
    average(made.graph)
    fuse(made.graph)
    _drop_unused(made.graph)
    used = {node.domain for node in made.graph.node}
    versions = {each.domain: each.version for each in made.opset_import} | {common.DOMAIN: 1}
    del made.opset_import[:], made.metadata_props[:]
    made.opset_import.extend(helper.make_opsetid(domain, versions[domain]) for domain in sorted(used))
    return common.store_half(made)


def tabulate(graph: onnx.GraphProto) -> None:
    """Replace what computes one uint8 tensor from another, element by element, by a Table."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for last in [node for node in graph.node if node.op_type in ("QuantizeLinear", "QLinearMul")]:
        nodes, source = _activation(graph, weights, last)
        if not source:
            continue
        _replace(graph, last, "Table", [source], {"table": _values(nodes, weights, source)})
        for node in nodes[1:]:
            graph.node.remove(node)


def upsample(graph: onnx.GraphProto) -> None:
    """Replace a Resize that repeats each pixel by an Upsample."""
    weights = _arrays(graph)
    for node in [node for node in graph.node if node.op_type == "Resize" and len(node.input) == 3]:
        scales = weights.get(node.input[2], np.empty(0))
        kind = [attribute(node, name) for name in ("mode", "nearest_mode", "coordinate_transformation_mode")]
        if kind != [b"nearest", b"floor", b"asymmetric"] or len(scales) != 4 or scales[1] % 1:
            continue
        if scales.tolist() == [1, scales[1], scales[1], 1]:
            _replace(graph, node, "Upsample", [node.input[0]], {"factor": scales[1:2].astype(np.int32)})


def convolve(graph: onnx.GraphProto) -> None:
    """Replace int8 convolutions by a Convolution, but for what ONNX Runtime computes as fast or Convolution cannot."""
    weights = _arrays(graph)
    for node in [node for node in graph.node if node.op_type == "QLinearConv"]:
        kernel = weights[node.input[3]]
        if not _fits(node, kernel):
            continue
        x_scale, x_zero, _, kernel_scale, _, scale, zero = (weights[name] for name in node.input[1:8])
        bias = weights[node.input[8]] if len(node.input) > 8 else np.zeros(len(kernel), np.int32)
        depthwise, (stride, _) = attribute(node, "group", 1) > 1, attribute(node, "strides", [1, 1])
        settings = [*kernel.shape[2:], stride, *attribute(node, "pads", [0] * 4), x_zero, zero, len(kernel), depthwise]
        arrays = {
            "kernel": np.ascontiguousarray(_packed(kernel)),
            "bias": _whole_blocks(bias - int(x_zero) * kernel.sum((1, 2, 3), dtype=np.int32)),
            "scale": _whole_blocks(np.broadcast_to(x_scale * kernel_scale / scale, len(kernel))),
            "settings": np.array(settings, np.int32),
        }
        _replace(graph, node, "Convolution", [node.input[0]], arrays)


def gate(graph: onnx.GraphProto) -> None:
    """Replace products of a picture and what was computed from its mean, one number for each channel, by a Gate."""
    weights = _arrays(graph)
    means: set[str] = set()
    for node in graph.node:
        follows = node.op_type != "QLinearMul" and means.intersection(node.input)
        if node.op_type == "QLinearGlobalAveragePool" or follows:
            means.update(node.output)
    for node in [node for node in graph.node if node.op_type == "QLinearMul" and node.input[3] in means]:
        x_scale, x_zero, scale, zero, to_scale, to_zero = (weights[node.input[place]] for place in (1, 2, 4, 5, 6, 7))
        zeros = np.array([x_zero, zero, to_zero], np.int32)
        arrays = {"zeros": zeros, "scale": np.array([x_scale * scale / to_scale], np.float32)}
        _replace(graph, node, "Gate", [node.input[0], node.input[3]], arrays)


def compare(graph: onnx.GraphProto) -> None:
    """Replace maxima of 2x2 pixels by a Greatest."""
    for node in [node for node in graph.node if node.op_type == "NhwcMaxPool"]:
        shape = [attribute(node, name) for name in ("kernel_shape", "strides", "pads")]
        if shape == [[2, 2], [1, 1], [0, 0, 1, 1]]:
            _replace(graph, node, "Greatest", node.input[:], {})


def join(graph: onnx.GraphProto) -> None:
    """Replace joined channels by a Table for each tensor of another scale, and by a Join of each with those before."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "QLinearConcat" and attribute(node, "axis") == 3]:
        place, joined = list(graph.node).index(node), ""
        steps: list[onnx.NodeProto] = []
        for number in range(2, len(node.input), 3):
            part = _rescaled(graph, node, weights, number, steps)
            both = node.output[0] if number + 3 == len(node.input) else f"{node.output[0]}.{number}.both"
            if joined:
                steps.append(_operator("Join", [joined, part], both))
            joined = both if joined else part
        for step in steps[::-1]:
            graph.node.insert(place, step)
        graph.node.remove(node)


def average(graph: onnx.GraphProto) -> None:
    """Replace means of tiles by an Average."""
    weights = _arrays(graph)
    for node in [node for node in graph.node if node.op_type == "QLinearAveragePool"]:
        tile = attribute(node, "kernel_shape")
        plain = attribute(node, "strides", [1, 1]) == tile and not any(attribute(node, "pads", [0]))
        if not plain or not attribute(node, "channels_last", 0):
            continue
        x_scale, x_zero, scale, zero = (weights[name] for name in node.input[1:5])
        arrays = {
            "settings": np.array([*tile, x_zero, zero], np.int32),
            "scales": np.array([x_scale, scale], np.float32),
        }
        _replace(graph, node, "Average", [node.input[0]], arrays)


def fuse(graph: onnx.GraphProto) -> None:
    """Let a Convolution look its results up itself, where a Table alone reads them."""
    producers = {name: node for node in graph.node for name in node.output}
    for node in [node for node in graph.node if node.op_type == "Table"]:
        made = producers.get(node.input[0])
        readers = [each for each in graph.node if node.input[0] in each.input]
        if made is not None and made.op_type == "Convolution" and readers == [node]:
            made.output[0] = node.output[0]
            made.input.append(node.input[1])
            graph.node.remove(node)


def _rescaled(
    graph: onnx.GraphProto,
    joining: onnx.NodeProto,
    weights: dict[str, onnx.TensorProto],
    number: int,
    steps: list[onnx.NodeProto],
) -> str:
    """Return the name of a joined tensor in the scale of the result; append the Table that it takes, if any."""
    name, result = joining.input[number], f"{joining.output[0]}.{number}"
    inputs = [*joining.input[:2], *joining.input[number : number + 3]]
    alone = helper.make_node("QLinearConcat", inputs, [result], axis=0, domain=joining.domain)
    values = _values([alone], weights, name)
    if np.array_equal(values, np.arange(256)):
        return name
    table = numpy_helper.from_array(values, f"{result}.table")
    graph.initializer.append(table)
    steps.append(_operator("Table", [name, table.name], result))
    return result


def _fits(node: onnx.NodeProto, kernel: np.ndarray) -> bool:
    """Whether Convolution can do a convolution, and in no more time than ONNX Runtime.

    That is a dense one, but for few output channels, or a depthwise one whose kernel is small enough.
    """
    (outputs, _, height, width), strides = kernel.shape, attribute(node, "strides", [1, 1])
    if not attribute(node, "channels_last", 0) or attribute(node, "dilations", [1, 1]) != [1, 1]:
        return False
    if strides[0] != strides[1]:
        return False
    if attribute(node, "group", 1) == 1:
        return outputs % 8 == 0 and height <= 16
    return kernel.shape[1] == 1 and outputs % BLOCK == 0 and strides[0] <= 2 and strides[0] * width <= 8


def _packed(kernel: np.ndarray) -> np.ndarray:
    """Return a kernel as Convolution reads it: (blocks, rows, products in a row by four, BLOCK, 4)."""
    flat = kernel.transpose(0, 2, 3, 1).reshape(*kernel.shape[::2], -1)
    flat = _whole_blocks(np.pad(flat, ((0, 0), (0, 0), (0, -flat.shape[2] % 4))))
    return flat.reshape(-1, BLOCK, flat.shape[1], flat.shape[2] // 4, 4).transpose(0, 2, 3, 1, 4)


def _whole_blocks(values: np.ndarray) -> np.ndarray:
    """Append zeros along the first axis up to a multiple of BLOCK."""
    return np.pad(values, [(0, -len(values) % BLOCK)] + [(0, 0)] * (values.ndim - 1))


def _arrays(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def _replace(
    graph: onnx.GraphProto, node: onnx.NodeProto, op_type: str, inputs: list[str], arrays: Mapping[str, np.ndarray]
) -> None:
    """Put an operator of raypipe's, whose further inputs are constant, in the place of a node."""
    (result,) = node.output
    constants = [numpy_helper.from_array(array, f"{result}.{name}") for name, array in arrays.items()]
    graph.initializer.extend(constants)
    made = _operator(op_type, [*inputs, *(tensor.name for tensor in constants)], result)
    graph.node.insert(list(graph.node).index(node), made)
    graph.node.remove(node)


def _operator(op_type: str, inputs: list[str], result: str) -> onnx.NodeProto:
    name = f"{result}.{DOES[op_type]}"
    return helper.make_node(op_type, inputs, [result], name=name, domain=common.DOMAIN)


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _activation(
    graph: onnx.GraphProto, weights: dict[str, onnx.TensorProto], last: onnx.NodeProto
) -> tuple[list[onnx.NodeProto], str]:
    """Return the nodes, up to the last, that compute its output from one uint8 value, and that value; else no name."""
    producers = {name: node for node in graph.node for name in node.output}
    nodes, open_values = [last], {name for name in last.input if name and name not in weights}
    while True:
        for name in sorted(open_values):
            node = producers.get(name)
            readers = [each for each in graph.node if name in each.input]
            if node is not None and node.op_type in POINTWISE and all(each in nodes for each in readers):
                break
        else:
            break
        nodes.append(node)
        open_values |= {name for name in node.input if name and name not in weights}
        open_values -= set(node.output)
    single = all(np.prod(weights[name].dims) == 1 for node in nodes for name in node.input if name in weights)
    if len(nodes) == 1 or len(open_values) != 1 or not single:
        return nodes, ""
    (source,) = open_values
    return nodes, source if all(node.op_type in READS_INT8 for node in nodes if source in node.input) else ""


def _values(nodes: list[onnx.NodeProto], weights: dict[str, onnx.TensorProto], source: str) -> np.ndarray:
    """Return what the nodes compute for each value of their source."""
    constants = [weights[name] for name in {name for node in nodes for name in node.input if name in weights}]
    result = nodes[0].output[0]
    graph = helper.make_graph(
        nodes[::-1],
        "activation",
        [helper.make_tensor_value_info(source, TensorProto.UINT8, [256])],
        [helper.make_tensor_value_info(result, TensorProto.UINT8, [256])],
        constants,
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run([result], {source: np.arange(256, dtype=np.uint8)})[0]
