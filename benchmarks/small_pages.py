"""Small pages, cut out of the pages of the data at random places with writing on them, to measure speed on.

    python benchmarks/small_pages.py DATA FOLDER --count 400

Prints nothing.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import cv2

SETS = "letters1905_pages", "phone_pages", "forms_and_board", "visual_nlp_samples"
LONG, SHORT = 1000, 700
"""Pixels of their sides."""
REACH = 3000
"""Larger pages are first scaled to so many pixels, of their longer side."""
WRITTEN = 0.02
"""The least share of pixels that are ink."""


def main() -> None:
    """Cut them out, the same ones each time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=400)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    chance, made = random.Random(1), 0
    pages = [file for name in SETS for file in sorted((arguments.data / name / "images").iterdir())]
    while made < arguments.count:
        page = cv2.imread(str(pages[made % len(pages)]))
        assert page is not None
        scale = min(1.0, REACH / max(page.shape))
        page = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        height, width = chance.choice([(LONG, SHORT), (SHORT, LONG)])
        top = chance.randint(0, max(page.shape[0] - height, 0))
        left = chance.randint(0, max(page.shape[1] - width, 0))
        small = page[top : top + height, left : left + width]
        gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        ink = cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 51, 20)
        if ink.mean() / 255 >= WRITTEN:
            cv2.imwrite(str(arguments.folder / f"{made:03}.jpg"), small)
            made += 1


if __name__ == "__main__":
    main()
