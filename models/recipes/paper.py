"""What a page looks like apart from its text: paper, marks, bends, and how a scanner or a phone sees it.

Pictures are float32 BGR (h, w, 3) until they are seen. A generator fixes what is drawn.
"""

from __future__ import annotations

import cv2
import numpy as np


def sheet(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return an empty sheet: uneven light, tint, grain, ruled or squared at times."""
    coarse = random.uniform(0.7, 1, (3, 3)).astype(np.float32)
    light = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    tint = 1 - random.uniform(0, 0.25) * np.array([1.0, 0.5, 0.1], np.float32)
    image = 255 * random.uniform(0.7, 1) * light[..., None] * tint
    grain = cv2.resize(random.normal(0, 1, (height // 2, width // 2)).astype(np.float32), (width, height))
    image += grain[..., None] * random.uniform(0, 7)
    step, shade = int(random.integers(14, 60)), random.uniform(0.6, 0.95)
    kind = random.random()
    if kind < 0.3:
        image[step // 2 :: step] *= shade
    if kind < 0.12:
        image[:, step // 2 :: step] *= shade
    if 0.3 < kind < 0.4:
        x = int(random.uniform(0.02, 0.2) * width)
        image[:, x : x + 2] *= np.array([0.7, 0.7, 1], np.float32)
    return np.clip(image, 0, 255).astype(np.float32)


def mark(random: np.random.Generator, image: np.ndarray) -> None:
    """Draw scribbles, holes, stains, strokes and dark edges over a picture."""
    height, width = image.shape[:2]
    for _ in range(int(random.integers(1, 5))):
        places = (random.uniform(0, 1, (4, 2)) * [width, height]).astype(np.int32)
        shade = tuple(float(v) for v in random.integers(0, 200, 3))
        kind = random.random()
        if kind < 0.4:
            cv2.polylines(image, [places], False, shade, int(random.integers(1, 4)), cv2.LINE_AA)
        elif kind < 0.7:
            cv2.circle(image, places[0].tolist(), int(random.integers(3, 40)), shade, -1 if kind < 0.6 else 2)
        elif kind < 0.85:
            image[:, : int(random.integers(2, width // 10))] *= random.uniform(0.1, 0.8)
        else:
            cv2.line(image, places[0].tolist(), places[1].tolist(), shade, int(random.integers(1, 8)))


def bent(random: np.random.Generator, image: np.ndarray, lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a page and its map of lines turned, in perspective, bowed, and sometimes on a desk."""
    height, width = lines.shape
    on_desk = random.random() < 0.2
    matrix = _perspective(random, height, width, random.uniform(0.7, 0.95) if on_desk else 1.0)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    bow = random.uniform(-0.2, 0.2) * height * (random.random() < 0.4)
    rows += bow * (columns / width - random.uniform(0.2, 0.8)) ** 2
    points = np.stack([columns, rows, np.ones_like(rows)], -1) @ matrix.T.astype(np.float32)
    columns, rows = points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]
    page = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if on_desk:
        outside = (columns < 0) | (rows < 0) | (columns >= width) | (rows >= height)
        page[outside] = _desk(random, height, width)[outside]
    return page, cv2.remap(lines, columns, rows, cv2.INTER_NEAREST, borderValue=0)


def _perspective(random: np.random.Generator, height: int, width: int, scale: float) -> np.ndarray:
    """Return the matrix (3, 3) from the pixels of what is seen to those of the flat page."""
    angle = np.deg2rad(random.normal(0, 2) if random.random() < 0.8 else random.uniform(-25, 25))
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    centre = np.array([width / 2, height / 2])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    target = (source - centre) @ turn * scale + centre
    if random.random() < 0.5:
        target += random.uniform(-0.04, 0.04, (4, 2)) * [width, height]
    return cv2.getPerspectiveTransform(target.astype(np.float32), source)


def _desk(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return a surface with the grain of wood."""
    wood = sheet(random, height, width) * random.uniform(0.2, 1, 3).astype(np.float32)
    wood += random.normal(0, 12, (width, 1)).astype(np.float32)
    return cv2.blur(wood, (1, int(random.integers(1, 60))))


def seen(random: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Return a picture as uint8: blurred, noisy, compressed; grey, black and white or inverted at times."""
    image = cv2.GaussianBlur(image, (0, 0), random.uniform(0.2, 1.0))
    image = image + random.normal(0, random.uniform(0, 8), image.shape).astype(np.float32)
    kind = random.random()
    if kind < 0.2:
        image[...] = image.mean(-1, keepdims=True)
    if kind < 0.05:
        image = np.where(image < np.median(image) * random.uniform(0.6, 0.85), 10, 245)
    if kind > 0.95:
        image = 255 - image
    bytes_of = cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8), _quality(random))[1]
    return cv2.imdecode(bytes_of, cv2.IMREAD_COLOR)


def _quality(random: np.random.Generator) -> list[int]:
    return [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(35, 95))]
