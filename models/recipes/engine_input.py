"""What the engine feeds its detectors: one account of it for the engine, the int8 ranges and the files' metadata."""

from __future__ import annotations

import numpy as np

from raypipe.detection.base import network_input
from raypipe.stages.detect import ImageTextDetector
from raypipe.zoo import manifest
from raypipe.zoo.manifest import Input

WIDTH: int = ImageTextDetector.model_fields["width"].default
"""Pixels of a page's longer side."""


def tensor(image: np.ndarray, model: str) -> np.ndarray:
    """Return a BGR page, at its own size, as the engine feeds it to a model of the manifest."""
    return network_input(image, max(image.shape[:2]), _takes(model))[0]


def described(model: str) -> str:
    """Return what a model of the manifest takes, for the metadata of its file."""
    takes = _takes(model)
    return f"{takes.channels}, (value - {takes.mean}) / {takes.deviation}, sides multiples of {takes.multiple}"


def _takes(model: str) -> Input:
    takes = manifest.find(model).input
    assert takes is not None, f"the manifest does not say what {model} takes"
    return takes
