"""Recall and precision of word boxes: on drawn forms, of which each word's ink is known, and on sets with boxes.

Example: python benchmarks/word_boxes.py --data DATA

A set is a folder with images/ and boxes.jsonl, whose lines have words with upright boxes. A box is found if another of
the other side has an intersection over union of at least the threshold with it; each counts once. Boxes that people
draw around words have a little paper around the ink: `--margin` adds some to those of the drawn forms.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from raypipe import presets
from raypipe.geometry import bounds
from raypipe.types import PageRecord

SIZE = 760, 1000
"""Forms of a bulk scan: about 90 dots to an inch."""
TEXT = (
    "Name: Company Address: Date of Birth: No. 12/05/89 $1,250.00 Total (if any): R&D Smith, John A. 4-17 the and to "
    "Project manager: Suggestion: FAX: (212) 555-0147 Brand Y/N Qty. per page: 3 of 7 I Approved by: gypsum Region - "
    "Department: LEGAL SIGNATURE Account #: 0041883 Supervisor's copy: 85% Yes No Type: typed quarterly in a at"
)
Boxes = np.ndarray


class Form:
    """A form that is being drawn, with the box of each word's ink."""

    def __init__(self, seed: int, fonts: Sequence[Path]) -> None:
        self.random = np.random.default_rng(seed)
        self.picture = Image.new("L", SIZE, 250)
        self.pen = ImageDraw.Draw(self.picture)
        self.boxes: list[tuple[float, float, float, float]] = []
        self.file = fonts[seed % len(fonts)] if fonts else None

    def write(self, x: float, y: float, count: int, size: float, limit: float) -> float:
        """Writes words from a place on, as far as they fit; where the last one ends."""
        font = ImageFont.truetype(str(self.file), size) if self.file else ImageFont.load_default(size)
        for word in self.random.choice(TEXT.split(), count):
            left, top, right, bottom = self.pen.textbbox((x, y), word, font, anchor="ls")
            if right > limit:
                break
            self.pen.text((x, y), word, 20, font, anchor="ls")
            self.boxes.append((left, top, right, bottom))
            x += font.getlength(f"{word} ")
        return x

    def rule(self, x: float, y: float, right: float, bottom: float) -> None:
        """A ruling of the form."""
        self.pen.line((x, y, right, bottom), 60, int(self.random.integers(1, 3)))

    def fields(self, y: float, size: float) -> float:
        """Two labels with values on a ruling."""
        for x, right in ((50, 370), (400, 710)):
            start = self.write(x, y, 2, size, right)
            self.rule(start, y + size * self.random.uniform(0.15, 0.4), right, y + size * 0.3)
            self.write(start + 12, y, 3, size, right)
        return y + 2.1 * size

    def table(self, y: float, size: float) -> float:
        """Rows of cells."""
        edges = np.linspace(50, 710, int(self.random.integers(3, 6)))
        rows, height = int(self.random.integers(2, 5)), size * self.random.uniform(1.5, 2)
        for n in range(rows + 1):
            self.rule(50, y + n * height, 710, y + n * height)
        for left, right in zip(edges, [*edges[1:], 0], strict=True):
            self.rule(left, y, left, y + rows * height)
            for n in range(rows if right else 0):
                self.write(left + 5, y + n * height + 1.1 * size, 3, size, right - 3)
        return y + rows * height + 2 * size

    def paragraph(self, y: float, size: float) -> float:
        """Lines of text."""
        for _ in range(int(self.random.integers(2, 5))):
            self.write(50, y, 30, size, 710)
            y += 1.25 * size
        return y + size

    def ticks(self, y: float, size: float) -> float:
        """Boxes to tick, and dots up to a number."""
        x = 50.0
        for _ in range(3):
            self.pen.rectangle((x, y - size * 0.8, x + size * 0.8, y), outline=60)
            x = self.write(x + size * 1.2, y, 1, size, 400) + 15
        for dot in range(int(x) + 20, 640, 5):
            self.pen.point((dot, y), 30)
        self.write(650, y, 1, size, 720)
        return y + 2 * size

    def title(self, y: float, size: float) -> float:
        """A line of large print."""
        self.write(self.random.uniform(60, 300), y + size, 4, 1.8 * size, 720)
        return y + 3 * size

    def scanned(self) -> bytes:
        """The picture as a scanner or a fax machine gives it, as JPEG."""
        pixels = cv2.GaussianBlur(np.asarray(self.picture, np.float32), (0, 0), self.random.uniform(0.4, 0.8))
        pixels += self.random.normal(0, self.random.uniform(2, 12), pixels.shape)
        if self.random.random() < 0.4:
            pixels = np.where(pixels < 165, 10, 250)
        return cv2.imencode(".jpg", pixels.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes()


def form(seed: int, fonts: Sequence[Path]) -> tuple[bytes, Boxes]:
    """A form as JPEG, and left, top, right, bottom of its words, (n, 4)."""
    drawn, y = Form(seed, fonts), 60.0
    while y < SIZE[1] - 130:
        parts = (drawn.fields, drawn.table, drawn.paragraph, drawn.ticks, drawn.title)
        y = parts[drawn.random.integers(len(parts))](y, drawn.random.uniform(11, 16))
    return drawn.scanned(), np.array(drawn.boxes)


def words_of(page: PageRecord) -> Boxes:
    """The upright boxes around the words that were read."""
    found = [(w.x, w.y, w.width, w.height, w.angle) for line in page.lines for w in line.words]
    return bounds(np.array(found, np.float32).reshape(-1, 5))


def overlaps(one: Boxes, other: Boxes) -> np.ndarray:
    """Intersection over union of boxes (n, 4) and (m, 4)."""
    low, high = np.maximum(one[:, None, :2], other[None, :, :2]), np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), 2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], 1) for boxes in (one, other)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9)


def matches(truth: Boxes, found: Boxes) -> np.ndarray:
    """The overlaps of pairs of boxes, the best first, each box in one pair."""
    table, kept = overlaps(truth, found), []
    for place in np.argsort(-table, axis=None, kind="stable"):
        n, m = np.unravel_index(place, table.shape)
        if table[n, m] <= 0:
            break
        kept.append(table[n, m])
        table[n], table[:, m] = 0, 0
    return np.array(kept)


def labelled(folder: Path) -> Iterator[tuple[bytes, Boxes]]:
    """The pages of a set and the boxes of their words."""
    for row in (folder / "boxes.jsonl").read_text(encoding="utf-8").splitlines():
        page = json.loads(row)
        boxes = [word["bbox"] for line in page["lines"] for word in line.get("words", ())]
        if boxes:
            yield (folder / "images" / page["file"]).read_bytes(), np.array(boxes, float)


def report(name: str, pages: Sequence[tuple[bytes, Boxes]], margin: float) -> None:
    """Reads pages and prints a row."""
    found = [words_of(page) for page in presets.standard(use_gpu=False).run([data for data, _ in pages])]
    truth = [boxes + np.array([-margin, -margin, margin, margin]) for _, boxes in pages]
    shares = np.concatenate([matches(*pair) for pair in zip(truth, found, strict=True)])
    cells = [
        f"{(shares >= at).sum() / sum(map(len, truth)):.3f} / {(shares >= at).sum() / sum(map(len, found)):.3f}"
        for at in (0.3, 0.5, 0.7)
    ]
    print(f"| {name} | {len(pages)} | {' | '.join(cells)} | {np.median(shares):.2f} |", flush=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of sets")
    parser.add_argument("--forms", type=int, default=12, help="how many forms to draw")
    parser.add_argument("--fonts", type=Path, nargs="*", default=[], help="fonts of the forms; none: Pillow's own")
    parser.add_argument("--margin", type=float, default=1, help="pixels of paper around the ink of drawn words")
    given = parser.parse_args()
    print("| pages | | recall / precision at 0.3 | at 0.5 | at 0.7 | median |\n| --- | ---: | --- | --- | --- | ---: |")
    report("drawn forms", [form(seed, given.fonts) for seed in range(given.forms)], given.margin)
    for folder in sorted(given.data.iterdir()) if given.data else ():
        pages = list(labelled(folder)) if (folder / "boxes.jsonl").exists() else []
        if pages:
            report(folder.name, pages, 0)


if __name__ == "__main__":
    main()
