"""Reading a CTC network's output with a language: text by beam search, places by alignment, and word confidences."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from raypipe.recognition.base import BLANK, Reading
from raypipe.recognition.ctc.accents import Accents
from raypipe.recognition.ctc.alignment import align
from raypipe.recognition.ctc.alternatives import Alternatives
from raypipe.recognition.ctc.characters import letter, shape
from raypipe.recognition.ctc.language import Language
from raypipe.recognition.ctc.search import Alphabet, Search, SearchResult, Weights
from raypipe.recognition.ctc.spellings import Spellings

Floats = npt.NDArray[np.float64]

FLOOR = 1e-6
"""Minimum probability of a class: the network rules nothing out."""
NARROW_EXPONENT = 2
"""The price of ignoring a space grows with this power of its width relative to others in its line."""
SURE_GAP = 0.1
"""Least probability of a space beside a mark or before a capital: the network misses spaces only before small letters.
Of 31 spaces that words wrongly put into drawn addresses, names of files and codes, 26 had less; of 13 that they rightly
put into real lines, none."""
SUPPLIED, GAP = 8, 10
"""Words add no more than `SUPPLIED` characters to those of the most probable path: at most five in 1,581 lines. If they
add more, as to the dots before a page number, nothing is read in gaps of at least `GAP` time steps."""
STEPS_AFTER = 2
"""Time steps after a word's last one at which its rivals are counted: they need to see the space or mark after it."""
SURE, SHARE, DOUBT = 0.43, 0.52, -0.27
"""Logistic regression for whether a word is right, fitted by `benchmarks/decoding.py`: constant, weight of the log odds
of its share of the beams, weight of the network's own doubt."""


class BeamDecoder:
    """Finds the most probable text of a network's output.

    Args:
        characters: The character of each class, the blank first.
        language: Knowledge about its words.
        weights: How much that counts against the network.
        alternatives: Most other readings that are given of each word.
        spellings: How the language's words are written with accents; none if it has hardly any.
    """

    def __init__(
        self,
        characters: Sequence[str],
        language: Language,
        weights: Weights | None = None,
        alternatives: int = 0,
        spellings: Spellings | None = None,
    ) -> None:
        self._characters, self._weights = characters, weights or Weights()
        self._accents = Accents(characters, spellings)
        self._letters = letters = [characters[n] for n in self._accents.kept.tolist()]
        self._alphabet = Alphabet(
            np.array([-1, *map(letter, letters[1:])], np.int32),
            np.array([-1, *map(shape, letters[1:])], np.int32),
            np.array([False, *(character.isupper() for character in letters[1:])]),
            letters.index(" "),
        )
        self._search = Search(language, self._weights, self._alphabet)
        space = self._alphabet.space
        self._alternatives = Alternatives(alternatives, characters, self._accents, space) if alternatives else None

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
        logs = self._logs(probabilities, self._accents.is_sure(given))
        found = self._found(logs, probabilities.argmax(1))
        labels = found.labels
        if len(labels) and labels[-1] == self._alphabet.space:
            labels = labels[:-1]
        if not len(labels):
            return Reading("", [], [])
        places = align(logs, labels)
        text = "".join(self._letters[n] for n in labels)
        doubts = np.append(0, np.cumsum(-np.log(probabilities.max(1))))
        words = {w.span(): _chance(*w.span(), places, found, doubts) for w in re.finditer(r"\S+", text)}
        chances = [chance for (start, end), chance in words.items() for _ in text[start : end + 1]]
        others = self._alternatives.of(words, found, places, logs, given) if self._alternatives else {}
        classes = self._accents.restored(labels, places, given)
        read = np.flatnonzero(classes)
        return Reading(
            "".join(self._characters[classes[n]] for n in read),
            [chances[n] for n in read],
            np.minimum(places[read].mean(1) * step, width).tolist(),
            {int(np.searchsorted(read, start)): some for start, some in others.items()},
        )

    def _found(self, logs: Floats, best: npt.NDArray[np.int64]) -> SearchResult:
        """What the search finds. The best class of each time step is given, (t,); `logs` may be changed."""
        with_texts = self._alternatives is not None
        found = self._search.best(logs, with_texts)
        read = np.count_nonzero((best != BLANK) & (np.diff(best, prepend=BLANK) != 0))
        if len(found.labels) <= read + SUPPLIED:
            return found
        written = np.setdiff1d(np.arange(logs.shape[1]), (BLANK, self._alphabet.space))
        logs[np.ix_(in_gaps(best), written)] = np.log(FLOOR) * self._weights.acoustic
        return self._search.best(logs, with_texts)

    def _logs(self, probabilities: npt.NDArray[np.float32], keeps_spaces: bool) -> Floats:
        """Scaled log probabilities, in which a blank may hide a space, and a space a blank unless spaces are kept.

        Between words of another language, which the search does not know, it would leave out spaces too easily.
        """
        logs: Floats = np.log(np.maximum(probabilities, FLOOR), dtype=np.float64)
        blank, space = logs[:, 0].copy(), logs[:, self._alphabet.space].copy()
        best = logs.argmax(1)
        if not keeps_spaces:
            shares = space_shares(best, self._alphabet.space, self._alphabet.codes >= 0)
            logs[:, 0] = np.logaddexp(blank, space + np.log(self._weights.false_space) * shares)
        hidden = np.logaddexp(space, blank + np.log(self._weights.lost_space))
        is_space = (space >= np.log(SURE_GAP)) | self._may_hide(best)
        logs[:, self._alphabet.space] = np.where(is_space, hidden, np.log(FLOOR))
        logs *= self._weights.acoustic
        return logs

    def _may_hide(self, best: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether a space that the network did not see may be at each time step, whose best class is given, (t,)."""
        letters, steps = self._alphabet.codes >= 0, np.arange(len(best))
        read = (best != BLANK) & (best != self._alphabet.space)
        before = np.maximum.accumulate(np.where(read, steps, 0))
        after = np.minimum.accumulate(np.where(read, steps, len(best) - 1)[::-1])[::-1]
        small = letters & ~self._alphabet.capitals
        return np.asarray(letters[best[before]] & small[best[after]], np.bool_)


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


def in_gaps(best: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each time step, whose best class is given, (t,), lies in a wide gap, where that is the blank."""
    found = best == BLANK
    starts, ends = np.flatnonzero(np.diff(found, prepend=False, append=False)).reshape(-1, 2).T
    found[found] = np.repeat(ends - starts >= GAP, ends - starts)
    return np.asarray(found, np.bool_)


def _chance(start: int, end: int, places: npt.NDArray[np.int32], found: SearchResult, doubts: Floats) -> float:
    """The probability that a word is right: of the beams that agree up to it, how many agree on it."""
    first, last = places[start, 0], places[end - 1, 1]
    step = min(last - 1 + STEPS_AFTER, len(found.scores) - 1)
    shared, beams = found.shared[step], np.exp(found.scores[step] - found.scores[step].max())
    agree = beams[shared >= end].sum()
    differ = beams[shared >= start].sum() - agree
    return certainty(float(np.log((agree + FLOOR) / (differ + FLOOR))), float(doubts[last] - doubts[first]))


def certainty(share: float, doubt: float) -> float:
    """The probability that a word is right.

    `share` is the log odds of its share of the beams, and `doubt` minus the log probability of the network's best path
    over its time steps.
    """
    return float(1 / (1 + np.exp(-(SURE + SHARE * share + DOUBT * doubt))))
