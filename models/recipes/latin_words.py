"""Words of other languages than English for the beam search: lists, frequencies and accents, in one small file.

`latin` stands for texts in several of them: the most frequent words of each, and of English.

Usage: python models/recipes/latin_words.py [--output models]

Source: the package `wordfreq`, whose frequencies come from many kinds of texts. It has no pairs of words, and all words
in small letters. The order of marks is that of English, so that lexicon.py comes first.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from lexicon import INITIAL, INITIALS, arrays, write
from wordfreq import get_frequency_dict

from raypipe.recognition.ctc.characters import FOLDS, without_accents

ELIDED = {
    "fr": ("c", "d", "j", "jusqu", "l", "lorsqu", "m", "n", "puisqu", "qu", "quoiqu", "s", "t"),
    "it": ("all", "c", "d", "dall", "dell", "l", "nell", "quell", "quest", "sull"),
    "ca": ("d", "l", "m", "n", "s", "t"),
}  # fmt: skip
"""What stands before an apostrophe and a word that begins with a vowel or h. The lists have both parts alone."""
LANGUAGES = (
    "ca", "cs", "da", "de", "es", "fi", "fr", "hr", "hu", "is", "it", "lt", "lv", "nb", "nl", "pl", "pt", "ro", "sk",
    "sl", "sv", "tr",
)  # fmt: skip
"""Those of the recognizers, as far as wordfreq has a list of them; its list for hr is one of Serbo-Croatian."""
MOST = 80_000
"""Words of each language, accents left out. French wills had 16.6 % CER with 30,000, 16.4 with 60,000 and 16.3 with
120,000, before accents were looked up."""
MIXED = 20_000
"""Words of each language in a mixture; with twice as many, French wills have a CER of 18.2 % rather than 18.4."""
RAREST = 3e-7
"""Least frequency of a word with an elided one before it."""
SHARE = 0.01
"""Least share of a word's spelling in its frequency: rarer ones are mostly errors."""
WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
TWO = FOLDS | str.maketrans({"æ": "ae", "œ": "oe", "ß": "ss"})
"""Letters that are also written as two."""


def spellings(language: str) -> Iterator[tuple[str, str, float]]:
    """Yield the words of a language, accents left out and as they are written, with their frequencies.

    wordfreq's German has ss for each ß.
    """
    for listed, frequency in sorted(get_frequency_dict(language, "best").items()):
        sharp = [listed.replace("ss", "ß")] if language == "de" else []
        for written in dict.fromkeys((listed.translate(FOLDS), listed.translate(TWO), *sharp)):
            word = without_accents(written)
            if WORD.fullmatch(word):
                yield word, written, frequency


def by_word(language: str) -> dict[str, Counter[str]]:
    """The most frequent words of a language, accents left out, each with the frequencies of its spellings."""
    listed, totals = list(spellings(language)), Counter[str]()
    for word, _, frequency in listed:
        totals[word] += frequency
    elided = {part: totals.pop(part) for part in ELIDED.get(language, ())}
    kept = {word: Counter[str]() for word in sorted(totals, key=lambda word: (-totals[word], word))[:MOST]}
    for word, written, frequency in listed:
        if word in kept:
            kept[word][written] += frequency
    voiced = [word for word in kept if word[0] in "aeiouhy" and "'" not in word]
    whole = sum(totals[word] for word in voiced)
    for part, frequency in elided.items():
        for word in voiced:
            if totals[word] * frequency / whole >= RAREST:
                joined = {f"{part}'{written}": share * frequency / whole for written, share in kept[word].items()}
                kept.setdefault(f"{part}'{word}", Counter()).update(joined)
    return kept


def mixture(lists: Sequence[Mapping[str, Counter[str]]]) -> dict[str, Counter[str]]:
    """The most frequent words of several languages, each with the mean frequencies of its spellings."""
    found = defaultdict[str, Counter[str]](Counter)
    for each in lists:
        whole = sum(forms.total() for forms in each.values()) * len(lists)
        for word in sorted(each, key=lambda word: (-each[word].total(), word))[:MIXED]:
            found[word].update({written: share / whole for written, share in each[word].items()})
    return found


def stored_as(language: str, found: Mapping[str, Counter[str]], order: np.ndarray) -> dict[str, np.ndarray]:
    """What is stored of a language."""
    words = {word: forms.total() for word, forms in found.items()}
    initials = {letter for letter in INITIALS if words.get(letter, 0) < INITIAL}
    words |= dict.fromkeys(initials, INITIAL)
    whole = sum(words.values())
    words = {word: words[word] / whole for word in sorted(words)}
    spelled = {form: share / whole for form, share in sorted(accented(found))}
    print(f"{language}: {len(words)} words, {len(spelled)} spellings of those with accents")
    return arrays(language, words, initials, order, spelled=spelled)


def accented(found: Mapping[str, Counter[str]]) -> Iterator[tuple[str, float]]:
    """Yield the spellings of the words that are written with accents, each with its frequency."""
    for word, forms in found.items():
        common = {form: times for form, times in forms.items() if times >= SHARE * forms.total()}
        if set(common) != {word}:
            yield from common.items()


def main() -> None:
    """Build the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("models"), help="folder for the file, with English words")
    options = parser.parse_args()
    with np.load(options.output / "english_words.npz") as stored:
        order = np.exp(stored["en_order"].astype(np.float64))
        words = stored["en_words"].tobytes().decode().split("\n")
        frequencies = np.exp(stored["en_frequencies"].astype(np.float64)).tolist()
    english = {word: Counter({word: frequency}) for word, frequency in zip(words, frequencies, strict=True)}
    lists = {language: by_word(language) for language in LANGUAGES}
    lists["latin"] = mixture([english, *lists.values()])
    found: dict[str, np.ndarray] = {}
    for language, words_of in lists.items():
        found |= stored_as(language, words_of, order)
    write(options.output / "latin_words.npz", found)


if __name__ == "__main__":
    main()
