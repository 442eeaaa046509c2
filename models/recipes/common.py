"""What the recipes share: pinned sources, fp16 storage, sessions, parity checks, writing a model file."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from raypipe.engine import operators

DOMAIN = "raypipe"
"""The domain of raypipe's own operators."""
HALF_MINIMUM = 64
"""Smallest number of elements that is worth a Cast node in fp16 storage."""


@dataclass(frozen=True)
class Source:
    """A file of an installed package, pinned by its digest."""

    package: str
    path: str
    sha256: str


def options(description: str | None) -> argparse.Namespace:
    """Parse the command line that every recipe has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("models"), help="folder for the ONNX files")
    parser.add_argument("--calibration", type=Path, help="folder of further pictures that int8 ranges are measured on")
    parser.add_argument("--smoke", action="store_true", help="measure them on two, to see that all of it works")
    return parser.parse_args()


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def source_file(source: Source) -> Path:
    """Return the path of a source file after checking its digest.

    Raises:
        SystemExit: the package is not installed, or the file is not the pinned one.
    """
    spec = importlib.util.find_spec(source.package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"Package {source.package!r} is missing: pip install -r models/recipes/requirements.txt")
    path = Path(spec.submodule_search_locations[0]) / source.path
    found = sha256_of(path)
    if found != source.sha256:
        raise SystemExit(f"{path.name} has sha256 {found}, expected {source.sha256}: another version of the package?")
    return path


def session(model: onnx.ModelProto, threads: int = 1) -> ort.InferenceSession:
    """Open a CPU session on a model held in memory."""
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.log_severity_level = 3
    operators.library()
    settings.register_custom_ops_library(str(operators.PATH))
    return ort.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])


def names(model: onnx.ModelProto, op_type: str) -> list[str]:
    """Return the names of a model's nodes of one type."""
    return [node.name for node in model.graph.node if node.op_type == op_type]


def name_axes(model: onnx.ModelProto, axes: Mapping[str, Sequence[int | str]]) -> onnx.ModelProto:
    """Set the shapes of a model's inputs and outputs; a string is a dynamic axis."""
    for value in (*model.graph.input, *model.graph.output):
        value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, axes[value.name]))
    return model


def store_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy that stores large float32 weights as float16, each behind a Cast that a session folds."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    scaled = [node for node in copy.graph.node if "Linear" in node.op_type or node.domain == DOMAIN]
    scales = {name for node in scaled for name in node.input}
    casts: list[onnx.NodeProto] = []
    for tensor in copy.graph.initializer:
        small = np.prod(tensor.dims) < HALF_MINIMUM or tensor.name in scales
        if tensor.data_type != TensorProto.FLOAT or small:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
        casts.append(helper.make_node("Cast", [half.name], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
        tensor.CopyFrom(half)
    nodes = list(copy.graph.node)
    del copy.graph.node[:]
    copy.graph.node.extend(casts + nodes)
    return copy


def largest_difference(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> float:
    """Return the largest absolute difference between two lists of arrays."""
    return max(float(np.abs(a - b).max()) for a, b in zip(first, second, strict=True))


def mean_difference(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> float:
    """Return the largest mean absolute difference between the arrays of two lists."""
    return max(float(np.abs(a - b).mean()) for a, b in zip(first, second, strict=True))


def write_model(model: onnx.ModelProto, path: Path, metadata: Mapping[str, str]) -> None:
    """Check a model, write it with its metadata, and print its size and digest."""
    model.producer_name, model.producer_version, model.doc_string = "raypipe", "", ""
    del model.graph.value_info[:]
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    print(f"wrote   {path}  {path.stat().st_size} bytes  sha256 {sha256_of(path)}")
