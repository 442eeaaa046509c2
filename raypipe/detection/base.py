"""The interface of detectors: pixels in, rotated boxes out; and the resizing they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from raypipe.engine.providers import Shapes
from raypipe.geometry import Floats
from raypipe.types import Boxes, Pixels
from raypipe.zoo.manifest import Input

USUAL_SHORT = 2**-0.5
"""The shorter side of an A4 page, as a share of the longer one."""
MOST_PAGES = 8
"""Pages in a batch on a GPU."""


@dataclass(frozen=True)
class Thresholds:
    """When something counts as text, each 0 to 1.

    Attributes:
        score: A region is kept if its score reaches this.
        text: A pixel is text if its score reaches this.
        link: Two characters, or words if lines are wanted, are joined if their affinity reaches this (CRAFT only).
    """

    score: float
    text: float
    link: float


@dataclass(frozen=True)
class Detection:
    """The regions of a page.

    Attributes:
        boxes: Rotated boxes (n, 5) in pixels of the given picture.
        scores: (n,).
        refined: Whether the network itself joined the words of each line.
    """

    boxes: Boxes
    scores: Floats
    refined: bool = False


class Detector(Protocol):
    """A model family that finds text."""

    def detect(self, pixels: Pixels, width: int, thresholds: Thresholds, refine: bool) -> Detection:
        """Finds the text of a page (h, w, 3), BGR.

        Args:
            pixels: The page.
            width: The page's longer side is scaled to this before the network sees it.
            thresholds: When something counts as text.
            refine: Find whole lines, if the network can; otherwise return the regions that it finds by itself.
        """
        ...


def batch_shapes(width: int, takes: Input) -> Shapes:
    """The shapes of batches that a network gets if the longer side of each page is scaled to `width`."""
    long, short = (-(-side // takes.multiple) * takes.multiple for side in (width, int(width * USUAL_SHORT)))
    return Shapes((1, 3, takes.multiple, takes.multiple), (1, 3, long, short), (MOST_PAGES, 3, long, long))


def network_input(pixels: Pixels, width: int, takes: Input) -> tuple[Floats, tuple[float, float]]:
    """Scales a page (h, w, 3), BGR, so that its longer side has `width` pixels, pads the sides and normalises it.

    Returns:
        The tensor (1, 3, h, w), and the factors from page to network in x and y.
    """
    pixels = _whole_multiples(pixels, max(int(max(pixels.shape[:2]) / width), 1))
    page_height, page_width = pixels.shape[:2]
    ratio = width / max(page_height, page_width)
    new_width, new_height = max(round(page_width * ratio), 1), max(round(page_height * ratio), 1)
    resized = _resize(pixels, new_width, new_height)
    padded_height, padded_width = (-(-side // takes.multiple) * takes.multiple for side in (new_height, new_width))
    tensor = np.zeros((1, 3, padded_height, padded_width), np.float32)
    takes.fill(tensor[0, :, :new_height, :new_width], resized)
    return tensor, (new_width / page_width, new_height / page_height)


def _whole_multiples(pixels: Pixels, factor: int) -> Pixels:
    """The page without the last columns and rows that are not a multiple of `factor`."""
    height, width = pixels.shape[:2]
    return pixels[: max(height // factor, 1) * factor, : max(width // factor, 1) * factor]


def _resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Scales a page: first down by a whole factor, for which averaging is several times faster than for a fraction."""
    factor = min(pixels.shape[1] // width, pixels.shape[0] // height)
    if factor > 1:
        size = pixels.shape[1] // factor, pixels.shape[0] // factor
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    # Less than a halving is left: averaging would cost six times as much and find no more.
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def to_page(boxes: Boxes, scale_x: float, scale_y: float) -> Boxes:
    """Converts boxes (n, 5) from the pixels of a score map to those of the page.

    The scales are map pixels per page pixel. They differ only by rounding, so angles stay.
    """
    scaled = boxes.copy()
    scaled[:, 0] /= scale_x
    scaled[:, 1] /= scale_y
    scaled[:, 2:4] /= (scale_x * scale_y) ** 0.5
    return scaled
