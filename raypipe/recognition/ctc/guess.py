"""Which language a page is in, told by the commonest words of each in what the network reads without words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from raypipe.recognition.ctc.characters import FOLDS, without_accents
from raypipe.recognition.ctc.language import read_arrays
from raypipe.zoo.manifest import AUTO

ENGLISH = "en"
"""The language of a page where that is in doubt."""
SURE, SURE_SMALL = 2.5, 1.5
"""How much words must agree on another language than English, and those in small letters by themselves: lists of names
have none. It is the sum of what they count for the language, over the root of the sum of their squares: seven words
that count alike reach 2.5, and three 1.5. Of 8,900 pieces of English licences, manuals and programs, with none to 30 %
of their characters wrong, one had more than 2.1, a list of codes of languages."""
_TOKEN = re.compile(r"(?<!\S)[^\w\s]*([A-Za-z]+(?:['-][A-Za-z]+)*)[^\w\s]*(?!\S)")


class Guess:
    """Tells languages apart.

    Args:
        path: A file made by `models/recipes/common_words.py`.

    Raises:
        ModelError: It is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        stored = read_arrays(path, AUTO, ("words", "languages", "ratios"))
        listed, self._languages = (
            stored[name].tobytes().decode("ascii").split("\n") for name in ("words", "languages")
        )
        self._places = {word: place for place, word in enumerate(listed)}
        # (languages, words), logarithms of how much more frequent a word is than in English.
        self._ratios = stored["ratios"]

    def of(self, texts: Iterable[str]) -> str:
        """The language of a page's lines; English where that is in doubt."""
        found = {word for text in texts for word in words_of(text)}
        ratios = self._ratios_of({word.lower() for word in found})
        best = int(ratios.sum(1).argmax())
        small = self._ratios_of(word for word in found if word.islower())
        is_sure = _agreement(ratios[best]) > SURE and _agreement(small[best]) > SURE_SMALL
        return self._languages[best] if is_sure else ENGLISH

    def _ratios_of(self, words: Iterable[str]) -> npt.NDArray[np.int64]:
        """What words count for each language, (languages, listed words)."""
        return self._ratios[:, [self._places[word] for word in words if word in self._places]].astype(np.int64)


def _agreement(ratios: npt.NDArray[np.int64]) -> float:
    return float(ratios.sum() / max(np.sqrt((ratios**2).sum()), 1))


def words_of(text: str) -> Iterator[str]:
    """Yields the words of a text, without accents and what is elided.

    Addresses and codes have none, and of two letters only those in small ones are words, no states and initials.
    """
    for token in _TOKEN.finditer(without_accents(text.translate(FOLDS))):
        for word in re.split("['-]", token.group(1)):
            if len(word) > 2 or (len(word) == 2 and word.islower()):
                yield word
