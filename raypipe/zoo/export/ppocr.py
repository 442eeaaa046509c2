"""Converts PP-OCR's published ONNX networks: names inputs and outputs, cuts a recognizer's head to Latin.

    python -m raypipe.zoo.export.ppocr FOLDER --task recognition --output recognizer.onnx

The folder holds `inference.onnx` and `inference.yml`, as PaddlePaddle's repositories on the Hugging Face hub do. The
result is compared with the published network on drawn lines, which a recognizer also has to read; else it stops.
"""

from __future__ import annotations

import argparse
import json
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import yaml
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw, ImageFont

from raypipe.zoo.export.parity import require

NETWORK, SETTINGS = "inference.onnx", "inference.yml"
HEIGHT = 48
TYPOGRAPHIC = set("ƒȘșȚț–—―‘’“”†‡•…‰′″™−")
"""Characters kept in addition to ASCII, Latin-1, Latin Extended-A and the currency signs."""
TEXTS = ("The quick brown fox jumps", "over 12 lazy dogs, 3 May 1905", "Payment of EUR 1,250.00 is due")
LIMIT = 1e-3
"""The most that a probability may differ."""
READS = 0.9
"""The least likeness of the text that is read to the text that was drawn."""
NAMES = {"detection": ("image", "probability"), "recognition": ("image", "probabilities")}


def main() -> None:
    """Convert, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help=f"with {NETWORK} and, for recognition, {SETTINGS}")
    parser.add_argument("--task", choices=NAMES, required=True)
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    model = onnx.load(arguments.folder / NETWORK)
    metadata = {"source": f"{NETWORK} of PaddleOCR", "licence": "Apache-2.0, copyright Baidu and the PaddleOCR authors"}
    if arguments.task == "detection":
        rename(model, *NAMES["detection"])
        check_detector(arguments.folder / NETWORK, model)
    else:
        columns, characters = latin(dictionary(arguments.folder / SETTINGS))
        cut_head(model, columns)
        rename(model, *NAMES["recognition"])
        check_recognizer(arguments.folder / NETWORK, model, columns, ["", *characters])
        metadata |= {
            "characters": json.dumps(characters, ensure_ascii=False),
            "changes": "classes cut to Latin script",
        }
    helper.set_model_props(model, metadata)
    arguments.output.write_bytes(model.SerializeToString(deterministic=True))


def dictionary(path: Path) -> list[str]:
    """Return the characters of a recognizer, without the blank before and the space after them."""
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [str(character) for character in settings["PostProcess"]["character_dict"]]


def wanted(character: str) -> bool:
    """Tell whether a character of the dictionary belongs to the Latin head."""
    if len(character) != 1:
        return False
    code = ord(character)
    letters = 0x21 <= code <= 0x7E or (0xA1 <= code <= 0x17F and code != 0xAD)
    return letters or 0x20A0 <= code <= 0x20BF or character in TYPOGRAPHIC


def latin(characters: list[str]) -> tuple[list[int], list[str]]:
    """Return the kept columns of the full head (blank first, space last) and the characters of all but the blank."""
    kept = [i for i, character in enumerate(characters) if wanted(character)]
    columns = [0, *(i + 1 for i in kept), len(characters) + 1]
    return columns, [*(characters[i] for i in kept), " "]


def cut_head(model: onnx.ModelProto, columns: list[int]) -> None:
    """Keep some classes of the last matrix product, and let Softmax run over those alone.

    Raises:
        SystemExit: The network does not end in a product, a sum and a Softmax over the dictionary's classes.
    """
    softmax = _maker(model, model.graph.output[0].name, "Softmax")
    total = _maker(model, softmax.input[0], "Add")
    product = _maker(model, total.input[0], "MatMul")
    for name, axis in ((product.input[1], 1), (total.input[1], 0)):
        tensor = _weight(model, name)
        values = numpy_helper.to_array(tensor)
        if values.shape[axis] != columns[-1] + 1:
            raise SystemExit(f"The network has {values.shape[axis]} classes, its dictionary {columns[-1] + 1}.")
        cut = numpy_helper.from_array(np.ascontiguousarray(values.take(columns, axis)), tensor.name)
        tensor.CopyFrom(cut)
    del model.graph.value_info[:]


def _maker(model: onnx.ModelProto, name: str, kind: str) -> onnx.NodeProto:
    """The node that a value comes from, skipping nodes that do nothing."""
    node = next(node for node in model.graph.node if name in node.output)
    if node.op_type == "Identity":
        return _maker(model, node.input[0], kind)
    if node.op_type != kind:
        raise SystemExit(f"The network ends in {node.op_type} where it should have {kind}: it is another one.")
    return node


def _weight(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    for tensor in model.graph.initializer:
        if tensor.name == name:
            return tensor
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] == name:
            return next(attribute.t for attribute in node.attribute if attribute.name == "value")
    raise SystemExit(f"{name} is not a weight.")


def rename(model: onnx.ModelProto, given: str, made: str) -> None:
    """Name the input and the output of a network, and their axes."""
    (source,) = model.graph.input
    (result,) = model.graph.output
    new = {source.name: given, result.name: made}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [new.get(name, name) for name in names]
    shapes = {"probability": ["n", 1, "h", "w"], "probabilities": ["n", "t", None]}
    high = HEIGHT if made == "probabilities" else "h"
    source.CopyFrom(helper.make_tensor_value_info(given, TensorProto.FLOAT, ["n", 3, high, "w"]))
    result.CopyFrom(helper.make_tensor_value_info(made, TensorProto.FLOAT, shapes[made]))


def lines() -> list[np.ndarray]:
    """Return drawn lines as a network's input (1, 3, 48, w)."""
    font, found = ImageFont.load_default(size=30), []
    for text in TEXTS:
        width = -(-int(font.getlength(text) + 24) // 8) * 8
        image = Image.new("RGB", (width, HEIGHT), "white")
        ImageDraw.Draw(image).text((12, 4), text, fill="black", font=font)
        found.append((np.asarray(image, np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])
    return found


def check_detector(published: Path, model: onnx.ModelProto) -> None:
    """Stop unless a detector gives the results of the published one."""
    page = np.concatenate([np.pad(line, ((0, 0), (0, 0), (0, 16), (0, 640 - line.shape[3])), constant_values=1)
                           for line in lines()], 2)  # fmt: skip
    expected, found = run(published.read_bytes(), page), run(model.SerializeToString(), page)
    require("detector, largest difference", float(np.abs(expected - found).max()), LIMIT)


def check_recognizer(published: Path, model: onnx.ModelProto, columns: list[int], characters: list[str]) -> None:
    """Stop unless a recognizer gives the published one's results for the classes that it keeps, and reads the lines."""
    for text, line in zip(TEXTS, lines(), strict=True):
        kept = run(published.read_bytes(), line)[..., columns]
        found = run(model.SerializeToString(), line)
        kept /= kept.sum(-1, keepdims=True)
        require("recognizer, largest difference", float(np.abs(kept - found).max()), LIMIT)
        best = [number for number, _ in groupby(found[0].argmax(-1).tolist())]
        read = "".join(characters[number] for number in best)
        require(f"likeness of {read!r}", SequenceMatcher(None, text, read).ratio(), READS, at_least=True)


def run(model: bytes, given: np.ndarray) -> np.ndarray:
    """Return the output of a network."""
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: given})[0])


if __name__ == "__main__":
    main()
