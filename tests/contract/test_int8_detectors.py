"""The shipped int8 detectors against the float ones, on whatever CPU the tests run.

Without VNNI, ONNX Runtime adds products of weights and activations in pairs that saturate at 16 bits: 8-bit weights
give other maps there than on a CPU that has it, 7-bit ones the same.
"""

from __future__ import annotations

import cv2
import drawn
import numpy as np
import onnx
import pytest

from raypipe.detection.base import network_input
from raypipe.detection.families import FAMILIES
from raypipe.engine.session import Session
from raypipe.metrics import Metrics
from raypipe.types import Pixels
from raypipe.zoo import manifest

DETECTORS = ["image_text_detector_v2", "text_detector_db"]
WIDTH = 640
"""Half the page's: small letters show differences best, and CRAFT is slow."""


def text(name: str, page: Pixels) -> np.ndarray:
    """The text pixels that a detector sees on a page."""
    model = manifest.find(name)
    assert model.input
    tensor, _ = network_input(page, WIDTH, model.input)
    maps = Session(model.path, False, 2, Metrics()).run(tensor)[0]
    return np.asarray(maps[:, 0] > FAMILIES[model.family].thresholds.text)


@pytest.mark.parametrize("name", DETECTORS)
def test_weights_have_seven_bits(name: str) -> None:
    tensors = onnx.load(manifest.find(f"{name}_opt").path).graph.initializer
    weights = [onnx.numpy_helper.to_array(part) for part in tensors if part.data_type == onnx.TensorProto.INT8]
    assert weights
    assert max(int(np.abs(part.astype(np.int16)).max()) for part in weights) <= 64


@pytest.mark.parametrize("name", DETECTORS)
def test_int8_sees_the_text_that_float_sees(name: str) -> None:
    page = np.asarray(cv2.cvtColor(np.asarray(drawn.two_columns()), cv2.COLOR_RGB2BGR), np.uint8)
    exact, small = text(name, page), text(f"{name}_opt", page)
    assert (exact & small).sum() / (exact | small).sum() >= 0.9


@pytest.mark.parametrize("name", [*DETECTORS, *(f"{name}_opt" for name in DETECTORS)])
def test_a_file_says_what_its_input_is_as_the_manifest_does(name: str) -> None:
    model = manifest.find(name)
    assert model.input
    said = {entry.key: entry.value for entry in onnx.load(model.path).metadata_props}["input"]
    assert said.startswith(model.input.channels)
    assert f"(value - {model.input.mean}) / {model.input.deviation}" in said
