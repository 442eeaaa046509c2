"""Knowledge about the words of a language: a word list as a trie, word pairs, spelling, and the order of marks.

The lists ship in the models folder (`models/recipes/lexicon.py` and `latin_words.py` build them); everything else is
computed from them when a recognizer is opened. A user's own words join the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from raypipe.errors import ModelError, reason_of
from raypipe.recognition.ctc.characters import EDGE, LETTERS
from raypipe.recognition.ctc.lexicon import own_words
from raypipe.recognition.ctc.library import address, library

OWN_WORD = np.log(3e-5)
"""Log probability of a user's own word: that of the ten-thousandth most frequent word."""
ORDER = 4
"""Letters in a context of the spelling, the one that follows included."""

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]


class Language(NamedTuple):
    """The word knowledge that the beam search looks up; all probabilities are natural logarithms.

    Attributes:
        masks: uint32 (nodes,), which letters follow a trie node: bit n for code n. Node 0 is the root.
        children: (nodes,), the first child of a node; its siblings follow in the order of their codes.
        ahead: (nodes,), total probability of all words with this beginning.
        words: (nodes,), the number of the word that ends here, or -1.
        frequencies: (words,), probability of each word.
        proper: (words,), whether the word is written with a capital.
        pairs: int64 (slots,), hash table of word pairs, first * words + second, or -1.
        pair_chances: (slots,), probability of the second word after the first.
        paired: (words,), the share of what follows a word that is covered by its pairs; not a logarithm.
        spelling: (28 ** 4,), probability of a letter or the edge after three of these: for each three, all 28.
        order: (shapes, shapes), probability that one kind of character follows another.
    """

    masks: npt.NDArray[np.uint32]
    children: Integers
    ahead: Floats
    words: Integers
    frequencies: Floats
    proper: npt.NDArray[np.bool_]
    pairs: npt.NDArray[np.int64]
    pair_chances: Floats
    paired: Floats
    spelling: Floats
    order: Floats


def load_language(path: Path, code: str, lexicon: str | None = None) -> Language:
    """Loads a language from a file of word lists, with a user's own words.

    Args:
        path: A file made by `models/recipes/lexicon.py` or `latin_words.py`.
        code: The language.
        lexicon: Text file, or its URI, of words and names, any number per line, separated by marks and
            spaces. Accents are left out, and so are entries with digits or with letters of other scripts.

    Raises:
        ModelError: The language's file is missing or damaged.
        ConfigError: The lexicon cannot be read.
    """
    listed = _read(path, code)
    if lexicon:
        listed = _join(listed, own_words(lexicon))
    words, frequencies = len(listed.frequencies), listed.frequencies
    codes = _codes(listed.text)
    return Language(
        *_trie(codes, frequencies),
        frequencies,
        listed.proper,
        *_hash(listed.firsts * words + listed.seconds, listed.pair_chances),
        np.minimum(np.bincount(listed.firsts, np.exp(listed.pair_chances), words), 1).astype(np.float32),
        _spelling(codes, frequencies),
        listed.order,
    )


class _Listed(NamedTuple):
    """What is stored of a language: words, joined by newlines, with frequencies and case, pairs, and marks."""

    text: npt.NDArray[np.uint8]
    frequencies: Floats
    proper: npt.NDArray[np.bool_]
    firsts: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.int64]
    pair_chances: Floats
    order: Floats


def read_arrays(path: Path, code: str, names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Reads what a file of word lists stores of a language.

    Raises:
        ModelError: The file is missing or damaged.
    """
    try:
        with np.load(path) as stored:
            return {name: stored[f"{code}_{name}"] for name in names}
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ModelError(
            f"The language file {path} cannot be read: {reason_of(error)}.", "Install raypipe again."
        ) from error


def _read(path: Path, code: str) -> _Listed:
    names = "words", "frequencies", "proper", "firsts", "seconds", "pair_chances", "order"
    stored = read_arrays(path, code, names)
    return _Listed(
        stored["words"],
        frequencies=stored["frequencies"].astype(np.float32),
        proper=np.unpackbits(stored["proper"], count=len(stored["frequencies"])).astype(bool),
        firsts=np.cumsum(stored["firsts"], dtype=np.int64),
        seconds=stored["seconds"].astype(np.int64),
        pair_chances=stored["pair_chances"].astype(np.float32),
        order=stored["order"].astype(np.float32),
    )


def _join(listed: _Listed, own: Sequence[str]) -> _Listed:
    """The list with a user's words: words already in it become more frequent, others are appended."""
    names = listed.text.tobytes().decode("ascii").split("\n")
    words = dict(zip(names, zip(listed.frequencies.tolist(), listed.proper.tolist(), strict=True), strict=True))
    for word in own:
        lower = word.lower()
        chance, is_proper = words.get(lower, (-np.inf, True))
        words[lower] = max(chance, OWN_WORD), is_proper and word != lower
    frequencies, proper = zip(*words.values(), strict=True)
    return listed._replace(
        text=np.frombuffer("\n".join(words).encode("ascii"), np.uint8),
        frequencies=np.array(frequencies, np.float32),
        proper=np.array(proper, np.bool_),
    )


def _codes(text: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """Letter codes (n, at least longest + 1) of words that are joined by newlines, padded with edges."""
    table = np.full(256, EDGE, np.int8)
    table[np.frombuffer(LETTERS.encode(), np.uint8)] = np.arange(len(LETTERS))
    ends = np.flatnonzero(np.append(text, ord("\n")) == ord("\n"))
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts
    # Padded to a multiple of eight letters, by which `_trie` sorts.
    width = -(-(int(lengths.max()) + 1) // 8) * 8
    codes = np.full((len(ends), width), EDGE, np.int8)
    places = np.arange(len(text)) - np.repeat(starts - width * np.arange(len(ends)), lengths + 1)[: len(text)]
    codes.reshape(-1)[places] = table[text]
    return codes


def _trie(
    codes: npt.NDArray[np.int8], frequencies: Floats
) -> tuple[npt.NDArray[np.uint32], Integers, Floats, Integers]:
    """Masks, first children, look-ahead and words of a trie whose nodes are in level order."""
    probabilities = np.exp(frequencies.astype(np.float64))
    order = np.ascontiguousarray(np.lexsort(codes.view(">u8").T[::-1].astype(np.uint64)), np.int64)
    most = 1 + int(np.count_nonzero(codes != EDGE))
    masks, children = np.zeros(most, np.uint32), np.zeros(most, np.int32)
    sums, words = np.zeros(most), np.full(most, -1, np.int32)
    tables = map(address, (probabilities, masks, children, sums, words))
    nodes = library().ctc_trie(address(codes), address(order), *codes.shape, *tables)
    if nodes < 0:
        raise MemoryError("Not enough memory for the words of the language.")
    sums[0] = probabilities[order].sum()
    ahead = np.log(np.maximum(sums[:nodes], 1e-30)).astype(np.float32)
    return masks[:nodes], children[:nodes], ahead, words[:nodes]


def _spelling(codes: npt.NDArray[np.int8], frequencies: Floats) -> Floats:
    """Letter probabilities after three letters, from the list's words, weighted by the root of their frequency.

    Each order is smoothed with the one below it by Witten and Bell's rule (IEEE Trans. Inf. Theory 37(4), 1991).
    """
    weights = np.exp(frequencies / 2)
    weights = (weights / weights.min()).astype(np.float64)
    size = EDGE + 1
    sizes = [size ** (length + 1) for length in range(ORDER)]
    sums = np.zeros(sum(sizes))
    library().ctc_count_letters(address(codes), *codes.shape, address(weights), address(sums))
    chances = np.full((1, size), 1 / size)
    for length, counts in enumerate(np.split(sums, np.cumsum(sizes)[:-1])):
        counts = counts.reshape(-1, size)
        kinds = (counts > 0).sum(1, keepdims=True)
        below = np.tile(chances, (size, 1)) if length else chances
        chances = (counts + kinds * below) / np.maximum(counts.sum(1, keepdims=True) + kinds, 1e-9)
        chances = np.where(kinds > 0, chances, below)
    return np.asarray(np.log(np.maximum(chances, 1e-9)).ravel(), np.float32)


def _hash(keys: npt.NDArray[np.int64], values: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """An open-addressing hash table with at least twice as many slots as keys, a power of two."""
    slots = 1 << max(2 * len(keys), 2).bit_length()
    table, found = np.full(slots, -1, np.int64), np.zeros(slots, np.float32)
    library().ctc_hash(address(keys), address(values), len(keys), slots, address(table), address(found))
    return table, found
