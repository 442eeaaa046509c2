"""Lines that no word list may correct: numbers, dates, amounts, identifiers, addresses, names of many languages.

Usage: python models/recipes/exact_lines.py --output FOLDER [--fonts FOLDER] [--count 240] [--seed 1]

Writes a line set as the data folders have it, `images/` and `gt.tsv`. `--fonts` is a `node_modules` folder with the
fonts of `FONTS` (`npm install @fontsource/NAME`); `Faker` makes the texts.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import cv2
import numpy as np
from faker import Faker
from PIL import Image, ImageDraw, ImageFont

FONTS = (
    "courier-prime", "pt-serif", "open-sans", "patrick-hand", "architects-daughter", "kalam", "indie-flower", "handlee",
    "caveat", "reenie-beanie", "homemade-apple", "nothing-you-could-do", "la-belle-aurore",
)  # fmt: skip
LOCALES = ("en_US", "en_GB", "fi_FI", "pl_PL", "tr_TR", "it_IT", "de_DE", "es_ES", "en_IN", "nl_NL", "id_ID")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
DATES = ("%d/%m/%Y", "%m-%d-%y", "%B %d, %Y", "%d %b %Y", "%Y-%m-%d", "%b. %d, %Y", "%d.%m.%Y")
MEDICINES = ("ibuprofen", "atorvastatin", "metoprolol", "lisinopril", "Zofran", "Keppra")


class Texts:
    """Makes lines by chance."""

    def __init__(self, seed: int) -> None:
        """Start a sequence of lines."""
        self.random = random.Random(seed)
        self.fakers = [Faker(locale) for locale in LOCALES]
        for faker in self.fakers:
            faker.seed_instance(seed)

    def line(self) -> str:
        """Return a line of ASCII text."""
        choose, one = self.random.choice, self.fakers[0]
        kinds = (
            lambda: f"{self.name()}, born {self.date()}",
            lambda: f"Invoice no. {self.code()} of {self.date()}",
            lambda: f"{self.name()} {one.company_email()}",
            lambda: f"Total {self.amount()} due {self.date()}",
            lambda: one.address().replace("\n", ", "),
            lambda: f"Tel. {one.phone_number()}",
            lambda: f"{self.code()} {choose(range(1, 90))} pcs. {self.amount()}",
            lambda: f"IBAN {self.fakers[6].iban()}",
            lambda: one.url() + choose(("", "index.html", f"docs/{self.code().lower()}")),
            lambda: f"Attn: {self.name()} and {self.name()}",
            lambda: f"SSN {one.ssn()}, plate {one.license_plate()}",
            lambda: f"{choose(range(1, 13))}:{choose(range(10, 60))} {choose(('a.m.', 'PM'))} room {self.code()}",
            lambda: f"{self.amount()} {self.amount()} {self.amount()}",
            lambda: f"{choose(range(1, 99))} mg {choose(MEDICINES)} {choose(range(1, 5))}x daily",
            lambda: f"{one.email()} or {one.email()}",
        )
        return str(choose(kinds)())

    def name(self) -> str:
        """Return a person's name of some country, in ASCII."""
        while not (name := self.random.choice(self.fakers).name()).isascii():
            pass
        return str(name)

    def code(self) -> str:
        """Return an identifier of letters and digits."""
        choose = self.random.choice
        head = "".join(self.random.choices(LETTERS, k=choose(range(1, 5))))
        tail = choose(("", f"-{choose(LETTERS)}", f"{choose(LETTERS)}{choose(range(1, 10))}"))
        return f"{head}{choose(('-', '', '/'))}{choose(range(10, 99999))}{tail}"

    def amount(self) -> str:
        """Return an amount of money."""
        return f"{self.random.choice(('$', '£', ''))}{self.random.uniform(1, 20000):,.2f}"

    def date(self) -> str:
        """Return a date."""
        return str(self.fakers[0].date(self.random.choice(DATES)))


def draw(text: str, font: Path, rng: np.random.Generator) -> np.ndarray:
    """Return a picture of a line, 48 pixels high: slanted, blurred, noisy."""
    face = ImageFont.truetype(str(font), int(rng.integers(30, 56)))
    left, top, right, bottom = face.getbbox(text)
    image = Image.new("L", (int(right - left) + 16, int(bottom - top) + 16), int(rng.integers(215, 255)))
    ImageDraw.Draw(image).text((8 - left, 8 - top), text, font=face, fill=int(rng.integers(0, 110)))
    pixels = np.asarray(image, np.float32)
    height, width = pixels.shape
    slant = rng.uniform(-0.15, 0.1)
    matrix = np.array([[1, slant, -slant * height / 2], [0, 1, 0]], np.float32)
    pixels = cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    scale = rng.uniform(18, 40) / height
    pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 0.9)) + rng.normal(0, rng.uniform(2, 9), pixels.shape)
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    return cv2.resize(pixels, (round(pixels.shape[1] * 48 / pixels.shape[0]), 48), interpolation=cv2.INTER_CUBIC)


def main() -> None:
    """Write the set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--fonts", type=Path, default=Path("node_modules"))
    parser.add_argument("--names", nargs="+", default=FONTS, help="fonts to use")
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    texts, rng = Texts(options.seed), np.random.default_rng(options.seed)
    fonts = [options.fonts / f"@fontsource/{name}/files/{name}-latin-400-normal.woff" for name in options.names]
    (options.output / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(options.count):
        text, name = texts.line(), f"{number:04}.jpg"
        picture = draw(text, fonts[number % len(fonts)], rng)
        cv2.imwrite(str(options.output / "images" / name), picture, [cv2.IMWRITE_JPEG_QUALITY, 60])
        rows.append(f"{name}\t{text}\n")
    (options.output / "gt.tsv").write_text("".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
