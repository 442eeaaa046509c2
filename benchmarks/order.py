"""Reading order of raypipe on drawn pages whose order is known: columns, verse, tables, forms and more.

Example: python benchmarks/order.py
Rows of the text are matched by what they say. `edits`: edit distance between the sequences of rows, in percent of
the rows; `tau`: Kendall's tau over the rows that both have.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from raypipe import presets
from raypipe.types import Line

if TYPE_CHECKING:
    from order_pages import Page


def draw(page: Page) -> Image.Image:
    """The page as a picture, in Pillow's own font."""
    placed = [line for row in page for line in row]
    fonts = {line.size: ImageFont.load_default(line.size) for line in placed}
    width = max(line.x + fonts[line.size].getlength(line.text) for line in placed) + 100
    picture = Image.new("RGB", (round(width), round(max(line.y + line.size for line in placed) + 100)), "white")
    pen = ImageDraw.Draw(picture)
    for line in placed:
        pen.text((line.x, line.y), line.text, fill="black", font=fonts[line.size])
    return picture


def match(found: list[str], page: Page) -> list[int]:
    """For each row of the text that was read, the row of the page that it is most like; -1 if it is like none."""
    rows = [" ".join(line.text for line in row) for row in page]
    alike = [[Levenshtein.normalized_similarity(text, row) for row in rows] for text in found]
    return [max(range(len(rows)), key=some.__getitem__) if max(some) > 0.7 else -1 for some in alike]


def tau(order: list[int]) -> float:
    """Kendall's tau of a sequence of numbers against their order."""
    pairs = [(a, b) for n, a in enumerate(order) for b in order[n + 1 :] if a != b]
    return sum(1 if a < b else -1 for a, b in pairs) / len(pairs) if pairs else 1.0


def rows_of(lines: list[Line]) -> list[str]:
    """The rows of the text."""
    numbers = dict.fromkeys(line.row for line in lines)
    return [" ".join(line.text for line in lines if line.row == number) for number in numbers]


def main() -> None:
    """Draw each page, read it, and print a row."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from order_pages import KINDS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default=presets.DETECTOR)
    parser.add_argument("--keep", type=Path, help="folder for the pictures and what was read")
    arguments = parser.parse_args()
    pipeline = presets.standard(arguments.detector, use_gpu=False)
    print("| page | rows | edits | tau |\n| --- | ---: | ---: | ---: |")
    with TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        figures = []
        for name, make in KINDS.items():
            page, path = make(), folder / f"{name}.png"
            draw(page).save(path)
            (read,) = pipeline.run(path)
            order = match(rows_of(read.lines), page)
            path.with_suffix(".txt").write_text(read.text, encoding="utf-8")
            edits = 100 * Levenshtein.distance(order, list(range(len(page)))) / len(page)
            figures.append((edits, tau([n for n in order if n >= 0])))
            print(f"| {name} | {len(page)} | {edits:.1f} | {figures[-1][1]:.2f} |", flush=True)
    mean_edits, mean_tau = (sum(values) / len(values) for values in zip(*figures, strict=True))
    print(f"| mean | | {mean_edits:.1f} | {mean_tau:.2f} |")


if __name__ == "__main__":
    main()
