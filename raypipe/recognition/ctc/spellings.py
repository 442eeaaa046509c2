"""How words are written with accents, which the search does not see."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from raypipe.recognition.ctc.characters import without_accents
from raypipe.recognition.ctc.language import read_arrays

Spellings = dict[str, list[tuple[str, float]]]
"""The spellings of words in small letters, by the word without accents, each with the logarithm of its frequency.

All spellings of a word are as long as the word. It has none where only the one without accents is listed."""


def load_spellings(path: Path, code: str) -> Spellings:
    """Loads the spellings of a language; English has none.

    Raises:
        ModelError: The language's file is missing or damaged.
    """
    stored = read_arrays(path, code, ("spelled", "spelled_frequencies"))
    text = stored["spelled"].tobytes().decode()
    found: Spellings = defaultdict(list)
    spellings = zip(text.split("\n"), stored["spelled_frequencies"].tolist(), strict=False)
    for word, (spelling, chance) in zip(without_accents(text).split("\n"), spellings, strict=False):
        found[word].append((spelling, chance))
    return dict(found)
