"""What rendered lines say: sayings, words by frequency, forms, identifiers, and other Latin languages."""

from __future__ import annotations

import re
import string
from functools import cache
from pathlib import Path

import numpy as np
from faker import Faker
from wordfreq import top_n_list

FORTUNES = Path("/usr/share/games/fortunes")
DAYS = ("%B %d, %Y", "%d/%m/%Y", "%b. %d %Y", "%m-%d-%y")
FORMS = ("name", "address", "date", "phone_number", "company", "job", "email", "license_plate", "iban", "city")
LANGUAGES = ("fr", "de", "es")
LABELS = """
Name First-Name Last-Name Date-of-Birth DOB Date Address City State Zip Zip-Code Phone Phone-# Email Gender
Marital-Status Occupation Employer Referred-By Emergency-Contact Signature Title Company Account-No. Amount Total
Weight Height Reason-for-visit Allergies Medication Dose Policy-Number Insurance Relationship Sex Age To From
Subject Invoice-No. Room Floor Building Term Rent Lessor Lessee Witness County Notes Description Quantity Unit-Price
"""
"""Labels of forms, a hyphen for a space."""
PUNCTUATION = string.punctuation.translate(str.maketrans("", "", "_|[]{}`~\\^"))
"""Without marks that look like the rules and boxes of a form."""


class Texts:
    """Draws the texts of lines.

    Args:
        random: Where chance comes from.
    """

    def __init__(self, random: np.random.Generator) -> None:
        """Start a sequence of texts."""
        self._random = random
        self._faker = Faker("en_US")
        self._faker.seed_instance(int(random.integers(2**31)))

    def line(self) -> str:
        """Return a line of some words, of up to 80 characters."""
        chance = self._random.random()
        if chance < 0.5:
            text = self._saying()
        elif chance < 0.72:
            text = self._words("en")
        elif chance < 0.9:
            text = self._form()
        elif chance < 0.95:
            text = self._words(str(self._random.choice(LANGUAGES)))
        else:
            text = self._identifier()
        return text[:80].strip() or "a"

    def field(self) -> tuple[str, str]:
        """Return the label of a form's field and what is filled in."""
        label = str(self._random.choice(LABELS.split())).replace("-", " ")
        if self._random.random() < 0.3:
            label = " ".join(word.capitalize() for word in self._words("en").split()[:2])
        chance = self._random.random()
        value = self._form() if chance < 0.55 else self._saying() if chance < 0.8 else self._words("en")
        ending = str(self._random.choice([":", "", "?", "."], p=[0.75, 0.1, 0.1, 0.05]))
        return label + ending, " ".join(value.split()[: int(self._random.integers(1, 6))])

    def _saying(self) -> str:
        sayings = _sayings()
        words = sayings[int(self._random.integers(len(sayings)))].split()
        count = min(1 + int(self._random.gamma(2.2, 2.4)), len(words))
        start = int(self._random.integers(len(words) - count + 1))
        return " ".join(words[start : start + count])

    def _words(self, language: str) -> str:
        words = _frequent(language)
        # Rare words as often as common ones: the network is to read letters, not to guess words.
        picks = (len(words) ** self._random.uniform(0.2, 1, 1 + int(self._random.gamma(2, 2)))).astype(int) - 1
        return " ".join(self._dress(words[n]) for n in picks)

    def _dress(self, word: str) -> str:
        """Return a word as it may stand in a text: capital, capitals, with a mark."""
        chance = self._random.random()
        word = word.capitalize() if chance < 0.2 else word.upper() if chance < 0.25 else word
        return word + str(self._random.choice(list(",.;:!?-'"))) if self._random.random() < 0.12 else word

    def _form(self) -> str:
        kind = str(self._random.choice([*FORMS, "amount", "label", "day"]))
        if kind == "amount":
            return f"{self._random.choice(['$', '£', '€', ''])}{self._random.gamma(1, 900):,.2f}"
        if kind == "label":
            return f"{self._faker.job().split()[0]}: {self._faker.last_name()}"
        if kind == "day":
            return self._faker.date(pattern=str(self._random.choice(DAYS)))
        return str(getattr(self._faker, kind)()).replace("\n", ", ")

    def _identifier(self) -> str:
        letters = list(string.ascii_letters + string.digits * 3 + PUNCTUATION)
        return " ".join(
            "".join(self._random.choice(letters, int(self._random.integers(1, 9))))
            for _ in range(self._random.integers(1, 5))
        )


@cache
def _sayings() -> list[str]:
    files = [path for path in sorted(FORTUNES.iterdir()) if path.is_file() and not path.suffix]
    if not files:
        raise SystemExit("Sayings are missing: install Debian's package fortunes.")
    text = "\n".join(path.read_text(encoding="utf-8", errors="ignore") for path in files)
    found = (re.sub(r"\s+", " ", saying.replace("\x08", "")).strip() for saying in text.split("\n%"))
    return [saying for saying in found if len(saying) > 10]


@cache
def _frequent(language: str) -> list[str]:
    return [word for word in top_n_list(language, 60_000) if word.isalpha()]
