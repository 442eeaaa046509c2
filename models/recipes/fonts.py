"""Fonts that lines and pages are rendered with: handwriting of npm's @fontsource packages and Debian's, and print.

    npm install --prefix FOLDER --ignore-scripts $(python models/recipes/fonts.py --npm)
    apt-get install $(python models/recipes/fonts.py --debian)

All are under the SIL Open Font License or one as free; no font is part of raypipe, only what was learnt from them.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

DEBIAN_FOLDER = Path("/usr/share/fonts")
NPM = """
alex-brush allura annie-use-your-telescope architects-daughter bad-script berkshire-swash birthstone caveat
caveat-brush cedarville-cursive cookie corinthia courgette covered-by-your-grace damion dancing-script
dawning-of-a-new-day delicious-handrawn delius ephesis estonia gaegu gloria-hallelujah gochi-hand grand-hotel
great-vibes handlee herr-von-muellerhoff homemade-apple indie-flower italianno itim just-me-again-down-here kalam
kaushan-script la-belle-aurore league-script licorice liu-jian-mao-cao lobster long-cang ma-shan-zheng mansalva
marck-script meddon monsieur-la-doulaise mr-de-haviland mrs-saint-delafield ms-madi nanum-brush-script
nanum-pen-script neucha nothing-you-could-do oooh-baby over-the-rainbow pacifico parisienne patrick-hand
permanent-marker pinyon-script playpen-sans poor-story qwigley reenie-beanie rochester rock-salt rouge-script ruthie
sacramento satisfy schoolbell sedgwick-ave shadows-into-light short-stack smooch square-peg sriracha
sue-ellen-francisco swanky-and-moo-moo tangerine the-girl-next-door twinkle-star vibur waiting-for-the-sunrise
whisper yellowtail yomogi zeyada zhi-mang-xing
"""
"""Packages below @fontsource."""
DEBIAN_HANDWRITING = {
    "fonts-breip": "breip",
    "fonts-femkeklaver": "femkeklaver",
    "fonts-kristi": "kristi",
    "fonts-ecolier-court": "ecolier-court",
    "fonts-isabella": "isabella",
    "fonts-rufscript": "rufscript",
    "fonts-tomsontalks": "tomsontalks",
    "fonts-summersby": "summersby",
    "fonts-humor-sans": "humor-sans",
    "fonts-ldco": "ldco",
}
DEBIAN_PRINT = {
    "fonts-liberation": "liberation",
    "fonts-dejavu-core": "dejavu",
    "fonts-freefont-ttf": "freefont",
}
HELD_OUT = ("caveat", "homemade-apple", "reenie-beanie", "kristi", "cedarville-cursive", "nanum-pen-script")
"""Hands that training never sees: how well a model reads new ones."""
CAPITALS = ("permanent-marker", "rock-salt", "humor-sans", "tomsontalks")
"""Fonts that draw small letters as capitals: what stands in them is in capitals."""
LATIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,")


def handwriting(folder: Path) -> list[Path]:
    """Return handwriting fonts: those that npm put into a folder, and Debian's.

    Raises:
        SystemExit: too few fonts are there.
    """
    found = []
    for name in NPM.split():
        files = sorted((folder / "node_modules" / "@fontsource" / name / "files").glob(f"{name}-latin-*-normal.woff2"))
        found += files[:2]
    found += _debian(DEBIAN_HANDWRITING)
    return _enough([path for path in found if characters(path) >= LATIN], 40)


def printed() -> list[Path]:
    """Return fonts of print and typewriters.

    Raises:
        SystemExit: too few fonts are there.
    """
    fonts = _debian(DEBIAN_PRINT)
    return _enough([path for path in fonts if characters(path) >= LATIN], 20)


@cache
def characters(path: Path) -> frozenset[str]:
    """Return the characters that a font can draw."""
    return frozenset(map(chr, TTFont(path, lazy=True, fontNumber=0).getBestCmap()))


def is_held_out(path: Path) -> bool:
    """Tell whether a font is kept for validation."""
    return path.name.lower().startswith(HELD_OUT)


def has_capitals_only(path: Path) -> bool:
    """Tell whether a font draws small letters as capitals."""
    return path.name.lower().startswith(CAPITALS)


def _debian(packages: dict[str, str]) -> list[Path]:
    folders = [folder for name in packages.values() for folder in DEBIAN_FOLDER.glob(f"*/{name}")]
    return sorted(path for folder in folders for path in folder.iterdir() if path.suffix.lower() in {".ttf", ".otf"})


def _enough(paths: list[Path], least: int) -> list[Path]:
    if len(paths) < least:
        raise SystemExit(f"Only {len(paths)} fonts were found: install those that `fonts.py --help` names.")
    return paths


def main() -> None:
    """Print the names of packages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--npm", action="store_true", help="print the npm packages")
    parser.add_argument("--debian", action="store_true", help="print the Debian packages, fortunes for text included")
    options = parser.parse_args()
    if options.npm:
        print(*(f"@fontsource/{name}" for name in NPM.split()))
    if options.debian:
        print(*DEBIAN_HANDWRITING, *DEBIAN_PRINT, "fortunes")


if __name__ == "__main__":
    main()
