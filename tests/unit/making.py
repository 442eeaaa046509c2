"""What the unit tests make: pictures, encoded files, boxes and stand-ins for a network."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from raypipe.images.image import BGR, GRAY, Image
from raypipe.metrics import Metrics
from raypipe.run.runner import carry_out
from raypipe.stages.base import Stage, Worker
from raypipe.types import Line, PageRecord, Region, Row, Word, place_of
from raypipe.zoo.manifest import Input

Boxes = npt.NDArray[np.float32]

MIDDLE = Input(channels="BGR", mean=(127.5,) * 3, deviation=(127.5,) * 3, multiple=32, height=48)
"""What PP-OCR's networks take: values from -1 to 1."""


def boxes(*rows: Sequence[float]) -> Boxes:
    """Rotated boxes (n, 5)."""
    return np.array(rows, np.float32).reshape(-1, 5)


def rotated(some: Boxes, degrees: float, centre: tuple[float, float] = (500, 500)) -> Boxes:
    """The boxes of a page that was turned about a point, clockwise on the screen."""
    radians = np.deg2rad(degrees)
    x, y = some[:, 0] - centre[0], some[:, 1] - centre[1]
    result = some.copy()
    result[:, 0] = centre[0] + x * np.cos(radians) - y * np.sin(radians)
    result[:, 1] = centre[1] + x * np.sin(radians) + y * np.cos(radians)
    result[:, 4] += degrees
    return result


def encoded(pixels: npt.NDArray[Any] | PillowImage.Image, kind: str, **options: Any) -> bytes:
    """A picture as a file of a format."""
    picture = pixels if isinstance(pixels, PillowImage.Image) else PillowImage.fromarray(pixels)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def image_of(pixels: npt.NDArray[np.uint8], scale: int = 1) -> Image:
    """A decoded page; `scale` is how much larger its full resolution is."""
    height, width = pixels.shape[:2]
    mode = BGR if pixels.ndim == 3 else GRAY
    return Image(
        origin="page",
        page=0,
        width=width * scale,
        height=height * scale,
        mode=mode,
        resolution=0,
        reduction=scale,
        data=b"",
        in_memory=True,
        cached=pixels,
    )


def white(height: int, width: int) -> npt.NDArray[np.uint8]:
    """An empty page, BGR."""
    return np.full((height, width, 3), 255, np.uint8)


PICTURE = np.full((20, 30, 3), (10, 200, 30), np.uint8)
"""A small green picture."""


def blobs(
    shape: tuple[int, int], centres: list[tuple[float, float]], peak: float = 1, sigma: float = 4
) -> npt.NDArray[np.float32]:
    """A map of Gaussians, as the network draws characters."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    found = np.zeros(shape, np.float32)
    for cx, cy in centres:
        found = np.maximum(found, peak * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2)))
    return found


def word(start: tuple[float, float], count: int, pitch: float, angle: float = 0) -> list[tuple[float, float]]:
    """Centres of characters in a row, `angle` degrees clockwise on the screen."""
    step = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))]) * pitch
    return [tuple(np.array(start) + n * step) for n in range(count)]


def between(centres: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where a network sees the affinity of neighbours."""
    return [tuple(np.mean(pair, 0)) for pair in zip(centres, centres[1:], strict=False)]


class FakeSession:
    """Stands in for a network: a function from its input to its one output; keeps what it was given.

    Where several outputs are asked for, the function gives a dictionary.
    """

    def __init__(self, function: Callable[[Any], Any], metadata: Any = None) -> None:
        self.function = function
        self.metrics = Metrics()
        self.values = metadata
        self.inputs: list[Any] = []

    def run(self, tensor: Any, outputs: Any = None) -> list[Any]:
        self.inputs.append(tensor)
        found = self.function(tensor)
        return [found[name] for name in outputs] if isinstance(found, dict) else [found]

    def metadata(self, key: str) -> Any:
        return self.values[key]


def a_word(text: str, confidence: float, *box: float) -> Word:
    """A word in a rotated box: x and y of its centre, width, height, angle."""
    return Word(text=text, confidence=confidence, **place_of(box))


def a_line(text: str, confidence: float, *box: float, row: int = 0, words: Sequence[Word] = ()) -> Line:
    """A line in a rotated box."""
    return Line(text=text, confidence=confidence, row=row, words=list(words), **place_of(box))


def a_region(*box: float, rotated: bool = True, **others: Any) -> Region:
    """A detected region in a rotated box, or in an upright one that begins with its top left corner."""
    return Region(rotated=rotated, **others, **place_of(box))


def tiff(pages: int) -> bytes:
    """A document with so many pages, each a little brighter than the one before."""
    first, *rest = [PillowImage.new("L", (40, 30), grey) for grey in range(1, pages + 1)]
    return encoded(first, "TIFF", save_all=True, append_images=rest)


def line(text: str, x: float, y: float, row: int, width: float | None = None, angle: float = 0) -> Line:
    """A line that begins at x; a character is 10 pixels wide unless told otherwise."""
    width = 10 * len(text) if width is None else width
    box = x + width / 2, y, width, 20, angle
    return a_line(text, 0.5, *box, row=row, words=[a_word(text, 0.875, *box)] if text else [])


FORM = [line("Name:", 100, 50, 0), line("Ada", 300, 52, 0), line("Born:", 100, 80, 1), line("1815", 300, 80, 1)]
"""The lines of a form: two rows of two."""


def finished(path: str = "a.png", number: int = 0, total: int = 1, **more: Any) -> PageRecord:
    """A page whose text is its path and number."""
    row = {"path": path, "name": path, "pagenum": number, "total_pages": total, "text": f"{path} {number}"}
    return PageRecord({**row, "exception": None, "lines": [], "confidence": [], **more})


def worker(kind: type[Worker[Any]], spec: Stage) -> Worker[Any]:
    """A worker of a stage."""
    return kind(spec, 1, Metrics())


def carried_out(worker: Worker[Any], rows: list[Row]) -> list[Row]:
    """What a worker makes of rows, its columns added and dropped as its step says."""
    carry_out(next(step for step in worker.spec.steps() if step.worker is type(worker)), worker, rows)
    return rows


def installed(folder: Path, package: str, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Makes a folder of `sys.path` hold an installed package with entry points: group, name, `module:object`."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    lines = [
        line for group, points in groups.items() for line in (f"[{group}]", *(f"{a} = {b}" for a, b in points.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
