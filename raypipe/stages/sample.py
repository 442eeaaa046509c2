"""A built-in page, which workers read before their first real one."""

from __future__ import annotations

import cv2
import numpy as np

from raypipe.images.image import BGR, Image
from raypipe.types import Boxes, Pixels

LINES = ("Dear reader,", "this page is drawn", "to warm up.")
WIDTH, HEIGHT, LINE_HEIGHT, MARGIN = 640, 320, 80, 40
NAME = "built-in page"


def encoded() -> bytes:
    """The page as a JPEG file."""
    page = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for number, text in enumerate(LINES, 1):
        place = MARGIN, number * LINE_HEIGHT
        cv2.putText(page, text, place, cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3, cv2.LINE_AA)
    return cv2.imencode(".jpg", page)[1].tobytes()


def image() -> Image:
    """The page as a picture."""
    return Image(
        origin=NAME, page=0, width=WIDTH, height=HEIGHT, mode=BGR, resolution=0, data=encoded(), in_memory=True
    )


def boxes() -> Boxes:
    """Its lines, (3, 5)."""
    rows = [(WIDTH / 2, n * LINE_HEIGHT - 15, WIDTH - MARGIN, LINE_HEIGHT - 10, 0) for n in range(1, len(LINES) + 1)]
    return np.array(rows, np.float32)


def lines(height: int) -> list[Pixels]:
    """Pictures of its lines, (height, w, 3)."""
    pixels, half = image().pixels(), LINE_HEIGHT // 2
    middles = boxes()[:, 1].astype(int)
    width = WIDTH * height // LINE_HEIGHT
    return [np.asarray(cv2.resize(pixels[y - half : y + half], (width, height)), np.uint8) for y in middles]
