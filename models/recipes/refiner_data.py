"""What the refiner is trained on: CRAFT's maps of pages, float16 (34, h, w), with their line maps, uint8 (h, w).

CRAFT is frozen, so that its maps are computed once and kept as files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import common
import craft
import cv2
import line_pages
import numpy as np
import onnx
import pages
import real_pages
import torch
from torch import Tensor

SHAPES = ((512, 640), (640, 512), (576, 576), (448, 736))
"""Heights and widths of rendered pages, in pixels of CRAFT's input."""
CROP = 224
"""Side of a training crop, in pixels of CRAFT's maps."""
BATCH = 4
UNKNOWN = 128
"""Value of a line map where nothing is to be learned; 0 is no line and 255 is a line."""
UNSEEN = 0.15
"""A line whose mean region score is below this was not seen by CRAFT, and the refiner cannot find it."""


class Frozen:
    """CRAFT, as int8: what the refiner sees when it runs."""

    def __init__(self, folder: Path) -> None:
        """Open the model of a folder."""
        self.session = common.session(onnx.load(folder / craft.FILES[1]))

    def maps(self, image: np.ndarray) -> np.ndarray:
        """Return the scores and features (34, h / 2, w / 2) of a BGR picture."""
        found = self.session.run(["scores", "features"], {"image": craft.tensor(image)})
        return np.concatenate([part[0] for part in found])


def halved(lines: np.ndarray) -> np.ndarray:
    """Return a line map at the resolution of CRAFT's maps."""
    height, width = lines.shape
    small = cv2.resize(lines, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.where(small > 127, 255, 0).astype(np.uint8)


def without_unseen(lines: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Return a line map whose lines that CRAFT did not see are unknown."""
    count, labels = cv2.connectedComponents(lines, connectivity=8)
    near = cv2.dilate(text.astype(np.float32), np.ones((3, 3), np.uint8))
    unseen = np.bincount(labels.ravel(), near.ravel() - UNSEEN, count) < 0
    unseen[0] = False
    return np.where(unseen[labels], UNKNOWN, lines).astype(np.uint8)


def save(path: Path, maps: np.ndarray, lines: np.ndarray) -> None:
    """Write one page; a file is there in full or not at all."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, maps=maps.astype(np.float16), lines=lines)
    unfinished.rename(path)


def package_fonts() -> tuple[list[Path], list[Path]]:
    """Return the printed and handwritten fonts of the recipes' packages: few, and enough to validate with."""
    found = pages.fonts()
    handwritten = [path for path in found if path.stem.startswith(("Amatic", "Intuitive"))]
    return [path for path in found if path not in handwritten], handwritten


def render(folder: Path, frozen: Frozen, renderer: line_pages.LinePages, count: int, seed: int) -> None:
    """Fill a folder with rendered pages; each has its own seed, so that those that are there can stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = folder / f"{number:05}.npz"
        if path.exists():
            continue
        image, lines = renderer.page((seed, number), *SHAPES[number % len(SHAPES)])
        maps = frozen.maps(image)
        save(path, maps, without_unseen(halved(lines), maps[0]))


def photograph(folder: Path, frozen: Frozen, data: Path, count: int) -> None:
    """Fill a folder with crops of the real pages that may train weights."""
    folder.mkdir(parents=True, exist_ok=True)
    if all((folder / f"{number:05}.npz").exists() for number in range(count)):
        return
    found = real_pages.training_pages(data)
    for number in range(count):
        path = folder / f"{number:05}.npz"
        if path.exists():
            continue
        random = np.random.default_rng((3, number))
        image, lines = real_pages.crop(found[number % len(found)], random, SHAPES[number % len(SHAPES)])
        maps = frozen.maps(image)
        save(path, maps, real_pages.line_map(lines, maps[0]))


class Crops:
    """Random crops of the pages of some folders, in batches of maps (n, 34, CROP, CROP) and lines (n, CROP, CROP)."""

    def __init__(self, folders: Sequence[tuple[Path, float]], seed: int) -> None:
        """List the pages; each folder is drawn from with its share."""
        self.files = [(sorted(folder.glob("*.npz")), share) for folder, share in folders]
        self.files = [(files, share) for files, share in self.files if files]
        self.random = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Give batches without end."""
        while True:
            crops = [self._one() for _ in range(BATCH)]
            yield torch.from_numpy(np.stack([m for m, _ in crops])), torch.from_numpy(np.stack([n for _, n in crops]))

    def _one(self) -> tuple[np.ndarray, np.ndarray]:
        shares = np.array([share for _, share in self.files])
        files = self.files[self.random.choice(len(self.files), p=shares / shares.sum())][0]
        with np.load(files[int(self.random.integers(len(files)))]) as page:
            maps, lines = page["maps"], page["lines"]
        y, x = (int(self.random.integers(0, side - CROP + 1)) for side in lines.shape)
        part = maps[:, y : y + CROP, x : x + CROP].astype(np.float32)
        target = lines[y : y + CROP, x : x + CROP]
        if self.random.random() < 0.5:
            part, target = part[..., ::-1], target[..., ::-1]
        part = part * self.random.normal(1, 0.02, (34, 1, 1)).astype(np.float32)
        return np.ascontiguousarray(part), np.ascontiguousarray(target)
