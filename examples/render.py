"""Renders the example pages and their transcripts from `texts.txt`, the same pixels on every run.

Run `python examples/render.py --output examples`. It needs numpy, Pillow, OpenCV, and npm to fetch the fonts.
Marks in `texts.txt`: `== FILE` starts a page, `>` indents by half of the width, `*` is bold, `|` parts the labels and
values of a form, `---` ends a column. Long lines are wrapped.
"""

from __future__ import annotations

import argparse
import functools
import io
import subprocess
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT_VERSION = "5.3.0"
Array = np.ndarray
Box = tuple[float, float, float]
Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont
Page = tuple[Image.Image, list[str]]
Rng = np.random.Generator


class Sheet(NamedTuple):
    """How a page looks; lengths are in pixels, colours in RGB."""

    font: str
    size: int
    leading: int
    page: tuple[int, int]
    paper: Colour
    ink: Colour
    tilt: float
    margin: int = 130
    perspective: float = 0.0
    ruled: bool = False


class Line(NamedTuple):
    """A line of text and where its baseline starts."""

    text: str
    x: float
    y: float
    font: Font


SHEETS = {
    "letter_1.jpg": Sheet("homemade-apple", 34, 84, (1400, 1820), (244, 235, 212), (38, 42, 84), -1.2),
    "letter_2.jpg": Sheet("la-belle-aurore", 50, 82, (1360, 1800), (226, 232, 236), (34, 30, 34), 0.8, 130, 0.02),
    "note.jpg": Sheet("reenie-beanie", 66, 74, (1150, 1000), (247, 244, 232), (25, 45, 120), 1.6, 150, 0.015, True),
    "rotated.jpg": Sheet("nothing-you-could-do", 42, 84, (1250, 1600), (244, 236, 220), (60, 58, 62), -0.7, 110),
    "form.jpg": Sheet("caveat", 54, 104, (1360, 1700), (250, 249, 244), (22, 40, 110), 0.5, 110),
    "printed_report.png": Sheet("dejavu-serif", 23, 38, (1360, 1920), (255, 255, 255), (0, 0, 0), 0.4, 105),
    "minutes.tif": Sheet("courier-prime", 33, 58, (1360, 1920), (255, 255, 255), (0, 0, 0), 0.4),
}


@functools.cache
def font_file(name: str, weight: int) -> bytes:
    """A font out of the npm package `@fontsource/NAME`."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"@fontsource/{name}@{FONT_VERSION}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as files:
            files.extractall(folder, filter="data")
        return Path(folder, "package", "files", f"{name}-latin-{weight}-normal.woff").read_bytes()


def font(name: str, size: float, weight: int = 400) -> Font:
    """A font at a size in pixels."""
    return ImageFont.truetype(io.BytesIO(font_file(name, weight)), size)


def typeset(source: list[str], regular: Font, bold: Font, box: Box, leading: float) -> list[Line]:
    """Wraps lines into a box (left, first baseline, width); an empty line is half a line of space."""
    left, y, width = box
    lines: list[Line] = []
    for entry in source:
        text, face = entry.lstrip(">*"), bold if entry.startswith("*") else regular
        x = left + (width / 2 if entry.startswith(">") else 0) + face.getlength(" ") * (len(text) - len(text.lstrip()))
        words = text.strip().split(" ") if text else []
        y += 0 if words else leading / 2
        while words:
            count = len(words)
            while count > 1 and x + face.getlength(" ".join(words[:count])) > left + width:
                count -= 1
            lines.append(Line(" ".join(words[:count]), x, y, face))
            words, x, y = words[count:], left, y + leading
    return lines


def noise(size: tuple[int, int], wavelength: float, rng: Rng) -> Array:
    """Smooth noise, between about -1 and 1, that changes over `wavelength` pixels."""
    shape = int(size[1] / wavelength) + 4, int(size[0] / wavelength) + 4
    return cv2.resize(rng.uniform(-1, 1, shape).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)


def by_hand(size: tuple[int, int], lines: list[Line], rng: Rng) -> Array:
    """Coverage (0 to 1) of a pen: words drift, tilt and vary in size, strokes wobble and fade."""
    ink = Image.new("L", size)
    for line in lines:
        x, drift = line.x + rng.normal(0, 5), rng.normal(0, 2)
        for word in line.text.split():
            face = line.font.font_variant(size=line.font.size * rng.uniform(0.96, 1.04))
            pad, length = round(face.size), round(face.getlength(word))
            stamp = Image.new("L", (length + 2 * pad, 4 * pad))
            ImageDraw.Draw(stamp).text((pad, 2 * pad), word, fill=255, font=face, anchor="ls")
            stamp = stamp.rotate(rng.normal(0, 0.8), Image.Resampling.BICUBIC, center=(pad, 2 * pad))
            ink.paste(255, (round(x) - pad, round(line.y + drift) - 2 * pad), stamp)
            x += length + line.font.getlength(" ") * rng.uniform(0.9, 1.35)
            drift = 0.85 * drift + rng.normal(0, 1.6)
    rows, columns = np.indices(size[::-1], dtype=np.float32)
    rows += 6 * noise(size, 420, rng) + 1.3 * noise(size, 26, rng)
    columns += 1.5 * noise(size, 30, rng)
    wobbled = cv2.remap(np.asarray(ink), columns, rows, cv2.INTER_CUBIC).astype(np.float32) / 255
    return wobbled * np.clip(0.86 + 0.16 * noise(size, 45, rng), 0, 1)


def in_print(size: tuple[int, int], lines: list[Line], rng: Rng, uneven: float = 0) -> Array:
    """Coverage (0 to 1) of print; `uneven` makes letters jump and fade as those of a typewriter do."""
    draw = ImageDraw.Draw(ink := Image.new("L", size))
    for line in lines:
        x = line.x
        for piece in line.text if uneven else [line.text]:
            shift, fading = rng.normal(0, uneven, 2)
            fill = round(255 - min(abs(fading) * 45, 90))
            draw.text((x, line.y + shift), piece, fill, line.font, "ls")
            x += line.font.getlength(piece)
    return np.asarray(ink).astype(np.float32) / 255


def paper(size: tuple[int, int], colour: Colour, rng: Rng) -> Array:
    """A sheet with a faint texture, as RGB floats."""
    return np.array(colour, np.float32) + (2 * noise(size, 3, rng) + 2.5 * noise(size, 160, rng))[..., None]


def stain(page: Array, ink: Array, colour: Colour) -> Array:
    """The page with ink on it."""
    return page + ink[..., None] * (np.array(colour, np.float32) - page)


def photograph(page: Array, sheet: Sheet, rng: Rng) -> Image.Image:
    """The page on a dark desk, tilted, in uneven light, a little out of focus."""
    (width, height), border, squeeze = sheet.page, 26, sheet.perspective * sheet.page[0]
    size = width + 2 * border, height + 2 * border
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    target = corners + border + np.array([(squeeze, 0), (-squeeze, squeeze / 2), (0, 0), (0, 0)], np.float32)
    turn = np.vstack([cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), sheet.tilt, 1), (0, 0, 1)])
    matrix = turn @ cv2.getPerspectiveTransform(corners, target)
    desk = paper(size, (74, 58, 46), rng) + 9 * noise(size, 60, rng)[..., None]
    cover = cv2.warpPerspective(np.ones((height, width), np.float32), matrix, size)[..., None]
    seen = desk * (1 - cover) + cover * cv2.warpPerspective(page, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    across, down = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    light = 0.96 + 0.09 * (rng.choice((-1, 1)) * across - 0.6 * down) - 0.05 * (across**2 + down**2)
    seen = cv2.GaussianBlur(seen * light[..., None], (0, 0), 0.8) + rng.normal(0, 2.2, (*size[::-1], 1))
    return Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8))


def scan(ink: Array, angle: float) -> Array:
    """A printed page from a scanner, skewed and slightly soft, from 0 (black) to 1."""
    turn = cv2.getRotationMatrix2D((ink.shape[1] / 2, ink.shape[0] / 2), angle, 1)
    return 1 - cv2.GaussianBlur(cv2.warpAffine(ink, turn, ink.shape[::-1], flags=cv2.INTER_CUBIC), (0, 0), 0.6)


def letter(source: list[str], sheet: Sheet, rng: Rng) -> Page:
    """A handwritten letter or note, and its lines."""
    pen, page = font(sheet.font, sheet.size), paper(sheet.page, sheet.paper, rng)
    top = sheet.margin + round(sheet.leading * 0.7)
    lines = typeset(source, pen, pen, (sheet.margin, top, sheet.page[0] - 1.6 * sheet.margin), sheet.leading)
    if sheet.ruled:
        page[top + 6 :: sheet.leading] = page[top + 7 :: sheet.leading] = (164, 190, 212)
        page[:, sheet.margin - 30 : sheet.margin - 27] = (214, 140, 140)
    page = stain(page, by_hand(sheet.page, lines, rng), sheet.ink)
    return photograph(page, sheet, rng), [line.text for line in lines]


def form(source: list[str], sheet: Sheet, rng: Rng) -> Page:
    """A printed form that somebody filled in, and its lines."""
    label, title, pen = font("dejavu-sans", 25), font("dejavu-sans", 44, 700), font(sheet.font, sheet.size)
    printed, written, right = [], [], sheet.page[0] - sheet.margin
    draw = ImageDraw.Draw(rules := Image.new("L", sheet.page))
    for row, entry in enumerate(source):
        y, cells = sheet.margin + (row + 0.6) * sheet.leading, entry.split("|")
        if len(cells) == 1:
            printed.append(Line(entry.lstrip("*"), sheet.margin, y, title if entry.startswith("*") else label))
        spans = [(sheet.margin, 320, 740), (790, 940, right)] if len(cells) > 2 else [(sheet.margin, 320, right)]
        for (start, middle, end), name, value in zip(spans, cells[::2], cells[1::2], strict=False):
            printed.append(Line(name, start, y, label))
            written.append(Line(value, middle + 14, y - 2, pen))
            draw.line((middle, y + 9, end, y + 9), fill=190, width=2)
    printing = np.maximum(in_print(sheet.page, printed, rng), np.asarray(rules) / np.float32(255))
    page = stain(paper(sheet.page, sheet.paper, rng), printing, (40, 40, 44))
    page = stain(page, by_hand(sheet.page, written, rng), sheet.ink)
    return photograph(page, sheet, rng), [entry.lstrip("*").replace("|", " ") for entry in source]


def report(source: list[str], sheet: Sheet, rng: Rng) -> Page:
    """A printed page of two columns under a title, in 16 grays, and its lines in reading order."""
    head, *columns = (part.strip("\n").split("\n") for part in "\n".join(source).split("---\n"))
    body, bold = font(sheet.font, sheet.size), font(sheet.font, sheet.size, 700)
    lines = typeset(head, font(sheet.font, 28), font(sheet.font, 42, 700), (sheet.margin, 170, 1150), 60)
    for x, column in zip((sheet.margin, 727), columns, strict=True):
        lines += typeset(column, body, bold, (x, 350, 528), sheet.leading)
    ink = in_print(sheet.page, lines, rng)
    ink[274:277, sheet.margin : -sheet.margin] = 1
    levels = np.round(np.clip(scan(ink, sheet.tilt) * 1.05, 0, 1) * 15)
    return Image.fromarray((levels * 17).astype(np.uint8)), [line.text for line in lines]


def typescript(source: list[str], sheet: Sheet, rng: Rng) -> Page:
    """A typewritten page as a black-and-white scan, and its lines."""
    face = font(sheet.font, sheet.size)
    lines = typeset(source, face, face, (sheet.margin, 190, sheet.page[0]), sheet.leading)
    gray = scan(in_print(sheet.page, lines, rng, 0.9), rng.normal(0, sheet.tilt)) + 0.12 * noise(sheet.page, 2, rng)
    gray[rng.random(gray.shape) < 2e-5] = 0
    return Image.fromarray(gray > 0.55), [line.text for line in lines]


def save(path: Path, pages: list[Image.Image]) -> None:
    """Writes a file; the pixels of `rotated.jpg` lie on the side and its EXIF tag 274 turns them upright."""
    exif = Image.Exif()
    if path.stem == "rotated":
        pages, exif[274] = [pages[0].transpose(Image.Transpose.ROTATE_90)], 6
    options = {".tif": {"save_all": True, "append_images": pages[1:], "compression": "group4", "dpi": (165, 165)}}
    pages[0].save(path, **options.get(path.suffix, {"quality": 80, "optimize": True, "exif": exif}))


def main() -> None:
    """Renders all pages and writes `truth.tsv`."""
    parser = argparse.ArgumentParser(description="Renders the example pages and their transcripts.")
    parser.add_argument("--output", type=Path, default=Path("examples"), help="folder for the pages")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    painters = {"form.jpg": form, "printed_report.png": report, "minutes.tif": typescript}
    files: dict[str, list[Image.Image]] = {}
    truth = ""
    for entry in Path(__file__).with_name("texts.txt").read_text(encoding="utf-8").split("== ")[1:]:
        name, *source = entry.rstrip("\n").split("\n")
        file, rng = name.split("#")[0], np.random.default_rng(zlib.crc32(name.encode()))
        image, lines = painters.get(file, letter)(source, SHEETS[file], rng)
        files.setdefault(file, []).append(image)
        truth += name + "\t" + "\\n".join(" ".join(line.split()) for line in lines) + "\n"
    for file, pages in files.items():
        save(output / file, pages)
    (output / "truth.tsv").write_text(truth, encoding="utf-8")


if __name__ == "__main__":
    main()
