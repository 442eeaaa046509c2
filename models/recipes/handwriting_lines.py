"""Rendered lines of handwriting and print as a scanner or a phone might see them: recipe data, endless and seeded.

What fonts lack of a hand is put in: uneven base lines and spaces, slant, warped and thick or thin strokes, faded ink,
neighbouring lines that reach into the crop, ruled paper, shadows, blur, noise, compression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import fonts
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from texts import Texts

HEIGHT = 48
FONT_SIZE = 44
FORMS = 0.25
"""Share of forms among handwritten lines."""
MARGIN = 40
"""Pixels around the drawn text, so that warping and neighbours have room."""


@dataclass(frozen=True)
class Piece:
    """A word to draw: its font, and what a form draws with it that is not to be read: a rule below, a box before."""

    text: str
    path: Path
    ruled: bool = False
    boxed: bool = False


class LineRenderer:
    """Draws lines.

    Args:
        paths: Fonts to choose from.
        seed: Fixes every line.
        rough: How badly written and scanned lines are, 1 for handwriting, less for print.
        labels: Fonts of print; with them some lines are fields of forms, filled in by hand.
    """

    def __init__(self, paths: Sequence[Path], seed: int, rough: float, labels: Sequence[Path] = ()) -> None:
        """Start a sequence of lines."""
        self._labels = list(labels)
        self._random = np.random.default_rng(seed)
        self._texts = Texts(self._random)
        self._paths, self._rough = list(paths), rough
        self._fonts: dict[tuple[Path, int], ImageFont.FreeTypeFont] = {}

    def line(self) -> tuple[np.ndarray, str]:
        """Return a picture (48, w, 3), BGR, and what stands in it."""
        path = self._choose(self._paths)
        pieces = self._form(path) if self._labels and self._random.random() < FORMS else self._written(path)
        ink = self._draw(pieces)
        if self._random.random() < 0.35 * self._rough:
            ink = self._add_neighbour(ink, path)
        ink = self._pen(self._warp(ink))
        return self._photograph(self._crop(ink)), " ".join(piece.text for piece in pieces)

    def _choose(self, paths: Sequence[Path]) -> Path:
        return paths[int(self._random.integers(len(paths)))]

    def _written(self, path: Path) -> list[Piece]:
        """Return the words of a line in one font."""
        text = self._texts.line()
        if self._random.random() < 0.07:
            text = text.upper()
        return _pieces(text, path) or _pieces("the", path)

    def _form(self, path: Path) -> list[Piece]:
        """Return fields of a form: labels in print, values by hand above a rule, boxes to tick."""
        random = self._random
        label_font, ruled = self._choose(self._labels), bool(random.random() < 0.7)
        pieces: list[Piece] = []
        for _ in range(random.integers(1, 4)):
            label, value = self._texts.field()
            pieces += _pieces(label, label_font)
            if random.random() < 0.25:
                answers = [["Yes", "No"], ["yes", "no"], ["Male", "Female"], ["Single", "Married"]]
                pieces += [Piece(word, label_font, boxed=True) for word in answers[random.integers(len(answers))]]
            else:
                value = value.upper() if random.random() < 0.25 else value
                pieces += [replace(piece, ruled=ruled) for piece in _pieces(value, path)]
        return pieces

    def _draw(self, pieces: Sequence[Piece]) -> np.ndarray:
        """Return the coverage (h, w) of words with MARGIN around them, with an uneven base line."""
        random, rough = self._random, self._rough
        size = int(FONT_SIZE * random.uniform(0.85, 1.2))
        space = size * random.uniform(0.18, 0.6)
        drift = random.uniform(-0.012, 0.012) * rough
        widths = [self._font(piece.path, size).getlength(piece.text) for piece in pieces]
        total = int(sum(widths) + size * 2.2 * len(pieces)) + 2 * MARGIN + size
        canvas = Image.new("L", (total, 2 * size + 2 * MARGIN))
        pen = ImageDraw.Draw(canvas)
        left, middle = float(MARGIN + size * 0.3), MARGIN + size
        for piece, width in zip(pieces, widths, strict=True):
            font = self._font(piece.path, size)
            if random.random() < 0.3 * rough:
                font = self._font(piece.path, int(size * random.uniform(0.88, 1.12)))
            if piece.boxed:
                left += self._tick(pen, left, middle, size) + space * 0.5
            if piece.ruled:
                below = middle + int(size * random.uniform(0.04, 0.1))
                pen.line((left - space, below, left + width + space, below), 220, int(random.integers(1, 3)))
            rise = drift * left + random.normal(0, 0.03) * size * rough
            pen.text((left, middle + rise), piece.text, int(255 * random.uniform(0.75, 1)), font, anchor="ls")
            left += width + space * (1 + random.normal(0, 0.25) * rough)
        return np.asarray(canvas)[:, : int(left - space + size * 0.5) + MARGIN]

    def _tick(self, pen: ImageDraw.ImageDraw, left: float, base: float, size: int) -> float:
        """Draw a box that may be ticked, and return its width."""
        side = size * self._random.uniform(0.45, 0.75)
        box = (left, base - side, left + side, base)
        pen.rectangle(box, outline=220, width=int(self._random.integers(1, 4)))
        chance = self._random.random()
        if chance < 0.5:
            pen.line((left, base - side, left + side, base), 230, 3)
        if chance < 0.3:
            pen.line((left, base, left + side * 1.2, base - side * 1.3), 230, 3)
        return side

    def _font(self, path: Path, size: int) -> ImageFont.FreeTypeFont:
        key = (path, size)
        if key not in self._fonts:
            self._fonts[key] = ImageFont.truetype(str(path), size)
        return self._fonts[key]

    def _add_neighbour(self, ink: np.ndarray, path: Path) -> np.ndarray:
        """Return the line with another one above or below that reaches into it."""
        other = self._draw(self._written(path))
        other = other[:, : ink.shape[1]]
        shift = int(FONT_SIZE * self._random.uniform(1.05, 1.7)) * int(self._random.choice([-1, 1]))
        height = min(ink.shape[0], other.shape[0])
        moved = np.zeros_like(ink)
        source = other[max(0, -shift) : height - max(0, shift)]
        moved[max(0, shift) : max(0, shift) + len(source), : other.shape[1]] = source
        return np.maximum(ink, moved)

    def _warp(self, ink: np.ndarray) -> np.ndarray:
        """Return the ink slanted, stretched, and moved by a smooth random field."""
        random, rough = self._random, self._rough
        height, width = ink.shape
        slant = random.normal(0, 0.22) * rough
        stretch = random.uniform(0.72, 1.3) if rough == 1 else random.uniform(0.85, 1.15)
        turn = np.float32([[stretch, slant, -slant * height / 2 + 8], [random.normal(0, 0.006), 1, 0]])
        new_width = max(int(width * stretch + abs(slant) * height / 2 + 16), 24)
        ink = cv2.warpAffine(ink, turn, (new_width, height))
        step = int(random.integers(10, 40))
        strength = random.uniform(0, 2.6) * rough
        field = random.normal(0, strength, (2, height // step + 2, new_width // step + 2)).astype(np.float32)
        dx, dy = (cv2.resize(part, (new_width, height), interpolation=cv2.INTER_CUBIC) for part in field)
        y, x = np.indices(ink.shape, np.float32)
        return cv2.remap(ink, x + dx, y + dy, cv2.INTER_LINEAR)

    def _pen(self, ink: np.ndarray) -> np.ndarray:
        """Return the coverage in 0 to 1 of a thicker, thinner, or broken pen."""
        random = self._random
        chance = random.random()
        if chance < 0.25:
            ink = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
        elif chance < 0.4:
            ink = cv2.erode(ink, np.ones((2, 2), np.uint8))
        coverage = ink.astype(np.float32) / 255
        coverage = cv2.GaussianBlur(coverage, (0, 0), random.uniform(0.3, 1.1)) ** random.uniform(0.6, 1.4)
        if random.random() < 0.5 * self._rough:
            cells = random.uniform(0.6, 1.15, (3, max(coverage.shape[1] // 40, 2))).astype(np.float32)
            coverage *= np.clip(cv2.resize(cells, coverage.shape[::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
        return coverage

    def _crop(self, ink: np.ndarray) -> np.ndarray:
        """Return the line cut out as a detector would, with room or none."""
        random = self._random
        size = FONT_SIZE
        rows = np.flatnonzero(ink[MARGIN // 2 : -MARGIN // 2].max(1) > 0.25) + MARGIN // 2
        columns = np.flatnonzero(ink.max(0) > 0.25)
        if not len(rows) or not len(columns):
            return ink
        reach = (MARGIN + size * 0.1, MARGIN + size * 1.4)
        top = max(int(max(rows[0], reach[0]) - random.normal(0.06, 0.09) * size), 0)
        bottom = int(min(rows[-1], reach[1]) + random.normal(0.06, 0.09) * size) + 1
        left = max(int(columns[0] - random.uniform(-0.03, 0.5) * size), 0)
        right = int(columns[-1] + random.uniform(-0.03, 0.5) * size) + 1
        return ink[top : max(bottom, top + size // 2), left : max(right, left + 8)]

    def _photograph(self, ink: np.ndarray) -> np.ndarray:
        """Return the ink on paper as a picture 48 pixels high."""
        random = self._random
        seen = int(random.choice([20, 26, 32, 40, 48, 64], p=[0.03, 0.09, 0.2, 0.27, 0.26, 0.15]))
        width = max(round(ink.shape[1] * seen / ink.shape[0]), 6)
        ink = cv2.resize(ink, (width, seen), interpolation=cv2.INTER_AREA)
        paper = self._paper(seen, width)
        colour = np.array([random.uniform(0, 110), random.uniform(0, 80), random.uniform(0, 80)], np.float32)
        strength = random.uniform(0.65, 1)
        image = paper + (ink * strength)[..., None] * (colour - paper)
        if random.random() < 0.5:
            image = cv2.GaussianBlur(image, (0, 0), random.uniform(0.3, 1.0) * seen / 48)
        image += random.normal(0, random.uniform(0, 9), image.shape[:2]).astype(np.float32)[..., None]
        image = np.clip(image, 0, 255).astype(np.uint8)
        if random.random() < 0.08:
            image = 255 - image
        quality = int(random.integers(25, 95))
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
        return to_height(image)

    def _paper(self, height: int, width: int) -> np.ndarray:
        """Return paper (h, w, 3), float32, with light that changes, stains and perhaps ruled lines."""
        random = self._random
        cells = random.uniform(0.8, 1, (2, max(width // 120, 2))).astype(np.float32)
        light = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR) * random.uniform(150, 255)
        paper = light[..., None] * (1 - random.uniform(0, 0.3) * np.array([1.0, 0.4, 0.1], np.float32))
        kind = random.random()
        if kind < 0.3:
            y, dark = random.uniform(0.6, 1), random.uniform(0.6, 0.9)
            end = int((y + random.normal(0, 0.03)) * height)
            cv2.line(paper, (0, int(y * height)), (width, end), _shade(paper, dark))
        if kind < 0.06:
            for x in range(int(random.integers(4, 20)), width, max(int(height * random.uniform(0.3, 0.6)), 4)):
                cv2.line(paper, (x, 0), (x, height), _shade(paper, 0.85))
        return paper


def _pieces(text: str, path: Path) -> list[Piece]:
    """Return the words of a text that a font can draw."""
    known = fonts.characters(path)
    text = text.upper() if fonts.has_capitals_only(path) else text
    words = ("".join(c for c in word if c in known) for word in text.split())
    return [Piece(word, path) for word in words if word]


def _shade(paper: np.ndarray, share: float) -> tuple[float, ...]:
    return tuple(float(v) * share for v in paper.mean((0, 1)))


def to_height(image: np.ndarray) -> np.ndarray:
    """Return a picture scaled to 48 pixels of height."""
    width = max(round(image.shape[1] * HEIGHT / image.shape[0]), 8)
    shrinks = image.shape[0] > HEIGHT
    return cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def roughen(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a real line as another hand, pen or camera might have made it: slant, width, warp, crop, light, blur."""
    height, width = image.shape[:2]
    slant = random.normal(0, 0.18)
    stretch = random.uniform(0.75, 1.3)
    scale = random.uniform(0.88, 1.12)
    turn = np.float32(
        [
            [stretch, slant, -slant * height / 2 + random.uniform(0, 6)],
            [random.normal(0, 0.004), scale, (1 - scale) * height / 2 + random.normal(0, 0.05) * height],
        ]
    )
    new_width = max(int(width * stretch + 8), 16)
    image = cv2.warpAffine(image, turn, (new_width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    step = int(random.integers(12, 36))
    strength = random.uniform(0, 1.8) * height / 48
    field = random.normal(0, strength, (2, height // step + 2, new_width // step + 2)).astype(np.float32)
    dx, dy = (cv2.resize(part, (new_width, height), interpolation=cv2.INTER_CUBIC) for part in field)
    y, x = np.indices((height, new_width), np.float32)
    image = cv2.remap(image, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    chance = random.random()
    if chance < 0.15:
        image = cv2.erode(image, np.ones((2, 2), np.uint8))
    elif chance < 0.3:
        image = cv2.dilate(image, np.ones((2, 2), np.uint8))
    elif chance < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), random.uniform(0.4, 1.1))
    pixels = image.astype(np.float32)
    middle = pixels.mean()
    pixels = (pixels - middle) * random.uniform(0.6, 1.3) + middle + random.normal(0, 18)
    if random.random() < 0.3:
        pixels = np.repeat(pixels.mean(2, keepdims=True), 3, 2)
    pixels += random.normal(0, random.uniform(0, 6), pixels.shape[:2])[..., None]
    return np.clip(pixels, 0, 255).astype(np.uint8)
