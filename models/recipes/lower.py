"""Lower an int8 network to the operators that ONNX Runtime makes of it on a CPU, and tables in place of activations.

A file of pairs of QuantizeLinear and DequantizeLinear says what is computed. ONNX Runtime turns it into int8 operators
over channels-last tensors when it loads it, and leaves what has no int8 operator, such as Gelu, in float. Here that is
done once, and what is left between two int8 values becomes raypipe's operator Table: 256 values, computed by ONNX
Runtime itself. The network computes the same to the bit.
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

DOMAIN = "raypipe"
METADATA: Mapping[str, str] = {"for_cpus": "true"}
"""What the file must say, since ONNX Runtime has these operators for CPUs alone."""
POINTWISE = frozenset(("DequantizeLinear", "Gelu", "HardSigmoid", "QLinearMul", "QLinearSigmoid", "QuantizeLinear"))
"""Operators that compute each element from those at the same place, if their other inputs are single numbers."""
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
    used = {node.domain for node in made.graph.node}
    versions = {each.domain: each.version for each in made.opset_import} | {DOMAIN: 1}
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
        result = last.output[0]
        table = numpy_helper.from_array(_values(nodes, weights, source), f"{result}.table")
        graph.initializer.append(table)
        look = helper.make_node("Table", [source, table.name], [result], name=f"{result}.look", domain=DOMAIN)
        graph.node.insert(list(graph.node).index(last), look)
        for node in nodes:
            graph.node.remove(node)
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
