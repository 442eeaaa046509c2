"""Reading a CTC network's output with a language: text by beam search, places by alignment, and word confidences."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from raypipe.recognition.base import BLANK, Reading
from raypipe.recognition.ctc.alignment import align
from raypipe.recognition.ctc.language import Language, letter, shape, without_accent
from raypipe.recognition.ctc.search import Alphabet, Search, Weights

Floats = npt.NDArray[np.float64]

FLOOR = 1e-6
"""Minimum probability of a class: the network rules nothing out."""
SEEN = 0.01
"""An accent of which no time step is at least this sure is not looked at."""
SURE_ACCENT, ALONE = 0.9, 3.0
"""An accent is read if it is more probable than none, in a line with an accent as sure as this; in other lines, which
may well be English with a blot, it must be this many times more probable."""
NARROW_EXPONENT = 2
"""The price of ignoring a space grows with this power of its width relative to others in its line."""
STEPS_AFTER = 2
"""Time steps after a word's last one at which its rivals are counted: they need to see the space or mark after it."""
SURE, SHARE, DOUBT = 0.43, 0.52, -0.27
"""Logistic regression for whether a word is right, fitted by `benchmarks/decoding.py`: constant, weight of the log odds
of its share of the beams, weight of the network's own doubt."""


class Accents:
    """Keeps accents out of the word search, and puts them back afterwards.

    Words decide which letter it is, in any language that is written with the letters of the list; the network alone
    decides about its accent. The search then sees one class for each letter: that of the letter without an accent.

    Args:
        characters: The character of each class, the blank first.

    Attributes:
        kept: The classes that the search sees.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        bare = ["", *map(without_accent, characters[1:])]
        self.kept = [n for n, character in enumerate(characters) if bare[n] == character or bare[n] not in characters]
        place = {characters[n]: place for place, n in enumerate(self.kept)}
        self._accented = np.array([n for n in range(len(characters)) if n not in set(self.kept)], np.int64)
        self._letters = np.array([place[bare[n]] for n in self._accented], np.int64)

    def without(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The probabilities (t, classes) as the search sees them, (t, kept): those of all accents of a letter added."""
        merged = np.ascontiguousarray(probabilities[:, self.kept])
        for n in self._seen(probabilities):
            merged[:, self._letters[n]] += probabilities[:, self._accented[n]]
        return merged

    def restored(
        self, labels: npt.NDArray[np.int32], places: npt.NDArray[np.int32], probabilities: npt.NDArray[np.float32]
    ) -> list[int]:
        """The classes of a text that the search found, each with the accent that is most probable in its place.

        Args:
            labels: Its classes as the search sees them, (n,).
            places: The first time step of each and the one after its last, (n, 2).
            probabilities: (t, classes), those of the network.
        """
        classes = [self.kept[label] for label in labels]
        best: dict[int, tuple[float, int]] = {}
        for seen in self._seen(probabilities):
            for n in np.flatnonzero(labels == self._letters[seen]).tolist():
                peak = float(probabilities[slice(*places[n]), self._accented[seen]].max())
                best[n] = max(best.get(n, (0.0, 0)), (peak, int(self._accented[seen])))
        odds = ALONE if all(peak < SURE_ACCENT for peak, _ in best.values()) else 1
        for n, (peak, accented) in best.items():
            bare = float(probabilities[slice(*places[n]), classes[n]].max())
            classes[n] = accented if peak > odds * bare else classes[n]
        return classes

    def _seen(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """Which accented letters the network sees anywhere, by their places in `_accented`."""
        return np.flatnonzero(probabilities[:, self._accented].max(0, initial=0) > SEEN)


class BeamDecoder:
    """Finds the most probable text of a network's output.

    Args:
        characters: The character of each class, the blank first.
        language: What is known about its words.
        weights: How much that counts against the network.
    """

    def __init__(self, characters: Sequence[str], language: Language, weights: Weights | None = None) -> None:
        self._characters, self._weights = characters, weights or Weights()
        self._accents = Accents(characters)
        letters = [characters[n] for n in self._accents.kept]
        self._alphabet = Alphabet(
            np.array([-1, *map(letter, letters[1:])], np.int32),
            np.array([-1, *map(shape, letters[1:])], np.int32),
            np.array([False, *(character.isupper() for character in letters[1:])]),
            letters.index(" "),
        )
        self._search = Search(language, self._weights, self._alphabet)

    def decode(self, probabilities: npt.NDArray[np.float32], step: float, width: int) -> Reading:
        """The most probable text.

        Args:
            probabilities: (t, classes), blank first.
            step: Pixels per time step.
            width: Width of the picture without padding, in pixels; anything read beyond it is dropped.

        Returns:
            The text with the place of each character. All characters of a word, and the space after it, have the
            probability that the word is right.
        """
        given = probabilities[: int(np.ceil(width / step)) + 1]
        probabilities = self._accents.without(given)
        logs = self._logs(probabilities)
        labels, shared, scores = self._search.best(logs)
        if len(labels) and labels[-1] == self._alphabet.space:
            labels = labels[:-1]
        if not len(labels):
            return Reading("", [], [])
        places = align(logs, labels)
        text = "".join(self._characters[n] for n in self._accents.restored(labels, places, given))
        doubts = np.append(0, np.cumsum(-np.log(probabilities.max(1))))
        chances: list[float] = []
        for word in re.finditer(r"\S+ ?", text):
            chance = _chance(word.start(), len(word.group().rstrip()), places, shared, scores, doubts)
            chances += [chance] * len(word.group())
        return Reading(text, chances, np.minimum(places.mean(1) * step, width).tolist())

    def _logs(self, probabilities: npt.NDArray[np.float32]) -> Floats:
        """Scaled log probabilities, in which a blank may hide a space and a space a blank."""
        logs: Floats = np.log(np.maximum(probabilities, FLOOR), dtype=np.float64)
        blank, space = logs[:, 0].copy(), logs[:, self._alphabet.space].copy()
        doubts = np.log(self._weights.false_space) * space_shares(
            logs.argmax(1), self._alphabet.space, self._alphabet.codes >= 0
        )
        logs[:, 0] = np.logaddexp(blank, space + doubts)
        logs[:, self._alphabet.space] = np.logaddexp(space, blank + np.log(self._weights.lost_space))
        return logs * self._weights.acoustic


def space_shares(best: npt.NDArray[np.int64], space: int, letters: npt.NDArray[np.bool_]) -> Floats:
    """The share of the price of ignoring a space that each time step pays, (t,).

    A gap of many time steps is one space, whose price they share. One between letters that is narrower than most spaces
    in its line may well lie inside a word, and costs less.

    Args:
        best: The most probable class of each time step, (t,).
        space: The class of the space.
        letters: Which classes are letters, (classes,).
    """
    spaces, shares = best == space, np.ones(len(best))
    gaps = spaces | (best == BLANK)
    if not spaces.any():
        return shares
    starts, ends = np.flatnonzero(np.diff(gaps, prepend=False, append=False)).reshape(-1, 2).T
    widths, counts = ends - starts, np.add.reduceat(spaces.astype(int), starts)
    narrow = np.minimum(widths / np.median(widths[counts > 0]), 1) ** NARROW_EXPONENT
    between = letters[best[starts - 1]] & letters[best[np.minimum(ends, len(best) - 1)]]
    shares[gaps] = np.repeat(np.where(between, narrow, 1) / np.maximum(counts, 1), widths)
    return shares


def _chance(
    start: int,
    length: int,
    places: npt.NDArray[np.int32],
    shared: npt.NDArray[np.int32],
    scores: Floats,
    doubts: Floats,
) -> float:
    """The probability that a word is right: of the beams that agree up to it, how many agree on it."""
    first, last = places[start, 0], places[start + length - 1, 1]
    step = min(last - 1 + STEPS_AFTER, len(scores) - 1)
    beams = np.exp(scores[step] - scores[step].max())
    agree = beams[shared[step] >= start + length].sum()
    differ = beams[shared[step] >= start].sum() - agree
    return certainty(float(np.log((agree + FLOOR) / (differ + FLOOR))), float(doubts[last] - doubts[first]))


def certainty(share: float, doubt: float) -> float:
    """The probability that a word is right.

    Args:
        share: Log odds of its share of the beams.
        doubt: Minus log probability of the network's best path over its time steps.
    """
    return float(1 / (1 + np.exp(-(SURE + SHARE * share + DOUBT * doubt))))
