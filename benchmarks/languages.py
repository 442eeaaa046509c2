"""Lines in many languages, drawn small: read without words, with English, their own, and those told from pages of them.

Example: python benchmarks/languages.py --lines 60 --data DATA
Their sentences are the translations that come with Django (pip install django==5.2.19); fonts are Debian's
fonts-comic-neue, fonts-dejavu-core, fonts-ecolier-court and fonts-femkeklaver. They are blurred and noisy.
"""

from __future__ import annotations

import argparse
import gettext
import importlib.util
import io
import random
import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

import raypipe as rp
from raypipe.presets import RECOGNIZER
from raypipe.recognition.ctc.guess import Guess
from raypipe.zoo import manifest

FONTS = (
    "opentype/comic-neue/ComicNeue-Italic.otf",
    "truetype/dejavu/DejaVuSerifCondensed-Italic.ttf",
    "truetype/ecolier-court/Ecolier-court.ttf",
    "truetype/femkeklaver/femkeklaver.ttf",
)
UNUSUAL = re.compile(r'[%{}<>\n"|/_=`“”„«»…]')


def sentences(language: str) -> list[str]:
    """The translations of three to nine words, sorted."""
    spec = importlib.util.find_spec("django")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Django is missing: pip install django==5.2.19")
    found = set()
    for path in Path(spec.submodule_search_locations[0]).glob(f"**/locale/{language}/LC_MESSAGES/*.mo"):
        with path.open("rb") as file:
            catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        texts = [text for source, text in catalog.items() if source and isinstance(text, str) and text != source]
        found |= {" ".join(text.split()) for text in texts if not UNUSUAL.search(text) and len(text) < 70}
    return sorted(text for text in found if 3 <= len(text.split()) <= 9)


def drawn(text: str, font: Path, chance: random.Random, noise: np.random.Generator) -> bytes:
    """A line as a PNG."""
    face = ImageFont.truetype(font, 44)
    _, top, right, bottom = map(round, face.getbbox(text))
    picture = Image.new("L", (right + 24, bottom - top + 20), 235)
    ImageDraw.Draw(picture).text((12, 10 - top), text, font=face, fill=60)
    scale = chance.choice([0.35, 0.42, 0.5])
    small = cv2.resize(np.asarray(picture), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), chance.uniform(0.8, 1.6))
    noisy = np.clip(blurred + noise.normal(0, chance.uniform(6, 16), small.shape), 0, 255).astype(np.uint8)
    stored = io.BytesIO()
    Image.fromarray(noisy).save(stored, "PNG")
    return stored.getvalue()


def lines(language: str, count: int, fonts: dict[Path, set[int]]) -> tuple[list[str], list[bytes]]:
    """Sentences of a language, and their pictures in the fonts that have their letters, in turn."""
    chance, noise = random.Random(language), np.random.default_rng(1)
    texts = sentences(language)
    chance.shuffle(texts)
    pictures = []
    for n, text in enumerate(texts[:count]):
        able = [font for font, letters in fonts.items() if letters.issuperset(map(ord, text))]
        pictures.append(drawn(text, able[n % len(able)], chance, noise))
    return texts[:count], pictures


def wills(folder: Path) -> tuple[list[str], list[bytes]]:
    """The lines of a set of pictures of lines, and the pictures, in the order of their names."""
    rows = sorted(line.split("\t") for line in (folder / "gt.tsv").read_text(encoding="utf-8").splitlines())
    return [text for _, text in rows], [(folder / "images" / name).read_bytes() for name, _ in rows]


def read(pictures: Sequence[bytes], **options: str) -> list[str]:
    """The texts of lines."""
    pipeline = rp.Pipeline([rp.BinaryToImage(), rp.ImageToText(regions_column=None, use_gpu=False, **options)])
    return [page.text for page in pipeline.run(list(pictures))]


def rates(truth: Sequence[str], found: Sequence[str]) -> str:
    """CER / WER of lines, in percent."""
    letters = sum(Levenshtein.distance(*pair) for pair in zip(truth, found, strict=True))
    words = sum(Levenshtein.distance(one.split(), other.split()) for one, other in zip(truth, found, strict=True))
    return f"{100 * letters / sum(map(len, truth)):.1f} / {100 * words / sum(len(text.split()) for text in truth):.1f}"


def told(texts: Sequence[str], size: int, guess: Guess) -> list[str]:
    """The language of each line, told from what is read without words in pages of so many lines."""
    starts = range(0, len(texts), size)
    return [language for n in starts for language in [guess.of(texts[n : n + size])] * len(texts[n : n + size])]


def row(
    language: str, truth: Sequence[str], pictures: Sequence[bytes], sizes: Sequence[int], guess: Guess
) -> list[str]:
    """The cells of a row: CER / WER without words, with English ones and with the language's own.

    Then, for each size of pages, CER / WER with the words of the language that is told from each, and the shares of
    lines, in percent, on pages whose language is told right, and on those that are taken for English.
    """
    bare, found = read(pictures, decoder="greedy", language=language), {"en": read(pictures, language="en")}
    found[language] = read(pictures, language=language)
    cells = [rates(truth, each) for each in (bare, found["en"], found[language])]
    for size in sizes:
        languages = told(bare, size, guess)
        found |= {each: read(pictures, language=each) for each in {*languages} - {*found}}
        cells.append(rates(truth, [found[each][n] for n, each in enumerate(languages)]))
        cells += [f"{100 * languages.count(each) / len(languages):.0f}" for each in (language, "en")]
    return cells


def main() -> None:
    """Print a row for each language, and one of French wills if the data are given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=60, help="lines of each language")
    parser.add_argument("--pages", type=int, nargs="+", default=[5, 20], help="lines of a page")
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts"))
    parser.add_argument("--data", type=Path, help="folder with wills1914_lines_fr")
    arguments = parser.parse_args()
    words = manifest.words_of(manifest.AUTO)
    assert words is not None
    guess = Guess(words.path)
    fonts = {arguments.fonts / name: set(TTFont(arguments.fonts / name).getBestCmap()) for name in FONTS}
    titles = [f"told from {size} lines | right | en" for size in arguments.pages]
    print(f"| language | without words | English words | its own words | {' | '.join(titles)} |")
    print("| --- |" + " --- |" * (3 + 3 * len(titles)))
    for language in manifest.resolve(RECOGNIZER, "recognition", "en").languages:
        if language not in ("en", "latin") and manifest.words_of(language):
            cells = row(language, *lines(language, arguments.lines, fonts), arguments.pages, guess)
            print(f"| {language} | {' | '.join(cells)} |", flush=True)
    if arguments.data:
        cells = row("fr", *wills(arguments.data / "wills1914_lines_fr"), arguments.pages, guess)
        print(f"| wills (fr) | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
