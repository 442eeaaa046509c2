"""Searches and aligns random lines with the library that the command line names; the sanitizers' test runs it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from raypipe.recognition.ctc import library
from raypipe.recognition.ctc.alignment import align
from raypipe.recognition.ctc.characters import letter, shape
from raypipe.recognition.ctc.language import load_language
from raypipe.recognition.ctc.search import Alphabet, Search, Weights
from raypipe.zoo import manifest

CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 '.,-@\u00e9"
ALPHABET = Alphabet(
    np.array([-1, *map(letter, CHARACTERS)], np.int32),
    np.array([-1, *map(shape, CHARACTERS)], np.int32),
    np.array([False, *(character.isupper() for character in CHARACTERS)]),
    1 + CHARACTERS.index(" "),
)


def line(random: np.random.Generator) -> np.ndarray:
    """Log probabilities: a text under noise, or noise, some of it not finite."""
    steps, classes = int(random.integers(1, 120)), len(CHARACTERS) + 1
    logs = random.normal(-4, random.choice([0.1, 1, 4]), (steps, classes))
    logs[np.arange(steps), random.integers(0, classes, steps)] += random.choice([0, 5, 50])
    if random.random() < 0.1:
        logs[random.random(logs.shape) < 0.01] = random.choice([np.nan, np.inf, -np.inf])
    return logs


def main() -> None:
    """Run 100 lines."""
    library.PATH = Path(sys.argv[1])
    words = manifest.words_of("en")
    assert words is not None
    search, random = Search(load_language(words.path, "en"), Weights(), ALPHABET), np.random.default_rng(1)
    for _ in range(100):
        logs = line(random)
        labels = search.best(logs)[0]
        places = align(logs, labels) if len(labels) else np.zeros((0, 2))
        assert ((places >= 0) & (places <= len(logs))).all()
        # A text that need not fit.
        align(logs, random.integers(0, logs.shape[1], random.integers(1, 150)).astype(np.int32))
    print("100 lines")


if __name__ == "__main__":
    main()
