"""Letters with accents: the word search sees one letter; the network, and how words are written, tell them apart."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from raypipe.recognition.base import BLANK
from raypipe.recognition.ctc.characters import without_accent
from raypipe.recognition.ctc.spellings import Spellings

SEEN = 0.01
"""An accent is not considered unless it has at least this probability in some time step."""
SURE_ACCENT, ALONE = 0.9, 3.0
"""A line with an accent of at least probability `SURE_ACCENT` may well be of another language than the words that guide
the search: there, an accent is read if it is more probable than none. In other lines, which may well be English with a
blot, it must be `ALONE` times more probable."""
LIGATURES, SUPPLIED = "æÆœŒ", 0.5
"""In word lists these are two letters, of which the search sees the first one. An e after it is not read if the network
gives it a lower probability: words supplied it."""


LEAST, UNLISTED = 1e-3, -20.0
"""A word of several spellings is written in the one whose letters are the most probable, each at least `LEAST`, times
how frequent it is; `UNLISTED` is the logarithm of that for what the network sees, if it is none of them."""
_WORD = re.compile(r"[A-Za-z']+")


class Accents:
    """Keeps accents out of the word search, and puts them back afterwards.

    Words decide which letter it is, in any language that is written with the letters of the list; the network decides
    about its accent, and so do the spellings of the language's words. The search then sees one class for each letter:
    that of the letter without an accent.

    Args:
        characters: The character of each class, the blank first.
        spellings: How words are written with accents.

    Attributes:
        kept: The classes that the search sees, int64 (kept,).
    """

    def __init__(self, characters: Sequence[str], spellings: Spellings | None = None) -> None:
        bare = ["", *map(without_accent, characters[1:])]
        is_bare = np.array([bare[n] == letter or bare[n] not in characters for n, letter in enumerate(characters)])
        self.kept, self._accented = np.flatnonzero(is_bare), np.flatnonzero(~is_bare)
        place = {characters[n]: place for place, n in enumerate(self.kept.tolist())}
        self._ligatures = {n for n in self._accented.tolist() if characters[n] in LIGATURES}
        self._second = {n for n in self.kept.tolist() if n != BLANK and characters[n] in "eE"}
        self._letters = np.array([place[bare[n]] for n in self._accented], np.int64)
        self._characters, self._spellings = characters, spellings or {}
        self._classes = {character: n for n, character in enumerate(characters)}

    def without(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The probabilities (t, classes) as the search sees them, (t, kept): those of all accents of a letter added."""
        merged = probabilities.take(self.kept, 1)
        for n in self.seen(probabilities):
            merged[:, self._letters[n]] += probabilities[:, self._accented[n]]
        return merged

    def restored(
        self, labels: npt.NDArray[np.int32], places: npt.NDArray[np.int32], probabilities: npt.NDArray[np.float32]
    ) -> list[int]:
        """The classes of a text that the search found, with the accents that are most probable in its places and words.

        The class of what is not read, the second letter of a ligature, is the blank.

        Args:
            labels: Its classes as the search sees them, (n,).
            places: The first time step of each and the one after its last, (n, 2).
            probabilities: (t, classes), those of the network.
        """
        classes: list[int] = self.kept[labels].tolist()
        best: dict[int, tuple[float, int]] = {}
        for seen in self.seen(probabilities):
            for n in np.flatnonzero(labels == self._letters[seen]).tolist():
                peak = float(probabilities[slice(*places[n]), self._accented[seen]].max())
                best[n] = max(best.get(n, (0.0, 0)), (peak, int(self._accented[seen])))
        odds = ALONE if not self._spellings and all(peak < SURE_ACCENT for peak, _ in best.values()) else 1
        for n, (peak, accented) in best.items():
            bare = float(probabilities[slice(*places[n]), classes[n]].max())
            classes[n] = accented if peak > odds * bare else classes[n]
        if self._spellings:
            self._spell(classes, labels, places, probabilities)
        for n in range(1, len(classes) if self._ligatures.intersection(classes) else 0):
            is_second = classes[n - 1] in self._ligatures and classes[n] in self._second
            if is_second and probabilities[slice(*places[n]), classes[n]].max() < SUPPLIED:
                classes[n] = BLANK
        return classes

    def _spell(
        self,
        classes: list[int],
        labels: npt.NDArray[np.int32],
        places: npt.NDArray[np.int32],
        probabilities: npt.NDArray[np.float32],
    ) -> None:
        """Changes classes, which are as the network alone sees them, to those of the words' most probable spellings."""
        text = "".join(self._characters[n] for n in self.kept[labels].tolist())
        for word in _WORD.finditer(text):
            start, end = word.span()
            seen: tuple[int, ...] = tuple(classes[start:end])
            known = self._written(word.group(), seen)
            if known:
                peaks = [probabilities[slice(*span)].max(0) for span in places[start:end].tolist()]
                chances = {seen: UNLISTED, **known}
                _, best = max((chance + _likelihood(each, peaks), each) for each, chance in chances.items())
                classes[start:end] = best

    def _written(self, word: str, seen: Sequence[int]) -> dict[tuple[int, ...], float]:
        """The classes of each spelling of a word, and the logarithm of its frequency.

        Capitals, which are often written without their accents, are as the network has `seen` them, and spellings with
        letters that it does not know are left out.
        """
        found: dict[tuple[int, ...], float] = {}
        for spelling, chance in self._spellings.get(word.lower(), ()):
            letters = zip(word, spelling, seen, strict=True)
            classes = tuple(self._classes.get(small, -1) if bare.islower() else n for bare, small, n in letters)
            if -1 not in classes:
                found[classes] = max(chance, found.get(classes, chance))
        return found

    def is_sure(self, probabilities: npt.NDArray[np.float32]) -> bool:
        """Whether the network is sure of an accent somewhere."""
        return bool(self._peaks(probabilities).max(initial=0) >= SURE_ACCENT)

    def seen(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """The accented letters that the network sees anywhere, by their places in `_accented`."""
        return np.flatnonzero(self._peaks(probabilities) > SEEN)

    def _peaks(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The highest probability of each accented letter."""
        return np.asarray(probabilities.max(0, initial=0)[self._accented], np.float32)


def _likelihood(classes: Sequence[int], peaks: Sequence[npt.NDArray[np.float32]]) -> float:
    """The logarithm of the probability of classes, each at its peak, (classes,), in its place."""
    return sum(math.log(max(float(peak[n]), LEAST)) for n, peak in zip(classes, peaks, strict=True))
