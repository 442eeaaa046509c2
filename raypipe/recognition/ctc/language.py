"""What a language knows about its words: a word list as a trie, word pairs, spelling, and the order of marks.

The list ships in the models folder (`models/recipes/lexicon.py` builds it); everything else is computed from it when a
recognizer is opened. A user's own words join the list.
"""

from __future__ import annotations

import logging
import string
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from raypipe.errors import ConfigError, ModelError
from raypipe.files import open_file

LETTERS = string.ascii_lowercase + "'"
"""What words are made of. Their codes are the places in this string; code 27 is the edge of a word."""
EDGE = len(LETTERS)
START, WORD, NUMBER, SPACE = range(4)
MARKS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'
"""Punctuation: the shape of a mark is 4 + its place; every other character is of the last shape."""
OTHER = 4 + len(MARKS)
SHAPES = OTHER + 1
"""Kinds of characters whose order the language knows: line start and end, word, number, space, each mark, others."""
OWN_WORD = np.log(3e-5)
"""Log probability of a word of the user's: that of the ten thousandth most frequent."""
LONGEST = 40
"""Letters of the longest word of the user's: a table of all words is as wide as the longest."""
ORDER = 4
FOLDS = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\"--")

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]


class Language(NamedTuple):
    """The word knowledge that the beam search looks up; all probabilities are natural logarithms.

    Attributes:
        masks: uint32 (nodes,), which letters follow a trie node: bit n for code n. Node 0 is the root.
        children: (nodes,), the first child of a node; the others follow in the order of their codes.
        ahead: (nodes,), probability of all words that begin so.
        words: (nodes,), the number of the word that ends here, or -1.
        frequencies: (words,), probability of each word.
        proper: (words,), whether the word is written with a capital.
        pairs: int64 (slots,), hash table of word pairs, first * words + second, or -1.
        pair_chances: (slots,), probability of the second word after the first.
        paired: (words,), the share of what follows a word that its pairs make up; no logarithm.
        spelling: (27 ** 3 contexts * 28), probability of a letter or the edge after three letters.
        order: (shapes, shapes), probability of a kind of character after another.
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


def load_language(path: Path, lexicon: str | None = None) -> Language:
    """A language from its file and a user's own words.

    Args:
        path: A file of `models/recipes/lexicon.py`.
        lexicon: Text file, or URI of one, of words and names, any number on a line; marks and spaces separate
            them. Entries with digits or letters beyond a to z are left out.

    Raises:
        ModelError: The language's file is missing or damaged.
        ConfigError: The lexicon cannot be read.
    """
    try:
        with np.load(path) as stored:
            listed = stored["words"].tobytes().decode("ascii").split("\n")
            chances = stored["frequencies"].astype(np.float32)
            proper = np.unpackbits(stored["proper"], count=len(listed)).astype(bool)
            firsts, seconds = np.cumsum(stored["firsts"], dtype=np.int64), stored["seconds"].astype(np.int64)
            pair_chances = stored["pair_chances"].astype(np.float32)
            order = stored["order"].astype(np.float32)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ModelError(f"The language file {path} cannot be read: {error}.", "Install raypipe again.") from error
    words = dict(zip(listed, zip(chances.tolist(), proper.tolist(), strict=True), strict=True))
    for word in own_words(lexicon) if lexicon else ():
        lower = word.lower()
        chance, is_proper = words.get(lower, (-np.inf, True))
        words[lower] = max(chance, OWN_WORD), is_proper and word != lower
    names = sorted(words)
    place = {name: n for n, name in enumerate(names)}
    moved = np.array([place[name] for name in listed], np.int64)
    pairs, chances_of_pairs = _hash(moved[firsts] * len(names) + moved[seconds], pair_chances)
    frequencies = np.array([words[name][0] for name in names], np.float32)
    codes = _codes(names)
    return Language(
        *_trie(codes, frequencies),
        frequencies,
        np.array([words[name][1] for name in names]),
        pairs,
        chances_of_pairs,
        np.minimum(np.bincount(moved[firsts], np.exp(pair_chances), len(names)), 1).astype(np.float32),
        _spelling(codes, frequencies),
        order,
    )


def shape(character: str) -> int:
    """The kind of a character, as the language's order of marks knows it."""
    character = character.translate(FOLDS)
    if character == " ":
        return SPACE
    if character == "'" or (character.isascii() and character.isalpha()):
        return WORD
    if character.isascii() and character.isdigit():
        return NUMBER
    return mark(character) if character in MARKS else OTHER


def mark(character: str) -> int:
    """The kind of a punctuation mark."""
    return SPACE + 1 + MARKS.index(character)


def letter(character: str) -> int:
    """The code of a letter or apostrophe, -1 for what is none."""
    return LETTERS.find(character.translate(FOLDS).lower()) if shape(character) == WORD else -1


def own_words(lexicon: str) -> list[str]:
    """The words of a user's lexicon; see `load_language`.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with open_file(lexicon) as file:
            text = file.read().decode("utf-8").translate(FOLDS)
    except (OSError, ValueError) as error:
        raise ConfigError(f"The lexicon {lexicon} cannot be read: {error}.", "Give a UTF-8 text file.") from error
    kept = "".join(character if shape(character) in (WORD, NUMBER, OTHER) else " " for character in text)
    found = [word for part in kept.split() if (word := part.strip("'"))]
    words = [word for word in found if len(word) <= LONGEST and all(shape(character) == WORD for character in word)]
    if len(words) < len(found):
        logging.getLogger(__name__).warning(
            "%s: %d of %d entries have digits, letters beyond a to z, or more than %d letters, and are left out.",
            lexicon, len(found) - len(words), len(found), LONGEST,
        )  # fmt: skip
    return words


def _codes(words: Sequence[str]) -> npt.NDArray[np.int8]:
    """Letter codes (n, longest + 1) of words in sorted order, filled up with edges."""
    table = np.full(256, EDGE, np.int8)
    table[np.frombuffer(LETTERS.encode(), np.uint8)] = np.arange(len(LETTERS))
    longest = max(map(len, words))
    joined = "".join(word.ljust(longest + 1) for word in words).encode("ascii")
    return table[np.frombuffer(joined, np.uint8)].reshape(len(words), -1)


def _trie(
    codes: npt.NDArray[np.int8], frequencies: Floats
) -> tuple[npt.NDArray[np.uint32], Integers, Floats, Integers]:
    """Masks, first children, look-ahead and words of a trie whose nodes stand level by level."""
    order = np.lexsort(codes.T[::-1])
    codes, probabilities = codes[order], np.exp(frequencies[order].astype(np.float64))
    new = np.ones(codes.shape, bool)
    new[1:] = np.logical_or.accumulate(codes[1:] != codes[:-1], 1)
    new &= codes != EDGE
    counts = new.sum(0)
    starts = np.concatenate([[1], 1 + np.cumsum(counts)])
    total = int(starts[-1])
    masks, children = np.zeros(total, np.uint32), np.zeros(total, np.int32)
    sums, words = np.zeros(total), np.full(total, -1, np.int32)
    above = np.zeros(len(codes), np.int64)
    sums[0] = probabilities.sum()
    for level in range(codes.shape[1]):
        ended = (codes[:, level] == EDGE) & (above >= 0)
        words[above[ended]] = order[ended]
        here = np.where(ended | (above < 0), -1, starts[level] + np.cumsum(new[:, level]) - 1)
        firsts = np.flatnonzero(new[:, level])
        np.bitwise_or.at(masks, above[firsts], np.uint32(1) << codes[firsts, level].astype(np.uint32))
        children[above[firsts][::-1]] = here[firsts][::-1]
        inside = here >= 0
        np.add.at(sums, here[inside], probabilities[inside])
        above = here
    return masks, children, np.log(np.maximum(sums, 1e-30)).astype(np.float32), words


def _spelling(codes: npt.NDArray[np.int8], frequencies: Floats) -> Floats:
    """Letter probabilities after three letters, from the list's words, each by the root of its frequency.

    Each order is smoothed with the one below it by Witten and Bell's rule (IEEE Trans. Inf. Theory 37(4), 1991).
    """
    weights = np.exp(frequencies / 2)
    weights /= weights.min()
    size = EDGE + 1
    padded = np.pad(codes.astype(np.int64), ((0, 0), (ORDER - 1, 0)), constant_values=EDGE)
    places = np.flatnonzero(np.pad(codes != EDGE, ((0, 0), (1, 0)), constant_values=True)[:, :-1])
    columns = codes.shape[1]
    rows, here = places // columns, places % columns + ORDER - 1
    chances = np.full((1, size), 1 / size)
    for length in range(ORDER):
        context = np.zeros(len(rows), np.int64)
        for back in range(length, 0, -1):
            context = context * size + padded[rows, here - back]
        counts = np.bincount(context * size + padded[rows, here], weights[rows], size ** (length + 1))
        counts = counts.reshape(-1, size)
        kinds = (counts > 0).sum(1, keepdims=True)
        below = np.tile(chances, (size, 1)) if length else chances
        chances = (counts + kinds * below) / np.maximum(counts.sum(1, keepdims=True) + kinds, 1e-9)
        chances = np.where(kinds > 0, chances, below)
    return np.asarray(np.log(np.maximum(chances, 1e-9)).ravel(), np.float32)


def _hash(keys: npt.NDArray[np.int64], values: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """An open hash table of twice the room, a power of two; a key stands at or after `key * 0x9E3779B1 % slots`."""
    slots = 1 << max(2 * len(keys), 2).bit_length()
    table, found = np.full(slots, -1, np.int64), np.zeros(slots, np.float32)
    places = (keys * 0x9E3779B1) & (slots - 1)
    waiting = np.arange(len(keys))
    while len(waiting):
        free = waiting[table[places[waiting]] < 0]
        table[places[free]] = keys[free]
        settled = table[places[waiting]] == keys[waiting]
        found[places[waiting[settled]]] = values[waiting[settled]]
        waiting = waiting[~settled]
        places[waiting] = (places[waiting] + 1) & (slots - 1)
    return table, found
