"""CTC prefix beam search with a language: the text that the network's probabilities and a word list agree on.

Prefix beam search (Hannun et al., arXiv:1408.2873) keeps the most probable beginnings of a text and adds up all paths
that spell them. Here each beginning also carries a language score, the better of two readings of its last token:

* as words: letters walk through a trie of listed words whose frequency looks ahead (Ortmanns et al., 1996), or are
  spelled by a letter model if no listed word fits; marks and spaces follow the language's order of characters;
* literally: as the network read it, at a fixed price per token. Tokens with digits or @ pay less: no word list knows
  better which number, date, amount, address or identifier it is.

The search itself is `search.c`. Its arguments are checked here, so that it reads only what it was given.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from raypipe.recognition.ctc.characters import EDGE, SHAPES, WORD, mark
from raypipe.recognition.ctc.language import Language
from raypipe.recognition.ctc.library import address, library


class Weights(NamedTuple):
    """How much the language counts against the network: natural logarithms, tuned by `benchmarks/decoding.py`.

    Attributes:
        acoustic: Factor of the network's log probabilities.
        word, word_bonus: Factor of a listed word's log probability, and what each of its letters earns.
        spelling, spelling_bonus: The same for unlisted words.
        unknown: Price of an unlisted word.
        literal, figures: Price of a token taken literally, without and with a digit or @.
        order, mark_bonus: Factor of the log probability of a kind of character, and what each mark earns.
        pair: Share of word pairs in a word's probability.
        capital: Price of a capital where none is expected; half that after another capitalized word.
        lower: Price of a name without a capital.
        mixed: Price of a change between upper and lower case inside a word.
        capitals: Price of a word in capitals after one that is not in capitals.
        lost_space, false_space: Probability that a blank hides a space, or a space a blank.
    """

    acoustic: float = 0.691
    word: float = 0.34
    word_bonus: float = 1.28
    spelling: float = 0.242
    spelling_bonus: float = 1.28
    unknown: float = 3.46
    literal: float = 1.3
    figures: float = 0.641
    order: float = 0.25
    mark_bonus: float = 2.46
    pair: float = 0.431
    capital: float = 0.279
    lower: float = 1.97
    mixed: float = 2.5
    capitals: float = 0.599
    lost_space: float = 0.0005
    false_space: float = 0.03


class Alphabet(NamedTuple):
    """The language's view of a network's classes, arrays (classes,); the blank has -1.

    Attributes:
        codes: Letter codes, -1 for anything but a letter.
        shapes: Kinds of characters.
        capitals: Whether each is a capital letter.
        space: The class of the space.
    """

    codes: npt.NDArray[np.int32]
    shapes: npt.NDArray[np.int32]
    capitals: npt.NDArray[np.bool_]
    space: int


BEAMS = 32
"""Beginnings kept after each time step: more read no better, half as many a little worse."""
WINDOW = 5.5
"""Beginnings this much less probable than the best, in natural logarithms, are dropped."""
UNLIKELY = float(np.log(4e-3))
"""Least scaled log probability of a character that continues a beginning."""
NEVER = -1e30
"""Stands for the logarithm of zero."""
OPENS_SENTENCE = np.isin(np.arange(SHAPES), [mark(character) for character in '!".?(:'])
"""Whether a sentence may begin after a kind of character, (shapes,)."""


class _Language(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in Language._fields),
        *((name, ctypes.c_int64) for name in ("nodes", "listed", "slots", "shapes")),
    ]


class _Weights(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in Weights._fields]


class _Alphabet(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("codes", "shapes", "capitals", "opens_sentence")),
        *((name, ctypes.c_int32) for name in ("space", "at", "hyphen")),
    ]


class _Limits(ctypes.Structure):
    _fields_ = [("window", ctypes.c_double), ("unlikely", ctypes.c_double), ("beams", ctypes.c_int32)]


class _Texts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("numbers", "parents", "labels")]


class Texts(NamedTuple):
    """The texts of the beginnings that a search kept.

    Attributes:
        numbers: The beginnings kept after each time step, best first, int32 (t, BEAMS); 0: the empty one.
        parents, labels: For each number from 1 on, the beginning without its last character, and the class of that
            character.
    """

    numbers: npt.NDArray[np.int32]
    parents: list[int]
    labels: list[int]

    def since(self, number: int, length: int) -> tuple[int, ...]:
        """The classes of a beginning behind its first `length` characters."""
        found = []
        while number:
            found.append(self.labels[number])
            number = self.parents[number]
        return tuple(found[::-1][length:])


class SearchResult(NamedTuple):
    """The result of a search over t time steps.

    Attributes:
        labels: The classes of the best text, int32 (n,).
        shared: For the beginnings kept after each time step, best first, how many leading characters they share with
            the best text, int32 (t, BEAMS).
        scores: Their scores, float64 (t, BEAMS).
        texts: Their texts, if these were asked for.
    """

    labels: npt.NDArray[np.int32]
    shared: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    texts: Texts | None


class Search:
    """Prefix beam search with a language. Any number of threads may use one.

    Raises:
        ValueError: The arrays of the language or alphabet do not fit together.
        ModelError: The C library is missing.
    """

    def __init__(self, language: Language, weights: Weights, alphabet: Alphabet) -> None:
        _check_language(language)
        _check_alphabet(alphabet)
        # Kept alive, since the structures hold only addresses.
        self._arrays = (language, alphabet)
        self._classes, self._function = len(alphabet.codes), library().ctc_search
        self._knowledge = (
            _Language(
                *map(address, language),
                *(len(table) for table in (language.masks, language.frequencies, language.pairs, language.order)),
            ),
            _Weights(*weights),
            _Alphabet(
                *map(address, (alphabet.codes, alphabet.shapes, alphabet.capitals, OPENS_SENTENCE)),
                *(alphabet.space, mark("@"), mark("-")),
            ),
            _Limits(WINDOW, UNLIKELY, BEAMS),
        )

    def best(self, logs: npt.NDArray[np.float64], with_texts: bool = False) -> SearchResult:
        """The best text of log probabilities, float64 (t, classes), blank first, and the texts that were kept.

        Raises:
            ValueError: The number of classes is not that of the alphabet.
            MemoryError: There is not enough memory.
        """
        logs = np.ascontiguousarray(logs, np.float64)
        steps, classes = logs.shape
        if classes != self._classes:
            raise ValueError(f"The alphabet has {self._classes} classes, but the log probabilities have {classes}.")
        labels, length = np.empty(steps, np.int32), ctypes.c_int32()
        shared, scores = np.full((steps, BEAMS), -1, np.int32), np.full((steps, BEAMS), NEVER)
        outcome, texts = map(address, (shared, scores)), _texts(steps) if with_texts else None
        places = ctypes.byref(_Texts(*map(address, texts))) if texts else None
        structures = map(ctypes.byref, self._knowledge)
        status = self._function(address(logs), steps, classes, *structures, address(labels), length, *outcome, places)
        if status:
            raise MemoryError(f"Not enough memory for the word search over {steps} time steps.")
        kept = Texts(texts[0], texts[1].tolist(), texts[2].tolist()) if texts else None
        return SearchResult(labels[: length.value], shared, scores, kept)


def _texts(steps: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Room for the texts of this many time steps."""
    most = 1 + steps * BEAMS
    return np.zeros((steps, BEAMS), np.int32), np.zeros(most, np.int32), np.zeros(most, np.int32)


def _check_language(language: Language) -> None:
    """Checks what the search relies on: dtypes, sizes, indices inside their tables, a free slot to end a lookup."""
    nodes, words, slots = len(language.masks), len(language.frequencies), len(language.pairs)
    expected: dict[str, tuple[Any, tuple[int, ...]]] = {
        "masks": (np.uint32, (nodes,)),
        "children": (np.int32, (nodes,)),
        "ahead": (np.float32, (nodes,)),
        "words": (np.int32, (nodes,)),
        "frequencies": (np.float32, (words,)),
        "proper": (np.bool_, (words,)),
        "pairs": (np.int64, (slots,)),
        "pair_chances": (np.float32, (slots,)),
        "paired": (np.float32, (words,)),
        "spelling": (np.float32, ((EDGE + 1) ** 4,)),
        "order": (np.float32, (SHAPES, SHAPES)),
    }
    for name, (dtype, shape) in expected.items():
        _check_array(name, getattr(language, name), dtype, shape)
    if nodes == 0 or language.children.min() < 0 or language.words.max() >= words:
        raise ValueError("The language's trie points outside its tables.")
    if slots == 0 or slots & (slots - 1) or language.pairs.min() >= 0:
        raise ValueError("The language's table of pairs is not a hash table with a free slot.")


def _check_alphabet(alphabet: Alphabet) -> None:
    classes = len(alphabet.codes)
    _check_array("codes", alphabet.codes, np.int32, (classes,))
    _check_array("shapes", alphabet.shapes, np.int32, (classes,))
    _check_array("capitals", alphabet.capitals, np.bool_, (classes,))
    codes, shapes = alphabet.codes[1:], alphabet.shapes[1:]
    letters = codes[shapes == WORD]
    if not (0 < alphabet.space < classes and ((shapes >= 0) & (shapes < SHAPES)).all()):
        raise ValueError("The alphabet's space or kinds of characters are invalid.")
    if not ((letters >= 0) & (letters < EDGE)).all():
        raise ValueError("The alphabet has letters without a code.")


def _check_array(name: str, array: npt.NDArray[Any], dtype: Any, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(f"{name} is {array.dtype} {array.shape} where {np.dtype(dtype)} {shape} is expected.")
