"""Measure which networks can compute in float16: the largest number inside, and what rounding everywhere changes.

Usage: python models/recipes/half_range.py PAGES...

ONNX Runtime has hardly any float16 operators for CPUs: there it computes the graph of `raypipe.engine.half` in float32
and rounds few of the numbers between. Here each operator of the float32 graph computes in float32, and all that it
gives is rounded to float16: what a GPU does whose operators add up in float32. Prints for each pair of models a JSON
object: the share of pages whose text is the same, the mean likeness of the texts, and the largest magnitude of any
number. A model may have `half` in the manifest if its texts are hardly different and its numbers stay below 65,504.
"""

from __future__ import annotations

import argparse
import json
from difflib import SequenceMatcher
from pathlib import Path
from statistics import mean
from typing import Any
from unittest import mock

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from raypipe import presets
from raypipe.engine import session as engine

MODELS = [
    ("text_detector_db_opt", presets.RECOGNIZER),
    ("text_detector_db_tiny_opt", presets.RECOGNIZER),
    ("image_text_detector_v2_opt", presets.RECOGNIZER),
    (presets.DETECTOR, "ocr_small_handwritten_v2_opt"),
    (presets.DETECTOR, "ocr_small_printed_v2_opt"),
    (presets.DETECTOR, "ocr_tiny_handwritten_opt"),
]
PARAMETERS = {"Resize"}
"""Operators whose inputs but the first stay as they are."""


class Rounding:
    """A session whose operators give numbers that float16 can say; remembers the largest of each file."""

    largest: dict[str, float] = {}

    def __init__(self, source: Path, options: Any) -> None:
        """Opens the graph of a file."""
        self._stem, self._session = source.stem, ort.InferenceSession(rounded(onnx.load(source)), options)

    def __getattr__(self, name: str) -> Any:
        """What the session has."""
        return getattr(self._session, name)

    def get_outputs(self) -> list[Any]:
        """The outputs but the last, which is ours."""
        return self._session.get_outputs()[:-1]

    def run(self, outputs: list[str] | None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Run, and remember the largest number."""
        names = list(outputs or [each.name for each in self.get_outputs()])
        *found, largest = self._session.run([*names, "largest"], feed)
        self.largest[self._stem] = max(self.largest.get(self._stem, 0.0), float(largest))
        return found


def rounded(model: onnx.ModelProto) -> bytes:
    """A float32 graph that rounds after each operator, with the largest magnitude of all as its last output."""
    typed = onnx.shape_inference.infer_shapes(model).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*typed.value_info, *typed.input, *typed.output)}
    fixed = {name for node in model.graph.node if node.op_type in PARAMETERS for name in node.input[1:]}
    nodes, sizes = [], []
    for node in model.graph.node:
        names = list(node.output)
        nodes.append(node)
        for place, name in enumerate(names):
            if kinds.get(name) != TensorProto.FLOAT or name in fixed:
                continue
            node.output[place] = f"{name}/whole"
            nodes += [
                helper.make_node("Cast", [f"{name}/whole"], [f"{name}/half"], to=TensorProto.FLOAT16),
                helper.make_node("Cast", [f"{name}/half"], [name], to=TensorProto.FLOAT),
                helper.make_node("Abs", [f"{name}/whole"], [f"{name}/size"]),
                helper.make_node("ReduceMax", [f"{name}/size"], [f"{name}/most"], keepdims=0),
            ]
            sizes.append(f"{name}/most")
    nodes.append(helper.make_node("Max", sizes, ["largest"]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.output.append(helper.make_tensor_value_info("largest", TensorProto.FLOAT, []))
    return model.SerializeToString()


def rounding_session(source: Path, options: Any, *_: Any) -> Any:
    """What the engine opens instead."""
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return Rounding(source, options)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    sources = parser.parse_args().sources
    for detector, recognizer in MODELS:
        pipeline = presets.standard(detector, recognizer, use_gpu=False, precision="fp32")
        expected = [page.text for page in pipeline.run(sources)]
        with mock.patch.object(engine, "_opened", rounding_session):
            found = [page.text for page in pipeline.run(sources)]
        alike = [SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in zip(expected, found, strict=True)]
        print(json.dumps({
            "detector": detector,
            "recognizer": recognizer,
            "pages": len(expected),
            "same": round(mean(share == 1 for share in alike), 3),
            "alike": round(mean(alike), 5),
            "largest": {name: round(value, 1) for name, value in Rounding.largest.items()},
        }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
