"""Rendered text pages and lines, for calibration and parity checks without any data set.

Fonts come with the packages of `requirements.txt`; a seed fixes every page.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT_PACKAGES = ("font_amatic_sc", "font_intuitive", "font_caladea", "font_source_serif_pro")
FONT_STYLES = (
    "AmaticSC-Regular",
    "AmaticSC-Bold",
    "Intuitive",
    "Caladea-Regular",
    "Caladea-Italic",
    "SourceSerifPro-It",
)
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
TEXT = (
    "the of and to a in that it was his He I with as had for she not at but be on they have him which said from all "
    "this we one you were would there been Their out when up who more now Dear Sir, yours truly, received letter "
    "morning yesterday, Monday April 1905 No. 27 $14.50 Mr. Mrs. Street account invoice signed date name address "
    "patient history medication weight 176 lbs. phone (555) 010-4477 quickly zephyr jumping oxen, vexed quiz; "
    "whether (or not) A.M. P.M. 50% + 3/4 = x & co. \"quoted\" it's o'clock étude façade naïve Müller señor garçon"
)
WORDS = TEXT.split()


def fonts() -> list[Path]:
    """Return the font files that pages are rendered with."""
    found: dict[str, Path] = {}
    for package in FONT_PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit(f"Package {package!r} is not installed: pip install -r models/recipes/requirements.txt")
        found |= {path.stem: path for path in Path(spec.submodule_search_locations[0]).glob("files/*.ttf")}
    return [found[style] for style in FONT_STYLES]


class Renderer:
    """Draws pages and lines of random words, as a scanner or phone might see them."""

    def __init__(self, seed: int) -> None:
        """Start a sequence of pages."""
        self.random = np.random.default_rng(seed)
        self.fonts = fonts()

    def page(self, height: int, width: int) -> np.ndarray:
        """Return a page of text lines as a BGR picture."""
        image = self._paper(height, width)
        size = int(self.random.integers(max(12, height // 60), max(18, height // 18)))
        if self.random.random() < 0.4:
            image = self._ruled(image, int(size * 1.6))
        left, top = (int(self.random.integers(5, max(6, side // 8))) for side in (width, height))
        while top + size * 1.6 < height:
            if self.random.random() < 0.9:
                self._draw(image, left, top, width - left // 2, size)
            top += int(size * self.random.uniform(1.4, 2.0))
        return self._photograph(image, self.random.uniform(-2, 2))

    def line(self) -> np.ndarray:
        """Return one cropped text line as a BGR picture."""
        size = int(self.random.integers(18, 56))
        width = int(size * self.random.uniform(4, 22))
        image = self._paper(int(size * self.random.uniform(1.4, 1.9)), width)
        self._draw(image, int(size * 0.2), int(size * self.random.uniform(0, 0.3)), width, size)
        return self._photograph(image, self.random.uniform(-1, 1))

    def _paper(self, height: int, width: int) -> np.ndarray:
        """Return an empty sheet with uneven light and a tint."""
        corners = self.random.uniform(0.75, 1.0, (2, 2)).astype(np.float32)
        light = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
        tint = np.array([1.0, 1.0, 1.0]) - self.random.uniform(0, 0.15) * np.array([1.0, 0.4, 0.0])
        return (255 * self.random.uniform(0.7, 1.0) * light[..., None] * tint).astype(np.uint8)

    def _ruled(self, image: np.ndarray, step: int) -> np.ndarray:
        """Return the sheet with ruled lines."""
        for y in range(step, image.shape[0], step):
            cv2.line(image, (0, y), (image.shape[1], y), (200, 170, 150), 1, cv2.LINE_AA)
        return image

    def _draw(self, image: np.ndarray, left: int, top: int, right: int, size: int) -> None:
        """Draw words from left to right with an uneven base line."""
        font = ImageFont.truetype(str(self.random.choice(self.fonts)), size)
        ink = tuple(int(v) for v in self.random.integers(0, 110, 3))
        canvas = Image.fromarray(image)
        pen = ImageDraw.Draw(canvas)
        while left < right:
            word = str(self.random.choice(WORDS))
            if left + pen.textlength(word, font) > right:
                break
            pen.text((left, top + self.random.uniform(-0.06, 0.06) * size), word, ink, font)
            left += int(pen.textlength(word, font) + size * self.random.uniform(0.2, 0.6))
        image[:] = np.asarray(canvas)

    def _photograph(self, image: np.ndarray, angle: float) -> np.ndarray:
        """Return the picture turned, sheared, warped, blurred, noisy and compressed."""
        height, width = image.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
        turn[0, 1] += self.random.uniform(-0.25, 0.25) * min(1.0, 60 / height)
        image = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        wave = self.random.uniform(0, 1.5) * np.sin(columns / self.random.uniform(12, 60))
        rows = (rows + wave).astype(np.float32)
        image = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        image = cv2.GaussianBlur(image, (0, 0), self.random.uniform(0.2, 1.2))
        noise = self.random.normal(0, self.random.uniform(0, 8), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
        quality = int(self.random.integers(35, 95))
        return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def calibration_pages(count: int, folder: Path | None) -> list[np.ndarray]:
    """Return rendered pages of several shapes and text sizes, and the pictures of a folder at a like size."""
    renderer = Renderer(seed=11)
    shapes = ((960, 736), (736, 960), (1280, 960), (480, 640))
    rendered = [renderer.page(*shapes[i % len(shapes)]) for i in range(count)]
    return [resize(image, 1120) for image in rendered + read_folder(folder)]


def read_folder(folder: Path | None) -> list[np.ndarray]:
    """Return the pictures of a folder and its subfolders as BGR arrays; without a folder, none."""
    if folder is None:
        return []
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    return [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths]


def resize(image: np.ndarray, longest: int) -> np.ndarray:
    """Resize a page so that its longest side is about `longest` and both sides are multiples of 32."""
    scale = longest / max(image.shape[:2])
    height, width = (max(32, round(side * scale / 32) * 32) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
