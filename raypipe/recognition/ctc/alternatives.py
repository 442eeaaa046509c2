"""Other readings of a word, which the search kept along with the best text."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from raypipe.recognition.ctc.accents import Accents
from raypipe.recognition.ctc.alignment import align
from raypipe.recognition.ctc.search import SearchResult
from raypipe.types import Alternative

LEAST = 0.02
"""Readings of a lower confidence are left out; 1 in 70 of the right readings of wrong words have one."""


class Alternatives:
    """Finds the alternatives of words.

    Of the words that were wrong, the right one was among the first three for 26 of 33 in lines of a phone's notes, and
    for 45 of 255 in old letters, which are read badly.

    Args:
        most: How many a word has at most.
        characters: The character of each class of the network.
        accents: The classes that the search sees, and how accents are restored.
        space: The class of the space, as the search numbers it.
    """

    def __init__(self, most: int, characters: Sequence[str], accents: Accents, space: int) -> None:
        self._most, self._characters, self._accents, self._space = most, characters, accents, space

    def of(
        self,
        words: Mapping[tuple[int, int], float],
        found: SearchResult,
        places: npt.NDArray[np.int32],
        logs: npt.NDArray[np.float64],
        probabilities: npt.NDArray[np.float32],
    ) -> dict[int, list[Alternative]]:
        """The alternatives of words, the most probable first, by the place of the word's first character.

        Args:
            words: The confidence of each word, by its first character and the one after its last in the text that was
                found. The confidences of its alternatives add up to at most the rest to 1.
            found: The result of the search, with its texts.
            places: The first time step of each character and the one after its last, (n, 2).
            logs: The input of the search, (t, classes that it sees).
            probabilities: (t, classes), those of the network.
        """
        others = defaultdict[int, list[Alternative]](list)
        has_accents = len(self._accents.seen(probabilities)) > 0
        for (start, end), chance in words.items():
            # A time step later, since a rival's last character may come a little after that of the word.
            after = min(int(places[end - 1, 1]), len(logs) - 1)
            steps = slice(int(places[start - 1, 1]) if start else 0, after + 1)
            for labels, share in rivals(found, after, start, end, self._space)[: self._most]:
                confidence = (1 - chance) * share
                if labels and confidence >= LEAST:
                    spelled = self._spelled(labels, logs[steps], probabilities[steps] if has_accents else None)
                    others[start].append(Alternative(text=spelled, confidence=confidence))
        return others

    def _spelled(
        self,
        labels: tuple[int, ...],
        logs: npt.NDArray[np.float64],
        probabilities: npt.NDArray[np.float32] | None,
    ) -> str:
        """The text of a rival, with the accents that the network sees, if it sees any."""
        if probabilities is None:
            return "".join(self._characters[self._accents.kept[n]] for n in labels)
        found = np.array(labels, np.int32)
        return "".join(self._characters[n] for n in self._accents.restored(found, align(logs, found), probabilities))


def rivals(found: SearchResult, step: int, start: int, end: int, space: int) -> list[tuple[tuple[int, ...], float]]:
    """The other texts that the search kept for a part of the text: classes and shares that add up to 1, greatest first.

    Args:
        found: The result of the search.
        step: The last time step of that part.
        start, end: Its first character and the one after its last.
        space: The class that is dropped from the end of a rival.
    """
    shared, scores, texts = found.shared[step], found.scores[step], found.texts
    assert texts is not None
    sums = defaultdict[tuple[int, ...], float](float)
    for n in np.flatnonzero((shared >= start) & (shared < end)):
        labels = texts.since(int(texts.numbers[step, n]), start)
        sums[labels[:-1] if labels[-1:] == (space,) else labels] += math.exp(scores[n] - scores[0])
    total = sum(sums.values()) or 1
    return sorted(((labels, value / total) for labels, value in sums.items()), key=lambda each: -each[1])
