"""English words for the beam search: list, frequencies, pairs, and the order of marks, in one small file.

Usage: python models/recipes/lexicon.py [--output models] [--dictionary FILE] [--texts FOLDER]

Sources: word and word pair frequencies of the package `symspellpy`; SCOWL's list with names and spellings in capitals,
which is Debian's `wamerican`; texts for the words both lack and for punctuation, which are Debian's `fortunes`.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import common
import numpy as np

from raypipe.recognition.ctc.characters import FOLDS, NUMBER, OTHER, SHAPES, SPACE, START, WORD, shape

WORDS = "frequency_dictionary_en_82_765.txt"
PAIRS = "frequency_bigramdictionary_en_243_342.txt"
TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")
RAREST = 3e-9
"""Frequency of a word that is listed without one."""
OWNER = 0.01
"""Frequency of a possessive, as a share of its noun's."""
INITIALS, INITIAL = "bcdefghjklmnopqrstuvwxyz", 1e-4
"""Letters that are no words by themselves, and the frequency of each."""
TEXT_SHARE = 0.2
"""Weight of the texts' own frequencies beside the list's."""
SEEN = 3
"""A word of the texts counts from so many occurrences on; it is a name if four of five of them have a capital."""
PRIOR = 20
"""Weight of a mark's own frequency in its probability after another."""


@dataclass(frozen=True)
class Counts:
    """What the texts hold: words in small letters, how many of those begin with a capital, and pairs of marks."""

    words: Counter[str]
    capitalized: Counter[str]
    order: np.ndarray


def package_lines(name: str) -> Iterator[list[str]]:
    """Yield the fields of each line of a file of symspellpy."""
    spec = importlib.util.find_spec("symspellpy")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Package 'symspellpy' is missing: pip install -r models/recipes/requirements.txt")
    path = Path(spec.submodule_search_locations[0]) / name
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        yield line.split()


def text_lines(folder: Path) -> Iterator[str]:
    """Yield the lines of Debian's fortunes."""
    for path in sorted(folder.iterdir()):
        if not path.suffix:
            for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
                if line.strip() not in ("", "%"):
                    yield " ".join(line.split())


def count(lines: Iterator[str]) -> Counts:
    """Count words, capitals after the first word of a line, and kinds of characters after another."""
    words, capitalized = Counter[str](), Counter[str]()
    order = np.zeros((SHAPES, SHAPES))
    for line in lines:
        for number, match in enumerate(TOKEN.finditer(line.translate(FOLDS))):
            word = match.group()
            words[word.lower()] += 1
            capitalized[word.lower()] += number > 0 and word[0].isupper() and (len(word) == 1 or not word.isupper())
        kinds = [START]
        for kind in map(english_shape, line):
            if kind != kinds[-1] or kind not in (WORD, NUMBER, SPACE):
                kinds.append(kind)
        np.add.at(order, (kinds, [*kinds[1:], START]), 1)
    return Counts(words, capitalized, order)


def english_shape(character: str) -> int:
    """The kind of a character. English has so few accents that what stands about them says nothing of words."""
    has_accent = character.isalpha() and not character.translate(FOLDS).isascii()
    return OTHER if has_accent else shape(character)


def frequencies(listed: Counter[str], dictionary: list[str], texts: Counts) -> dict[str, float]:
    """Return the probability of each word."""
    total, text_total = listed.total(), texts.words.total()
    found = {word: max(times / total, RAREST) for word, times in listed.items() if is_word(word)}
    for word in map(str.lower, dictionary):
        if is_word(word):
            noun = word.removesuffix("'s")
            found.setdefault(word, max(OWNER * found.get(noun, 0), RAREST) if noun != word else RAREST)
    for word, times in texts.words.items():
        if times >= SEEN and is_word(word):
            found[word] = (1 - TEXT_SHARE) * found.get(word, 0) + TEXT_SHARE * times / text_total
    found |= dict.fromkeys(INITIALS, INITIAL)
    whole = sum(found.values())
    return {word: found[word] / whole for word in sorted(found)}


def is_word(word: str) -> bool:
    """Whether it is a word in small letters; single letters but a and I are initials, counted elsewhere."""
    return TOKEN.fullmatch(word) is not None and word.islower() and (len(word) > 1 or word in "ai")


def names(words: dict[str, float], dictionary: list[str], texts: Counts) -> set[str]:
    """Return the words that are written with a capital."""
    small = {word for word in dictionary if word.islower()}
    capital = {word.lower() for word in dictionary if not word.islower()} - small
    seen = {
        word
        for word, times in texts.words.items()
        if times >= SEEN and word not in small and texts.capitalized[word] > 0.8 * times
    }
    initials = {word for word in words if len(word) == 1} - {"a"}
    return (capital | seen | initials) & words.keys()


def pairs(words: dict[str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return first words, second words and log probabilities of the second after the first, sorted.

    The pairs were counted in a larger corpus than the words, so they are shares of the pairs of their first word. Of
    those, the list lacks the rare ones; by Zipf's law followers of ranks n to N occur c n ln(N / n) times together, if
    the n-th, the rarest listed, occurs c times. A pair is left out if it is a misspelling: rarer than the one word that
    both make together ("hand written").
    """
    place = {word: number for number, word in enumerate(words)}
    listed = [(first, second, int(times)) for first, second, times in package_lines(PAIRS)]
    rarest = min(times for *_, times in listed)
    totals, followers = Counter[str](), Counter[str]()
    for first, _, times in listed:
        totals[first] += times
        followers[first] += 1
    for first, count in followers.items():
        totals[first] += round(rarest * count * np.log(len(words) / count))
    rows = [
        (place[first], place[second], np.log(times / totals[first]))
        for first, second, times in listed
        if first in place and second in place and words[first] * times / totals[first] > words.get(first + second, 0)
    ]
    firsts, seconds, chances = zip(*sorted(rows), strict=True)
    return np.array(firsts), np.array(seconds), np.array(chances)


NO_PAIRS = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)


def arrays(
    language: str,
    words: Mapping[str, float],
    proper: set[str],
    order: np.ndarray,
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray] = NO_PAIRS,
    spelled: Mapping[str, float] | None = None,
) -> dict[str, np.ndarray]:
    """Return what is stored of a language: sorted words and spellings with probabilities, names, pairs, order."""
    firsts, seconds, chances = pairs
    stored = {
        "words": np.frombuffer("\n".join(words).encode("ascii"), np.uint8),
        "frequencies": np.log(list(words.values())).astype(np.float16),
        "proper": np.packbits([word in proper for word in words]),
        "spelled": np.frombuffer("\n".join(spelled or ()).encode(), np.uint8),
        "spelled_frequencies": np.log(list((spelled or {}).values())).astype(np.float16),
        "firsts": np.diff(firsts, prepend=0).astype(np.uint32),
        "seconds": seconds.astype(np.uint32),
        "pair_chances": chances.astype(np.float16),
        "order": np.log(order).astype(np.float16),
    }
    return {f"{language}_{name}": array for name, array in stored.items()}


def write(path: Path, stored: Mapping[str, np.ndarray]) -> None:
    """Write a file of languages, and say what it is."""
    np.savez_compressed(path, **dict(stored))
    print(f"wrote   {path}  {path.stat().st_size} bytes  sha256 {common.sha256_of(path)}")


def main() -> None:
    """Build the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("models"), help="folder for the file")
    parser.add_argument("--dictionary", type=Path, default=Path("/usr/share/dict/american-english"))
    parser.add_argument("--texts", type=Path, default=Path("/usr/share/games/fortunes"))
    options = parser.parse_args()
    for source in (options.dictionary, options.texts):
        if not source.exists():
            raise SystemExit(f"{source} is missing: install Debian's packages wamerican and fortunes")
    listed = Counter({word: int(times) for word, times in package_lines(WORDS)})
    dictionary = options.dictionary.read_text(encoding="utf-8").split()
    texts = count(text_lines(options.texts))
    words = frequencies(listed, dictionary, texts)
    proper = names(words, dictionary, texts)
    firsts, seconds, chances = pairs(words)
    share = (texts.order.sum(0) + 1) / (texts.order.sum() + SHAPES)
    order = (texts.order + PRIOR * share) / (texts.order.sum(1, keepdims=True) + PRIOR)
    stored = arrays("en", words, proper, order, (firsts, seconds, chances))
    print(f"{len(words)} words, {len(proper)} of them names, {len(firsts)} pairs")
    write(options.output / "english_words.npz", stored)


if __name__ == "__main__":
    main()
