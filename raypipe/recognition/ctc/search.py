"""CTC prefix beam search with a language: the text that the network's probabilities and a word list agree on.

Prefix beam search (Hannun et al., arXiv:1408.2873) keeps the most probable beginnings of a text and adds up all paths
that spell them. Here each beginning also carries a language score, the better of two readings of its last token:

* as words: letters walk through a trie of listed words whose frequency looks ahead (Ortmanns et al., 1996), or are
  spelled by a letter model if no listed word fits; marks and spaces follow the language's order of characters;
* literally: as the network read it, at a fixed price a token. Tokens with digits or @ pay less: no word list knows
  better what number, date, amount, address or identifier stands there.

The loops are compiled by Numba when first used, and the result is kept beside this file or in the user's cache. All of
them stand in this file: the cache does not notice changes in others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numba
import numpy as np
import numpy.typing as npt

from raypipe.recognition.ctc.language import EDGE, MARKS, NUMBER, SPACE, START, WORD, mark

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Has Numba compile a function when it is first called; where nothing can be written, in every process anew."""
    try:
        result = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        result = numba.njit(nogil=True)(function)
    return result  # type: ignore[no-any-return]


class Weights(NamedTuple):
    """What the language counts against the network: prices in natural logarithms, tuned by `benchmarks/decoding.py`.

    Attributes:
        acoustic: Factor of the network's log probabilities.
        word, word_bonus: Factor of a listed word's log probability, and what each of its letters earns.
        spelling, spelling_bonus: The same for words that are not listed.
        unknown: Price of a word that is not listed.
        literal, figures: Price of a token that is taken as read, without and with a digit or @.
        order, mark_bonus: Factor of the log probability of a kind of character, and what a mark earns of it.
        pair: Share of the pairs in a word's probability.
        capital: Price of a capital where none is expected; half of it after another capitalized word.
        lower: Price of a name without a capital.
        mixed: Price of a change between capitals and small letters inside a word.
        capitals: Price of a word in capitals after one that is not.
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
    """What the language calls the classes of a network, arrays (classes,); the blank has -1.

    Attributes:
        codes: Letter codes, -1 for what is no letter.
        shapes: Kinds of characters.
        capitals: Whether it is a capital letter.
        space: The class of the space.
    """

    codes: npt.NDArray[np.int32]
    shapes: npt.NDArray[np.int32]
    capitals: npt.NDArray[np.bool_]
    space: int


BEAMS = 32
"""Beginnings kept after each time step; more read no better, half as many a little worse."""
WINDOW = 5.5
"""Beginnings this much less probable than the best, in natural logarithms, are dropped."""
UNLIKELY = float(np.log(4e-3))
"""Scaled log probability from which on a character continues a beginning."""
NEVER = -1e30
SMALL, CAPITALIZED, CAPITALS = range(3)
AT, HYPHEN = mark("@"), mark("-")
OPENS_SENTENCE = np.array([character in '!".?(:' for character in MARKS])
CONTEXTS = (EDGE + 1) ** 3
WORD_START = CONTEXTS - 1

PREFIX = np.dtype(
    [
        # Its place in the tree of all beginnings: numbers of parent, first child and next sibling, its last class.
        ("parent", np.int32),
        ("child", np.int32),
        ("sibling", np.int32),
        ("label", np.int32),
        # Log probability of its paths that end in a blank and in its last character, now and after this time step.
        ("blank", np.float64),
        ("open", np.float64),
        ("next_blank", np.float64),
        ("next_open", np.float64),
        ("step", np.int32),
        # Language: the two readings and the better one.
        ("words", np.float64),
        ("literal", np.float64),
        ("score", np.float64),
        ("figured", np.bool_),
        # The word it ends in: score of what stands before, price of its capitals, letter model, place in the trie.
        ("before", np.float64),
        ("case", np.float64),
        ("spelling", np.float64),
        ("context", np.int32),
        ("trie", np.int32),
        ("letters", np.int32),
        ("capitals", np.int32),
        # What it leaves to the next character: number and case of the word before, kind of the last character.
        ("previous", np.int32),
        ("manner", np.int32),
        ("shape", np.int32),
        ("opens_sentence", np.bool_),
    ]
)


@compiled
def search(logs: Any, language: Any, weights: Any, alphabet: Any) -> Any:
    """Prefix beam search.

    Args:
        logs: float64 (t, classes), log probabilities, blank first.
        language: A `Language`.
        weights: What it counts.
        alphabet: Its names for the classes.

    Returns:
        The classes (n,) of the best text; for the beginnings kept after each time step, best first, how many leading
        characters of it they share, (t, BEAMS); and their scores, (t, BEAMS).
    """
    steps, classes = logs.shape
    tree, used = np.empty(64 * BEAMS, PREFIX), 1
    _plant(tree[0], weights)
    beams, touched = np.zeros(1, np.int32), np.empty(BEAMS * (classes + 1), np.int32)
    kept, scores = np.full((steps, BEAMS), -1, np.int32), np.full((steps, BEAMS), NEVER)
    for step in range(steps):
        row = logs[step]
        likely = np.flatnonzero(row[1:] > UNLIKELY) + 1
        if used + len(beams) * len(likely) > len(tree):
            tree = np.concatenate((tree[:used], np.empty(len(tree) + len(beams) * len(likely), PREFIX)))
        least = _best(tree, beams) + row.max() - WINDOW
        count = 0
        for beam in beams:
            count = _stay(tree, beam, step, row, alphabet.space, touched, count)
            for label in likely:
                paths = _paths(tree[beam], label, alphabet.space)
                if paths + row[label] + tree[beam].score < least:
                    continue
                place = _child(tree, beam, label)
                if place < 0:
                    place, used = used, used + 1
                    _grow(tree, beam, place, label, language, weights, alphabet)
                count = _touch(tree, place, step, touched, count)
                tree[place].next_open = _add(tree[place].next_open, paths + row[label])
        beams = _select(tree, touched[:count], kept[step], scores[step])
    winner = _winner(tree, beams, language, weights)
    labels = _spell(tree, winner)
    return labels, _agreement(tree[:used], winner, len(labels), kept), scores


@compiled
def _add(one: float, two: float) -> float:
    """The logarithm of the sum of two probabilities."""
    if one < two:
        one, two = two, one
    return one if two < NEVER / 2 else one + np.log1p(np.exp(two - one))


@compiled
def _plant(root: Any, weights: Any) -> None:
    """The beginning of every text."""
    root.parent = root.child = root.sibling = root.label = root.step = -1
    root.blank, root.open = 0.0, NEVER
    root.words, root.literal, root.score, root.figured = 0.0, -weights.literal, 0.0, False
    root.previous, root.manner, root.shape, root.opens_sentence = -1, SMALL, START, True
    root.letters = root.capitals = 0


@compiled
def _best(tree: Any, beams: Any) -> float:
    best = NEVER
    for beam in beams:
        best = max(best, _add(tree[beam].blank, tree[beam].open) + tree[beam].score)
    return best


@compiled
def _touch(tree: Any, place: int, step: int, touched: Any, count: int) -> int:
    """Notes that a beginning is reached in this time step."""
    prefix = tree[place]
    if prefix.step != step:
        prefix.step, prefix.next_blank, prefix.next_open = step, NEVER, NEVER
        touched[count] = place
        count += 1
    return count


@compiled
def _stay(tree: Any, place: Any, step: int, row: Any, space: int, touched: Any, count: int) -> int:
    """Goes on with the same text: a blank, or more of its last character. Spaces after a space are blanks."""
    count = _touch(tree, place, step, touched, count)
    prefix = tree[place]
    total = _add(prefix.blank, prefix.open)
    if prefix.label < 0 or prefix.label == space:
        prefix.next_blank = _add(prefix.next_blank, total + _add(row[0], row[space]))
    else:
        prefix.next_blank = _add(prefix.next_blank, total + row[0])
        prefix.next_open = _add(prefix.next_open, prefix.open + row[prefix.label])
    return count


@compiled
def _paths(prefix: Any, label: Any, space: int) -> float:
    """Log probability of the paths that another character may follow: the same one needs a blank between."""
    if label == space and (prefix.label < 0 or prefix.label == space):
        return NEVER
    return float(prefix.blank) if label == prefix.label else _add(prefix.blank, prefix.open)


@compiled
def _child(tree: Any, place: Any, label: Any) -> Any:
    child = tree[place].child
    while child >= 0 and tree[child].label != label:
        child = tree[child].sibling
    return child


@compiled
def _grow(tree: Any, parent: Any, place: Any, label: Any, language: Any, weights: Any, alphabet: Any) -> None:
    """Adds a beginning to the tree, one character longer than its parent."""
    above, prefix = tree[parent], tree[place]
    prefix.parent, prefix.child, prefix.sibling, prefix.label, prefix.step = parent, -1, above.child, label, -1
    above.child = place
    prefix.shape, prefix.literal, prefix.figured = alphabet.shapes[label], above.literal, above.figured
    prefix.previous, prefix.manner, prefix.opens_sentence = above.previous, above.manner, above.opens_sentence
    if prefix.shape == WORD:
        _add_letter(above, prefix, alphabet.codes[label], alphabet.capitals[label], language, weights)
    else:
        _add_mark(above, prefix, language, weights)
    if not prefix.figured and (prefix.shape == NUMBER or prefix.shape == AT):
        prefix.figured = True
        prefix.literal += weights.literal - weights.figures
    prefix.score = max(prefix.words, prefix.literal)


@compiled
def _add_letter(above: Any, prefix: Any, code: int, capital: bool, language: Any, weights: Any) -> None:
    if above.shape == WORD:
        prefix.before, prefix.case = above.before, above.case
        prefix.trie, prefix.context, prefix.spelling = above.trie, above.context, above.spelling
        prefix.letters, prefix.capitals = above.letters + 1, above.capitals
    else:
        prefix.before = above.words + weights.order * language.order[above.shape, WORD]
        prefix.case, prefix.trie, prefix.context, prefix.spelling = 0.0, 0, WORD_START, 0.0
        prefix.letters, prefix.capitals = 1, 0
    prefix.case += _case(prefix, code, capital, weights)
    prefix.capitals += capital
    prefix.trie = _follow(language, prefix.trie, code)
    prefix.spelling += language.spelling[prefix.context * (EDGE + 1) + code]
    prefix.context = (prefix.context * (EDGE + 1) + code) % CONTEXTS
    word = weights.spelling * prefix.spelling + weights.spelling_bonus * prefix.letters - weights.unknown
    if prefix.trie >= 0:
        word = max(word, weights.word * language.ahead[prefix.trie] + weights.word_bonus * prefix.letters)
    prefix.words = prefix.before + word - prefix.case


@compiled
def _case(prefix: Any, code: int, capital: bool, weights: Any) -> float:
    """The price of a letter's case; `prefix` has counted it among its letters but not yet among its capitals."""
    all_capitals = prefix.capitals == prefix.letters - 1
    if prefix.letters == 1:
        if not capital:
            return float(weights.capitals) / 2 if prefix.manner == CAPITALS else 0.0
        if prefix.opens_sentence or prefix.manner == CAPITALS:
            return 0.0
        return float(weights.capital) / 2 if prefix.manner == CAPITALIZED else float(weights.capital)
    if capital and all_capitals:
        return float(weights.capitals) if prefix.letters == 2 and prefix.manner != CAPITALS else 0.0
    if capital or (all_capitals and prefix.capitals > 1 and code < EDGE - 1):
        return float(weights.mixed)
    return 0.0


@compiled
def _follow(language: Any, node: int, code: int) -> int:
    """The trie node of one letter more, -1 where no word goes on so."""
    if node < 0:
        return -1
    bit = np.uint32(1) << np.uint32(code)
    mask = language.masks[node]
    if not mask & bit:
        return -1
    before, place = mask & (bit - np.uint32(1)), language.children[node]
    while before:
        before &= before - np.uint32(1)
        place += 1
    return place  # type: ignore[no-any-return]


@compiled
def _add_mark(above: Any, prefix: Any, language: Any, weights: Any) -> None:
    """A space, digit, punctuation or another mark, which ends the word before it."""
    prefix.letters = prefix.capitals = 0
    words = above.words
    if above.shape == WORD:
        score, word = _word(above, language, weights)
        words = above.before + score
        prefix.previous, prefix.opens_sentence, prefix.manner = word, False, SMALL
        if above.capitals:
            prefix.manner = CAPITALS if 1 < above.capitals == above.letters else CAPITALIZED
    if prefix.shape != NUMBER or above.shape != NUMBER:
        price = weights.order * language.order[above.shape, prefix.shape]
        words += price if prefix.shape == SPACE else min(0.0, price + weights.mark_bonus)
    if prefix.shape == SPACE:
        literal = prefix.literal + weights.order * language.order[WORD, SPACE]
        if literal > words:
            words, prefix.previous = literal, -1
        prefix.literal, prefix.figured = words - weights.literal, False
    else:
        prefix.previous = -1
        prefix.opens_sentence |= prefix.shape > SPACE and OPENS_SENTENCE[prefix.shape - SPACE - 1]
    prefix.words = words


@compiled
def _word(prefix: Any, language: Any, weights: Any) -> tuple[float, int]:
    """The score of the word that ends here, and its number or -1."""
    ended = prefix.spelling + language.spelling[prefix.context * (EDGE + 1) + EDGE]
    unknown = weights.spelling * ended + weights.spelling_bonus * prefix.letters - weights.unknown - prefix.case
    word = language.words[prefix.trie] if prefix.trie >= 0 else -1
    if word < 0:
        return unknown, -1
    known = weights.word * _chance(prefix.previous, word, language, weights) + weights.word_bonus * prefix.letters
    if not language.proper[word]:
        known -= prefix.case
    elif prefix.capitals == 0:
        known -= prefix.case + weights.lower
    elif prefix.capitals > 1:
        known -= prefix.case
    return (known, word) if known > unknown else (unknown, -1)


@compiled
def _chance(previous: int, word: int, language: Any, weights: Any) -> float:
    """Log probability of a word after another: its frequency, mixed with that of the pair."""
    if previous < 0:
        return float(language.frequencies[word])
    key = np.int64(previous) * len(language.frequencies) + word
    last = len(language.pairs) - 1
    place = (key * 0x9E3779B1) & last
    while language.pairs[place] >= 0 and language.pairs[place] != key:
        place = (place + 1) & last
    chance = np.exp(language.frequencies[word]) * (1 - weights.pair * language.paired[previous])
    if language.pairs[place] == key:
        chance += weights.pair * np.exp(language.pair_chances[place])
    return float(np.log(chance))


@compiled
def _select(tree: Any, touched: Any, beams: Any, scores: Any) -> Any:
    """Fills in the best beginnings reached in a time step, best first; their next probabilities become the present."""
    count = 0
    for place in touched:
        prefix = tree[place]
        prefix.blank, prefix.open = prefix.next_blank, prefix.next_open
        score = _add(prefix.blank, prefix.open) + prefix.score
        if count == BEAMS and score <= scores[BEAMS - 1]:
            continue
        rank = min(count, BEAMS - 1)
        count = rank + 1
        while rank > 0 and scores[rank - 1] < score:
            scores[rank], beams[rank] = scores[rank - 1], beams[rank - 1]
            rank -= 1
        scores[rank], beams[rank] = score, place
    return beams[:count]


@compiled
def _winner(tree: Any, beams: Any, language: Any, weights: Any) -> int:
    """The best whole text among beginnings."""
    best, winner = 2 * NEVER, 0
    for place in beams:
        score = _add(tree[place].blank, tree[place].open) + _whole(tree, place, language, weights)
        if score > best:
            best, winner = score, place
    return winner


@compiled
def _whole(tree: Any, place: int, language: Any, weights: Any) -> float:
    """The language score of a beginning as a whole line; a word before a hyphen may go on in the next line."""
    prefix = tree[place]
    words = prefix.words
    if prefix.shape == WORD:
        words = prefix.before + _word(prefix, language, weights)[0]
    elif prefix.shape == HYPHEN and tree[prefix.parent].shape == WORD:
        price = weights.order * language.order[WORD, HYPHEN] + weights.mark_bonus
        words = max(words, tree[prefix.parent].words + min(0.0, price))
    if prefix.shape != SPACE:
        words += weights.order * language.order[prefix.shape, START]
    return max(words, prefix.literal + weights.order * language.order[WORD, START])  # type: ignore[no-any-return]


@compiled
def _spell(tree: Any, place: int) -> Any:
    """The classes from the root to a beginning."""
    labels = np.empty(len(tree), np.int32)
    start = len(tree)
    while place > 0:
        start -= 1
        labels[start] = tree[place].label
        place = tree[place].parent
    return labels[start:]


@compiled
def _agreement(tree: Any, winner: int, length: int, kept: Any) -> Any:
    """How many leading characters each of the beginnings kept shares with the winner."""
    shared = np.zeros(len(tree), np.int32)
    place = winner
    while place > 0:
        shared[place] = length
        length -= 1
        place = tree[place].parent
    for place in range(1, len(tree)):
        if shared[place] == 0:
            shared[place] = shared[tree[place].parent]
    return shared[np.maximum(kept, 0).ravel()].reshape(kept.shape)
