"""A user's own words for the word search."""

from __future__ import annotations

import logging

from raypipe.errors import ConfigError
from raypipe.files.paths import open_file
from raypipe.recognition.ctc.characters import FOLDS, NUMBER, OTHER, WORD, shape, without_accents

LONGEST = 40
"""Most letters in a user's own word: the table of all words is as wide as the longest."""


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
    text = without_accents(text)
    kept = "".join(character if shape(character) in (WORD, NUMBER, OTHER) else " " for character in text)
    found = [word for part in kept.split() if (word := part.strip("'"))]
    words = [word for word in found if len(word) <= LONGEST and all(shape(character) == WORD for character in word)]
    if len(words) < len(found):
        logging.getLogger(__name__).warning(
            "%s: %d of %d entries are left out: they have digits, letters that are not Latin, or more than %d letters.",
            lexicon, len(found) - len(words), len(found), LONGEST,
        )  # fmt: skip
    return words
