"""The commonest words of all languages that have word lists, by which the language of a page is told.

Usage: python models/recipes/common_words.py [--output models]

It is made from the files of lexicon.py and latin_words.py, which come first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from lexicon import write

ENGLISH, OTHERS = 5_000, 2_000
"""Words of English and of each other language. With 4,000 of the others, few more pages are told; with 1,000, fewer."""
LEAST = -12.0
"""Least logarithm of a frequency: rarer words, and those that a language does not have, count alike."""
MOST = 4.0
"""Most that a word counts for or against a language."""
STEPS = 10
"""Steps of a logarithm in which ratios are stored."""


def listed(stored: np.lib.npyio.NpzFile, language: str) -> dict[str, float]:
    """The words of a language with the logarithms of their frequencies, the commonest first."""
    words = stored[f"{language}_words"].tobytes().decode().split("\n")
    frequencies = stored[f"{language}_frequencies"].astype(float).tolist()
    return dict(sorted(zip(words, frequencies, strict=True), key=lambda each: (-each[1], each[0])))


def commonest(words: dict[str, float], count: int) -> list[str]:
    """The first words of two letters or more, without those that have an apostrophe."""
    return [word for word in words if len(word) > 1 and "'" not in word][:count]


def main() -> None:
    """Build the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("models"), help="folder for the file, with word lists")
    options = parser.parse_args()
    with np.load(options.output / "english_words.npz") as english, np.load(options.output / "latin_words.npz") as latin:
        languages = [name.removesuffix("_words") for name in latin.files if name.endswith("_words")]
        languages.remove("latin")
        lists = {"en": listed(english, "en"), **{language: listed(latin, language) for language in languages}}
    counts = {language: ENGLISH if language == "en" else OTHERS for language in lists}
    words = sorted({word for language in lists for word in commonest(lists[language], counts[language])})
    logs = np.array([[max(found.get(word, LEAST), LEAST) for word in words] for found in lists.values()])
    ratios = np.clip(logs[1:] - logs[:1], -MOST, MOST)
    texts = {"words": words, "languages": languages}
    print(f"{len(words)} words")
    write(
        options.output / "common_words.npz",
        {
            **{f"auto_{name}": np.frombuffer("\n".join(text).encode(), np.uint8) for name, text in texts.items()},
            "auto_ratios": np.rint(ratios * STEPS).astype(np.int8),
        },
    )


if __name__ == "__main__":
    main()
