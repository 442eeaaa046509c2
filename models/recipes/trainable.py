"""An ONNX graph as a torch module: its weights can be trained and written back, its operators stay as they are.

Training needs no second description of the network and no export: the graph that is served is the graph that learns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

Operator = Callable[[Sequence[Any], dict[str, Any]], Any]


class TrainableGraph(nn.Module):
    """Runs the nodes of an ONNX graph with torch; float weights of more than one element are parameters.

    Means and variances of batches are not: they were measured before.

    Args:
        model: A graph with one input and one output and the operators of `OPERATORS`.
        last: The value to return; the graph's output if None. Values behind it are not computed.
    """

    def __init__(self, model: onnx.ModelProto, last: str | None = None) -> None:
        super().__init__()
        self._model = model
        self._input, self._last = model.graph.input[0].name, last or model.graph.output[0].name
        self._constants: dict[str, Any] = {}
        self.weights = nn.ParameterDict()
        self._keys: dict[str, str] = {}
        measured = {
            name for node in model.graph.node if node.op_type == "BatchNormalization" for name in node.input[3:]
        }
        for tensor in model.graph.initializer:
            array = numpy_helper.to_array(tensor)
            if array.dtype == np.float32 and array.size > 1 and tensor.name not in measured:
                self._keys[tensor.name] = tensor.name.replace(".", "/")
                self.weights[self._keys[tensor.name]] = nn.Parameter(torch.from_numpy(array.copy()))
            else:
                self._constants[tensor.name] = torch.from_numpy(np.atleast_1d(array).copy()).reshape(array.shape)
        self._steps = [
            (
                OPERATORS[node.op_type],
                list(node.input),
                node.output[0],
                {a.name: helper.get_attribute_value(a) for a in node.attribute},
            )
            for node in model.graph.node
        ]

    def forward(self, image: Tensor) -> Tensor:
        """Returns the last value for a batch."""
        values: dict[str, Any] = {self._input: image, **self._constants}
        values |= {name: self.weights[key] for name, key in self._keys.items()}
        for operator, inputs, output, attributes in self._steps:
            values[output] = operator([values[name] if name else None for name in inputs], attributes)
            if output == self._last:
                break
        return values[self._last]

    def to_model(self) -> onnx.ModelProto:
        """Returns the graph with the weights as they are now."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self._model)
        for tensor in copy.graph.initializer:
            if tensor.name in self._keys:
                array = self.weights[self._keys[tensor.name]].detach().float().numpy()
                tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
        return copy


def _convolve(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    image, (top, left, bottom, right) = x[0], a["pads"]
    padding = (top, left)
    if (top, left) != (bottom, right):
        image, padding = functional.pad(image, (left, right, top, bottom)), (0, 0)
    return functional.conv2d(
        image, x[1], x[2] if len(x) > 2 else None, a["strides"], padding, a["dilations"], a["group"]
    )


def _max_pool(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    top, left, bottom, right = a.get("pads", (0, 0, 0, 0))
    return functional.max_pool2d(
        functional.pad(x[0], (left, right, top, bottom), value=-torch.inf), a["kernel_shape"], a["strides"]
    )


def _average_pool(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    return functional.avg_pool2d(x[0], a["kernel_shape"], a["strides"])


def _mean(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    return x[0].mean(dim=x[1].tolist(), keepdim=bool(a.get("keepdims", 1)))


def _normalize(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    return functional.batch_norm(x[0], x[3], x[4], x[1], x[2], eps=a.get("epsilon", 1e-5))


def _slice(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    steps = x[4].tolist() if len(x) > 4 else [1] * len(x[1])
    index = [slice(None)] * x[0].dim()
    for start, end, axis, step in zip(x[1].tolist(), x[2].tolist(), x[3].tolist(), steps, strict=True):
        index[axis] = slice(start, end, step)
    return x[0][tuple(index)]


def _squeeze(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    return x[0].squeeze(tuple(x[1].tolist()))


def _unsqueeze(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    for axis in sorted(x[1].tolist()):
        x = [x[0].unsqueeze(axis), *x[1:]]
    return x[0]


def _reshape(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    shape = [x[0].shape[n] if size == 0 else size for n, size in enumerate(x[1].tolist())]
    return x[0].reshape(shape)


OPERATORS: dict[str, Operator] = {
    "Add": lambda x, a: x[0] + x[1],
    "AveragePool": _average_pool,
    "BatchNormalization": _normalize,
    "Concat": lambda x, a: torch.cat(list(x), a["axis"]),
    "Conv": _convolve,
    "Div": lambda x, a: x[0] / x[1],
    "Gelu": lambda x, a: functional.gelu(x[0]),
    "HardSigmoid": lambda x, a: (x[0] * a["alpha"] + a["beta"]).clamp(0, 1),
    "MatMul": lambda x, a: x[0] @ x[1],
    "MaxPool": _max_pool,
    "Mul": lambda x, a: x[0] * x[1],
    "Pow": lambda x, a: x[0] ** x[1],
    "ReduceMean": _mean,
    "Relu": lambda x, a: functional.relu(x[0]),
    "Reshape": _reshape,
    "Shape": lambda x, a: torch.tensor(x[0].shape),
    "Sigmoid": lambda x, a: torch.sigmoid(x[0]),
    "Slice": _slice,
    "Softmax": lambda x, a: torch.softmax(x[0], a.get("axis", -1)),
    "Sqrt": lambda x, a: torch.sqrt(x[0]),
    "Squeeze": _squeeze,
    "Sub": lambda x, a: x[0] - x[1],
    "Transpose": lambda x, a: x[0].permute(a["perm"]),
    "Unsqueeze": _unsqueeze,
}
