"""Pages in too little light: brightened before the networks see them, which find nothing on the darkest."""

from __future__ import annotations

import cv2
import numpy as np

from raypipe.types import Pixels

DARK, BRIGHT = 96, 224
"""A page is dark if none of it is brighter than `DARK`; then its brightest parts become `BRIGHT`."""
MOST = 8.0
"""By how much values are multiplied at most: what is darker holds more noise than writing."""
GLANCE, CLOSER = 100, 400
"""Along the shorter side, so many pixels are looked at first, which shows that most pages are bright, and then."""
SPARKS = 5
"""The brightest pixels, which do not count: noise, or a reflection."""


def brightened(pixels: Pixels) -> Pixels:
    """A page, uint8 (h, w, 3), or itself unless it is dark. White on black is not dark, however little it is."""
    if _brightest(pixels, GLANCE) >= DARK or (brightest := _brightest(pixels, CLOSER)) >= DARK:
        return pixels
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=min(BRIGHT / max(brightest, 1), MOST)), np.uint8)


def _brightest(pixels: Pixels, count: int) -> int:
    """The value that all but a few pixels have at most, of those looked at: `count` along the shorter side."""
    step = max(min(pixels.shape[:2]) // count, 1)
    values = np.bincount(pixels[::step, ::step].max(2).ravel(), minlength=256)
    return max(255 - int((values[::-1].cumsum() < SPARKS).sum()), 0)
