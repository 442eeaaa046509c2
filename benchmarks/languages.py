"""Lines in many languages, drawn small, blurred and noisy: read without words, with English ones and with their own.

Example: python benchmarks/languages.py --lines 60
Their sentences are the translations that come with Django (pip install django==5.2.19); fonts are Debian's
fonts-comic-neue, fonts-dejavu-core, fonts-ecolier-court and fonts-femkeklaver.
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


def rates(truth: Sequence[str], pictures: Sequence[bytes], **options: str) -> tuple[float, float]:
    """CER and WER of lines, in percent."""
    pipeline = rp.Pipeline([rp.BinaryToImage(), rp.ImageToText(regions_column=None, use_gpu=False, **options)])
    read = [page.text for page in pipeline.run(list(pictures))]
    letters = sum(Levenshtein.distance(*pair) for pair in zip(truth, read, strict=True))
    words = sum(Levenshtein.distance(one.split(), other.split()) for one, other in zip(truth, read, strict=True))
    return 100 * letters / sum(map(len, truth)), 100 * words / sum(len(text.split()) for text in truth)


def main() -> None:
    """Print a row of CER / WER for each language, and one of the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=60, help="lines of each language")
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts"))
    arguments = parser.parse_args()
    fonts = {arguments.fonts / name: set(TTFont(arguments.fonts / name).getBestCmap()) for name in FONTS}
    means = []
    print("| language | without words | English words | its own words |\n| --- | --- | --- | --- |")
    for language in manifest.resolve(RECOGNIZER, "recognition", "en").languages:
        if language == "en" or manifest.words_of(language) is None:
            continue
        truth, pictures = lines(language, arguments.lines, fonts)
        ways = {"decoder": "greedy", "language": language}, {"language": "en"}, {"language": language}
        found = [rates(truth, pictures, **options) for options in ways]
        means.append(found)
        print(f"| {language} | {' | '.join(f'{cer:.1f} / {wer:.1f}' for cer, wer in found)} |", flush=True)
    cells = " | ".join(f"{cer:.1f} / {wer:.1f}" for cer, wer in np.mean(means, axis=0))
    print(f"| mean | {cells} |")


if __name__ == "__main__":
    main()
