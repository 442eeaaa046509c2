"""Characters as the word search sees them: letters, which have codes, and kinds of characters, called shapes."""

from __future__ import annotations

import string
import unicodedata
from functools import cache

LETTERS = string.ascii_lowercase + "'"
"""The letters of words. A letter's code is its place in this string; code 27 is the edge of a word."""
EDGE = len(LETTERS)
START, WORD, NUMBER, SPACE = range(4)
"""The first kinds of characters, as in `search.h`."""
MARKS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'
"""Punctuation: the shape of a mark is 4 + its place here; every other character has the last shape."""
OTHER = 4 + len(MARKS)
SHAPES = OTHER + 1
"""Kinds of characters whose order the language knows: line start and end, word, number, space, each mark, others."""
FOLDS = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\"--")
"""Typographic quotation marks and dashes, and the marks of ASCII that they are taken for."""
BASES = str.maketrans("æÆœŒðÐđĐøØłŁßþÞħĦıĸŋŊŧŦſĳĲŉ", "aAoOdDdDoOlLstThHiknNtTsiIn")
"""Latin letters that are not one of a to z with a mark, and the letter that stands for each in words."""


def without_accent(character: str) -> str:
    """A Latin letter as it is in word lists, one of a to z in its case; any other character unchanged."""
    bare = unicodedata.normalize("NFD", character.translate(BASES))[0] if character.isalpha() else character
    return bare if bare.isascii() and bare.isalpha() else character


def without_accents(text: str) -> str:
    """A text with its Latin letters as they are in word lists; it stays as long."""
    return text.translate(_bare_letters())


@cache
def _bare_letters() -> dict[int, str]:
    """The Latin letters that are not ASCII, up to U+024F and from U+1E00 to U+1EFF, and what stands for each."""
    letters = (*range(0x80, 0x250), *range(0x1E00, 0x1F00))
    return {n: bare for n in letters if (bare := without_accent(chr(n))) != chr(n)}


def shape(character: str) -> int:
    """The kind of a character, as the language's order of marks defines it."""
    character = without_accent(character.translate(FOLDS))
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
    """The code of a letter or apostrophe, -1 for any other character."""
    return LETTERS.find(without_accent(character.translate(FOLDS)).lower()) if shape(character) == WORD else -1
