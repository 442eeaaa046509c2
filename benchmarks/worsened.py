"""Copies of the data's pages as bad photos and scans of them would be, as sets of their own for `accuracy.py`.

    python benchmarks/worsened.py DATA FOLDER
    python benchmarks/accuracy.py FOLDER --sets curled fold dark

FOLDER gets a set for each way in which a page can be worse, with the same pages in each, and `score.py`. Pages are
first scaled to `REACH` pixels. Prints nothing.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from accuracy import scorer, truth_of

Pixels = npt.NDArray[np.uint8]

PAGES = {
    "visual_nlp_samples": ["gsa_lease.jpg", "handwritten_example.jpg"],
    "phone_pages": ["breta_test3.jpg", "breta_text3.jpg"],
    "forms_and_board": ["aws_patient_intake.jpg", "docai_health_intake.jpg"],
    "letters1905_pages": ["Lettre241.jpg", "Lettre246.jpg"],
}
REACH = 2000
"""Pixels of a page's longer side."""
CHANCE = np.random.default_rng(5)


def curled(page: Pixels) -> Pixels:
    """On a sheet that curls: lines rise and fall by 2.5 % of the page's height."""
    return shifted(page, lambda x, y: 0.025 * np.sin(1.5 * np.pi * x))


def fold(page: Pixels) -> Pixels:
    """Beside the fold of a book on the left."""
    return shifted(page, lambda x, y: 0.05 * np.exp(-x / 0.15))


def bowed(page: Pixels) -> Pixels:
    """On a sheet that is bowed, more at its top than at its bottom."""
    return shifted(page, lambda x, y: 0.16 * (1 - 0.8 * y) * (x - 0.5) ** 2)


def shifted(page: Pixels, by: Callable[[Any, Any], Any]) -> Pixels:
    """A page whose points are shifted up by a share of its height, which depends on their x and y as shares."""
    height, width = page.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    down = (y + height * by(x / width, y / height)).astype(np.float32)
    return np.asarray(cv2.remap(page, x, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def dark(page: Pixels) -> Pixels:
    """In too little light, with the noise of a sensor."""
    return as_bytes(page * 0.15 + CHANCE.normal(4, 3, page.shape))


def shadow(page: Pixels) -> Pixels:
    """With the shadow of a hand or a phone over one side."""
    height, width = page.shape[:2]
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    return as_bytes(page * (0.35 + 0.65 / (1 + np.exp(7.2 - 12 * x - 6 * y)))[..., None])


def pale(page: Pixels) -> Pixels:
    """With a quarter of its contrast."""
    return as_bytes(page * 0.25 + 150)


def noisy(page: Pixels) -> Pixels:
    """With strong noise."""
    return as_bytes(page + CHANCE.normal(0, 28, page.shape))


def blurred(page: Pixels) -> Pixels:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(page, (0, 0), 2.6), np.uint8)


def shaken(page: Pixels) -> Pixels:
    """Moved along a diagonal by ten pixels."""
    return np.asarray(cv2.filter2D(page, -1, np.eye(10) / 10), np.uint8)


def small(page: Pixels) -> Pixels:
    """With 650 pixels of its longer side."""
    factor = 650 / max(page.shape[:2])
    return np.asarray(cv2.resize(page, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def compressed(page: Pixels) -> Pixels:
    """As a JPEG of quality 12."""
    _, data = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, 12])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def tilted(page: Pixels) -> Pixels:
    """Turned by 12 degrees."""
    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 12, 0.8)
    return np.asarray(cv2.warpAffine(page, matrix, (width, height), borderValue=(255, 255, 255)), np.uint8)


def aslant(page: Pixels) -> Pixels:
    """Seen from a side, on a dark table."""
    height, width = page.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = np.array([[0.14, 0.06], [0.9, 0], [1, 0.98], [0, 0.9]]) * [width, height]
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    return np.asarray(cv2.warpPerspective(page, matrix, (width, height), borderValue=(60, 80, 90)), np.uint8)


def through(page: Pixels) -> Pixels:
    """With itself, mirrored, showing through from the reverse at a quarter of its strength."""
    return as_bytes(page - (255.0 - page[:, ::-1]) / 4)


def as_bytes(values: npt.NDArray[Any]) -> Pixels:
    """Values as those of a picture."""
    return values.clip(0, 255).astype(np.uint8)


def plain(page: Pixels) -> Pixels:
    """As it is."""
    return page


WAYS = [
    plain, curled, fold, bowed, dark, shadow, pale, noisy, blurred, shaken, small, compressed, tilted, aslant, through,
]  # fmt: skip


def main() -> None:
    """Write the sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(arguments.data / "score.py", arguments.folder)
    score = scorer(arguments.data)
    for way in WAYS:
        images = arguments.folder / way.__name__ / "images"
        images.mkdir(parents=True, exist_ok=True)
        rows = []
        for name, files in PAGES.items():
            truth = truth_of(arguments.data / name, score)
            for file in files:
                page = cv2.imread(str(arguments.data / name / "images" / file))
                assert page is not None
                factor = min(REACH / max(page.shape[:2]), 1)
                page = cv2.resize(page, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
                cv2.imwrite(str(images / file), way(np.asarray(page, np.uint8)), [cv2.IMWRITE_JPEG_QUALITY, 92])
                rows.append(f"{file}\t{truth[file]}\n")
        (images.parent / "gt.tsv").write_text("".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
