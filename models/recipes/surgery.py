"""Exact graph surgery on ONNX networks: the same numbers from fewer, larger, layout-friendly operators.

Every pass takes a `Graph` and changes it in place. None of them retrains or approximates: beyond float rounding,
the network before and after a pass computes the same function.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter


class Graph:
    """An ONNX graph as a list of nodes and a table of weights, with the few edits that the passes need."""

    def __init__(self, model: onnx.ModelProto, opset: int) -> None:
        """Read a model after converting it to an operator set; `Constant` nodes become weights."""
        del model.graph.value_info[:]
        model = version_converter.convert_version(model, opset)
        self.opset = opset
        self.inputs, self.outputs = list(model.graph.input), list(model.graph.output)
        self.weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.nodes: list[onnx.NodeProto] = []
        for node in model.graph.node:
            if node.op_type == "Constant":
                self.weights[node.output[0]] = numpy_helper.to_array(helper.get_node_attr_value(node, "value"))
            else:
                self.nodes.append(node)

    def to_model(self) -> onnx.ModelProto:
        """Return the graph as a model, with unused weights left out and nodes in topological order."""
        self.sort()
        used = {name for node in self.nodes for name in node.input}
        weights = [numpy_helper.from_array(a, name) for name, a in self.weights.items() if name in used]
        graph = helper.make_graph(self.nodes, "main", self.inputs, self.outputs, weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)

    def sort(self) -> None:
        """Put the nodes in topological order and drop those that no output needs."""
        producers = {name: node for node in self.nodes for name in node.output}
        ordered: list[onnx.NodeProto] = []
        done: set[str] = set()

        def visit(name: str) -> None:
            stack = [(name, False)]
            while stack:
                current, ready = stack.pop()
                node = producers.get(current)
                if node is None or current in done:
                    continue
                if ready:
                    done.update(node.output)
                    ordered.append(node)
                else:
                    stack.append((current, True))
                    stack.extend((source, False) for source in reversed(node.input))

        for output in self.outputs:
            visit(output.name)
        self.nodes = ordered

    def find(self, *op_types: str) -> Iterator[onnx.NodeProto]:
        """Yield the nodes of some operator types; the graph may be edited meanwhile."""
        for node in [n for n in self.nodes if n.op_type in op_types]:
            if node in self.nodes:
                yield node

    def producer(self, name: str) -> onnx.NodeProto | None:
        """Return the node that computes a value, or None for weights and inputs."""
        return next((n for n in self.nodes if name in n.output), None)

    def consumers(self, name: str) -> list[onnx.NodeProto]:
        """Return the nodes that read a value."""
        return [n for n in self.nodes if name in n.input]

    def only_consumer(self, name: str, op_type: str) -> onnx.NodeProto | None:
        """Return the single reader of a value when it is of the given type, else None."""
        readers = self.consumers(name)
        return readers[0] if len(readers) == 1 and readers[0].op_type == op_type else None

    def add(self, op_type: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Append a node and return its output's name."""
        self.nodes.append(helper.make_node(op_type, inputs, [output], name=output, **attributes))
        return output

    def weight(self, name: str, value: np.ndarray) -> str:
        """Store a weight and return its name."""
        self.weights[name] = value
        return name

    def remove(self, *nodes: onnx.NodeProto) -> None:
        """Remove nodes."""
        for node in nodes:
            self.nodes.remove(node)

    def redirect(self, old: str, new: str) -> None:
        """Let every reader of one value read another instead, graph outputs included."""
        for node in self.nodes:
            for i, name in enumerate(node.input):
                if name == old:
                    node.input[i] = new
        if any(output.name == old for output in self.outputs):
            source = self.producer(new)
            assert source is not None
            self.redirect(new, old)
            source.output[list(source.output).index(new)] = old

    def rename(self, old: str, new: str) -> None:
        """Rename an input or an output of the graph."""
        for value in (*self.inputs, *self.outputs):
            if value.name == old:
                value.name = new
        for node in self.nodes:
            for names in (node.input, node.output):
                for i, name in enumerate(names):
                    if name == old:
                        names[i] = new

    def scalar(self, name: str) -> float | None:
        """Return a weight of one element as a number, else None."""
        value = self.weights.get(name)
        return float(value.reshape(-1)[0]) if value is not None and value.size == 1 else None


def simplify(graph: Graph) -> None:
    """Run the passes that serve every network."""
    drop_identities(graph)
    fold_bias(graph)
    fold_batch_norm(graph)
    explicit_padding(graph)
    fuse_gelu(graph)
    gate_residual(graph)


def attribute(node: onnx.NodeProto, name: str, default: object = None) -> object:
    """Return an attribute of a node, or a default."""
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def set_attribute(node: onnx.NodeProto, name: str, value: object) -> None:
    """Set or, with None, remove an attribute of a node."""
    kept = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)
    if value is not None:
        node.attribute.append(helper.make_attribute(name, value))


def drop_identities(graph: Graph) -> None:
    """Remove Identity nodes."""
    for node in graph.find("Identity"):
        graph.remove(node)
        graph.redirect(node.output[0], node.input[0])


def fold_bias(graph: Graph) -> None:
    """Fold an Add of one value per channel into the Conv or ConvTranspose before it."""
    for conv in graph.find("Conv", "ConvTranspose"):
        add = graph.only_consumer(conv.output[0], "Add")
        if add is None or len(conv.input) == 3:
            continue
        other = next((name for name in add.input if name != conv.output[0]), "")
        value = graph.weights.get(other)
        if value is None or value.ndim != 4 or value.size != value.shape[1]:
            continue
        conv.input.append(graph.weight(f"{conv.output[0]}.bias", value.reshape(-1)))
        graph.remove(add)
        graph.redirect(add.output[0], conv.output[0])


def fold_batch_norm(graph: Graph) -> None:
    """Fold a BatchNormalization into the Conv before it."""
    for norm in graph.find("BatchNormalization"):
        conv = graph.producer(norm.input[0])
        if conv is None or conv.op_type != "Conv" or len(graph.consumers(conv.output[0])) != 1:
            continue
        scale, shift, mean, variance = (graph.weights[name].astype(np.float64) for name in norm.input[1:])
        factor = scale / np.sqrt(variance + attribute(norm, "epsilon", 1e-5))
        kernel = graph.weights[conv.input[1]] * factor.reshape(-1, 1, 1, 1)
        bias = graph.weights[conv.input[2]] if len(conv.input) == 3 else np.zeros_like(mean)
        bias = (bias - mean) * factor + shift
        del conv.input[1:]
        conv.input.append(graph.weight(f"{conv.output[0]}.kernel", kernel.astype(np.float32)))
        conv.input.append(graph.weight(f"{conv.output[0]}.bias", bias.astype(np.float32)))
        graph.remove(norm)
        graph.redirect(norm.output[0], conv.output[0])


def explicit_padding(graph: Graph) -> None:
    """Write `auto_pad=SAME_UPPER` of stride-1 layers as numbers: an even kernel pads at the end."""
    for node in graph.find("Conv", "MaxPool"):
        if attribute(node, "auto_pad") != b"SAME_UPPER":
            continue
        kernel = attribute(node, "kernel_shape")
        set_attribute(node, "auto_pad", None)
        set_attribute(node, "pads", [(k - 1) // 2 for k in kernel] + [k // 2 for k in kernel])


def fuse_gelu(graph: Graph) -> None:
    """Replace x * (1 + erf(x / sqrt 2)) / 2 by one Gelu node (operator set 20)."""
    for erf in graph.find("Erf"):
        divide = graph.producer(erf.input[0])
        add = graph.only_consumer(erf.output[0], "Add")
        product = graph.only_consumer(add.output[0], "Mul") if add else None
        half = graph.only_consumer(product.output[0], "Mul") if product else None
        if divide is None or half is None or divide.op_type != "Div":
            continue
        constants = [graph.scalar(n) for node in (divide, add, half) for n in node.input if n in graph.weights]
        source = divide.input[0]
        if source not in product.input or not np.allclose(constants, [math.sqrt(2), 1, 0.5], atol=1e-6):
            continue
        graph.remove(divide, erf, add, product, half)
        graph.add("Gelu", [source], half.output[0])


def gate_residual(graph: Graph) -> None:
    """Replace x + x * g by x * (g + 1), g being one small value per channel."""
    for add in graph.find("Add"):
        for x, scaled in (tuple(add.input), tuple(reversed(add.input))):
            product = graph.producer(scaled)
            if product is None or product.op_type != "Mul" or x not in product.input:
                continue
            gate = next((name for name in product.input if name != x), x)
            source = graph.producer(gate)
            if source is None or source.op_type != "HardSigmoid" or len(graph.consumers(scaled)) != 1:
                continue
            one = graph.weight("one", np.ones((1, 1, 1, 1), np.float32))
            graph.remove(product, add)
            graph.add("Mul", [x, graph.add("Add", [gate, one], f"{gate}.plus")], add.output[0])
            break


def pool_means(graph: Graph) -> None:
    """Replace ReduceMean over both spatial axes by GlobalAveragePool, which int8 kernels know.

    In float32 ReduceMean is the more exact of the two.
    """
    for node in graph.find("ReduceMean"):
        axes = attribute(node, "axes") if len(node.input) == 1 else graph.weights[node.input[1]].tolist()
        if list(axes) == [2, 3] and attribute(node, "keepdims", 1) == 1:
            graph.remove(node)
            graph.add("GlobalAveragePool", [node.input[0]], node.output[0])


def pool_early(graph: Graph) -> None:
    """Take means of tiles before a convolution of single pixels rather than after it and its residual sum.

    Both are linear: what is computed is the same, for fewer pixels.
    """
    for pool in graph.find("AveragePool"):
        add = graph.producer(pool.input[0])
        if add is None or add.op_type != "Add" or len(graph.consumers(add.output[0])) != 1:
            continue
        summed = [node for node in map(graph.producer, add.input) if node is not None]
        conv = next((node for node in summed if _of_pixels(graph, node)), None)
        if conv is None:
            continue
        settings = {a.name: helper.get_attribute_value(a) for a in pool.attribute}
        other = next(name for name in add.input if name != conv.output[0])
        graph.remove(pool, add)
        conv.input[0] = graph.add("AveragePool", [conv.input[0]], f"{conv.input[0]}.mean", **settings)
        means = graph.add("AveragePool", [other], f"{other}.mean", **settings)
        graph.add("Add", [conv.output[0], means], pool.output[0])


def _of_pixels(graph: Graph, node: onnx.NodeProto) -> bool:
    """Whether a node is a convolution of 1x1 pixels that one other reads."""
    return (
        node.op_type == "Conv"
        and graph.weights[node.input[1]].shape[2:] == (1, 1)
        and attribute(node, "strides", [1, 1]) == [1, 1]
        and len(graph.consumers(node.output[0])) == 1
    )
