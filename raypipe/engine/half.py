"""Converts ONNX graphs that compute in float32 to float16; their inputs and outputs stay float32.

Only the parts of the format (onnx.proto) that change are declared here: protobuf keeps unknown fields as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

FLOAT, HALF = 1, 10
"""Their numbers in `TensorProto.DataType`."""
EXACT = frozenset(("Softmax",))
"""Operators that stay float32: their results may be too small for float16."""
NO_DATA = {"Resize": slice(1, 4)}
"""Inputs that are parameters rather than data, and stay as they are."""

_FIELDS = {
    "Model": ["graph 7 Graph"],
    "Graph": ["node 1 *Node", "initializer 5 *Tensor", "input 11 *Value", "output 12 *Value", "value_info 13 *Value"],
    "Node": ["input 1 *string", "output 2 *string", "name 3 string", "op_type 4 string", "attribute 5 *Attribute"],
    "Attribute": ["name 1 string", "i 3 int64", "t 5 Tensor", "type 20 int32"],
    "Tensor": ["data_type 2 int32", "float_data 4 *float", "name 8 string", "raw_data 9 bytes"],
    "Value": ["name 1 string", "type 2 Type"],
    "Type": ["tensor_type 1 TensorType"],
    "TensorType": ["elem_type 1 int32"],
}
"""The fields of each message: name, number, type; * marks repeated ones."""
PACKAGE = "raypipe_onnx"
"""The package of the messages: another library may have declared the whole format as `onnx`."""
_INTEGER = 2
"""AttributeProto.INT."""


def halved(source: bytes) -> bytes:
    """The model, computing in float16.

    Its weights become float16; Casts are put behind its inputs, before its outputs, and around `EXACT` operators. Where
    weights were already stored as float16, the Casts behind them have nothing left to do.

    Args:
        source: An ONNX file without graphs inside its nodes. Its values must nowhere exceed 65,504: measure that before
            a model's manifest says that it can compute in float16.
    """
    model = _messages()["Model"].FromString(source)
    graph = model.graph
    parameters = {name for node in graph.node for name in node.input[NO_DATA.get(node.op_type, slice(0))]}
    for tensor in graph.initializer:
        if tensor.name not in parameters:
            _halve(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == FLOAT:
                attribute.i = HALF
            if node.op_type == "Constant" and attribute.name == "value" and node.output[0] not in parameters:
                _halve(attribute.t)
    nodes = list(_with_casts(graph))
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def _halve(tensor: Any) -> None:
    """Makes a tensor float16 if it is float32."""
    if tensor.data_type == FLOAT:
        values = np.frombuffer(tensor.raw_data, "<f4") if tensor.raw_data else np.array(tensor.float_data, "<f4")
        with np.errstate(over="ignore"):  # It shows in the results of the graph.
            tensor.data_type, tensor.raw_data = HALF, values.astype("<f2").tobytes()
        del tensor.float_data[:]


def _with_casts(graph: Any) -> Iterator[Any]:
    """The nodes in order, with a Cast wherever float32 and float16 meet."""
    given, wanted = (
        {value.name for value in values if value.type.tensor_type.elem_type == FLOAT}
        for values in (graph.input, graph.output)
    )
    halves = {name: f"{name}/half" for name in given | wanted}
    yield from (_cast(name, halves[name], HALF) for name in sorted(given))
    for node in graph.node:
        results = list(node.output)
        node.input[:] = [halves.get(name, name) for name in node.input]
        if node.op_type in EXACT:
            yield from _exact(node, halves)
        else:
            node.output[:] = [halves.get(name, name) for name in results]
            yield node
            yield from (_cast(halves[name], name, FLOAT) for name in results if name in wanted)


def _exact(node: Any, halves: dict[str, str]) -> Iterator[Any]:
    """A node that stays float32, between Casts; it gives an output of the graph directly."""
    inputs, results = list(node.input), list(node.output)
    node.input[:] = [f"{node.output[0]}/from/{name}" for name in inputs]
    node.output[:] = [name if name in halves else f"{name}/float" for name in results]
    yield from (_cast(name, own, FLOAT) for name, own in zip(inputs, list(node.input), strict=True))
    yield node
    yield from (_cast(own, halves.get(name, name), HALF) for own, name in zip(list(node.output), results, strict=True))


def _cast(source: str, result: str, to: int) -> Any:
    kind = _messages()["Attribute"](name="to", i=to, type=_INTEGER)
    return _messages()["Node"](input=[source], output=[result], op_type="Cast", attribute=[kind])


@cache
def _messages() -> Any:
    """Protobuf's classes for the messages in `_FIELDS`."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=f"{PACKAGE}.proto", package=PACKAGE, syntax="proto2")
    for name, lines in _FIELDS.items():
        message = file.message_type.add(name=name)
        for label, number, kind in (line.split() for line in lines):
            several, kind = kind.startswith("*"), kind.removeprefix("*")
            known = kind not in _FIELDS
            message.field.add(
                name=label,
                number=int(number),
                label=field.LABEL_REPEATED if several else field.LABEL_OPTIONAL,
                type=getattr(field, f"TYPE_{kind.upper()}") if known else field.TYPE_MESSAGE,
                type_name=None if known else f".{PACKAGE}.{kind}",
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    kinds = {name: pool.FindMessageTypeByName(f"{PACKAGE}.{name}") for name in _FIELDS}
    return {name: message_factory.GetMessageClass(kind) for name, kind in kinds.items()}
