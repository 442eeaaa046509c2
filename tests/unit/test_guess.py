"""Which language a page is in, and pages that are read with the words of theirs."""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np
import pytest
from making import MIDDLE, FakeSession

from raypipe.recognition.base import RecognizerOptions
from raypipe.recognition.ctc.guess import Guess, words_of
from raypipe.recognition.ctc.model import CtcRecognizer, GuessingRecognizer
from raypipe.zoo import manifest

PAGES = {
    "ca": "Estimada mare, et faig saber que estem tots molt bé i que aviat tornarem a casa amb els nens i el pare.",
    "cs": "Milá maminko, dávám ti vědět, že se nám všem daří velmi dobře a že se brzy vrátíme domů i s dětmi.",
    "da": "Kære mor, jeg skriver for at sige at vi alle har det meget godt, og at vi snart kommer hjem sammen "
          "med børnene.",
    "de": "Liebe Mutter, ich schreibe dir, dass es uns allen sehr gut geht und dass wir bald wieder nach Hause kommen.",
    "es": "Querida madre, te escribo para decirte que todos estamos muy bien y que pronto volveremos a casa "
          "con los niños.",
    "fi": "Rakas äiti, kirjoitan sinulle että me kaikki voimme hyvin ja että tulemme pian takaisin kotiin "
          "lasten kanssa.",
    "fr": "Chère mère, je vous écris pour vous dire que nous allons tous très bien et que nous serons bientôt "
          "à la maison.",
    "hr": "Draga majko, pišem ti da smo svi jako dobro i da ćemo se uskoro vratiti kući zajedno s djecom, jer "
          "je škola gotova.",
    "hu": "Kedves anyám, azért írok, hogy mindannyian nagyon jól vagyunk, és hogy nemsokára haza megyünk a "
          "gyerekekkel.",
    "is": "Kæra mamma, ég skrifa til að segja þér að okkur líður öllum mjög vel og að við komum bráðum heim "
          "með börnin.",
    "it": "Cara mamma, ti scrivo per dirti che stiamo tutti molto bene e che presto torneremo a casa con i bambini.",
    "lt": "Brangi mama, rašau tau, kad mums visiems labai gerai sekasi ir kad greitai grįšime namo su vaikais.",
    "lv": "Mīļā māte, es rakstu, lai tu zinātu, ka mums visiem iet ļoti labi un ka mēs drīz būsim atpakaļ "
          "mājās ar bērniem.",
    "nb": "Kjære mor, jeg skriver for å si at vi alle har det veldig bra, og at vi snart kommer hjem igjen "
          "sammen med barna.",
    "nl": "Lieve moeder, ik schrijf u om te zeggen dat het met ons allen zeer goed gaat en dat wij snel naar "
          "huis komen.",
    "pl": "Droga mamo, piszę do ciebie, że wszyscy mamy się bardzo dobrze i że wkrótce wrócimy do domu razem z "
          "dziećmi.",
    "pt": "Querida mãe, escrevo para te dizer que estamos todos muito bem e que em breve voltaremos para casa "
          "com as crianças.",
    "ro": "Dragă mamă, îți scriu ca să știi că suntem toți foarte bine și că în curând ne vom întoarce acasă "
          "cu copiii.",
    "sk": "Milá mama, píšem ti, že sa máme všetci veľmi dobre a že sa čoskoro vrátime domov aj s deťmi, lebo "
          "škola skončila.",
    "sl": "Draga mama, pišem ti, da smo vsi zelo dobro in da se bomo kmalu vrnili domov skupaj z otroki, ker "
          "je šola končana.",
    "sv": "Kära mor, jag skriver för att säga att vi alla mår mycket bra och att vi snart kommer hem igen med barnen.",
    "tr": "Sevgili anne, hepimizin çok iyi olduğunu ve yakında çocuklar ile birlikte eve geri geleceğimizi "
          "sana yazıyorum.",
}  # fmt: skip


@pytest.fixture(scope="module")
def guess() -> Guess:
    words = manifest.words_of("auto")
    assert words is not None and manifest.damage(words) is None
    return Guess(words.path)


@pytest.mark.parametrize("language", PAGES)
def test_a_page_is_in_the_language_of_its_words(guess: Guess, language: str) -> None:
    assert guess.of(PAGES[language].split(", ")) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Dear mother, I write to tell you that we are all very well and shall soon be home with the children.",
        "dcar motlur 1 wnte to teil yon thal we ane ull vcry well amd shall soan be hame witb tha chlidren",
        "12 345 678 90 IV XII 1905 3.50 7/8",
        "Los Angeles CA, San Diego CA, La Jolla, Las Vegas NV, Des Moines IA, New Orleans LA, Dover DE, El Paso",
        "https://github.com/a https://github.com/b http://www.c.com/de/la d@e.com f@g.com h@i.es j@k.fr",
        "Rue de la Paix, 12",
        "Garcia, Martinez, Rodriguez, Maria de la Cruz, Hernandez, Lopez, Gonzalez, Sanchez, Ramirez, Torres, Flores",
        "Jean Dupont, Pierre Martin, Jacques Bernard, Louis Petit, Marcel Moreau, Henri Simon, Lyon, Paris, Bordeaux",
        "Je vous embrasse",
        "Signed in the presence of Herr Müller and Frau Schmidt, who live in the Straße der Republik in the "
        "town of Ulm.",
    ],
)
def test_a_page_is_in_english_where_that_is_in_doubt(guess: Guess, text: str) -> None:
    assert guess.of([text]) == "en"


def test_a_word_that_is_repeated_counts_once(guess: Guess) -> None:
    assert guess.of(["pour vous pour vous"] * 20) == "en"


def test_words_have_neither_accents_nor_what_is_elided() -> None:
    found = "«L\u2019été», DE la Straße: 3e a.b@c.de (Wieder-sehen) x"
    assert list(words_of(found)) == ["ete", "la", "Strase", "Wieder", "sehen"]


CHARACTERS = ["", *string.ascii_lowercase, " "]
FRENCH = ["je vous ecris pour vous dire", "que nous sommes tous tres bien", "et serons a la ma?son bientot"]
ENGLISH = ["we write to tell you that we", "are all very well and shall", "be home for the ma?son soon"]
STEPS = 2 * max(map(len, FRENCH + ENGLISH))


def output(text: str) -> np.ndarray:
    """Probabilities (STEPS, classes) of a text, each character with a blank after it; `?` is l or, hardly less, i."""
    found = np.full((STEPS, len(CHARACTERS)), 1e-4, np.float32)
    found[:, 0] = 0.99
    for step, character in enumerate(text):
        found[2 * step, 0] = 1e-4
        for each, chance in {"l": 0.5, "i": 0.45}.items() if character == "?" else [(character, 0.99)]:
            found[2 * step, CHARACTERS.index(each)] = chance
    return found / found.sum(1, keepdims=True)


def pictures(lines: Sequence[str]) -> list[np.ndarray]:
    """A picture of each line, whose grey is its number in all lines."""
    return [np.full((48, 8 * STEPS, 3), 10 * (FRENCH + ENGLISH).index(line), np.uint8) for line in lines]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_each_page_is_read_with_the_words_of_its_language(guess: Guess, batch_size: int) -> None:
    lines = [output(line) for line in FRENCH + ENGLISH]
    session = FakeSession(lambda tensor: np.stack([lines[round((each[0, 0, 0] + 1) * 12.75)] for each in tensor]))
    opened = []

    def open_in(language: str) -> CtcRecognizer:
        opened.append(language)
        session.values = {"characters": CHARACTERS[1:]}
        return CtcRecognizer(session, MIDDLE, RecognizerOptions(language))

    one = GuessingRecognizer(guess, open_in)
    pages = [pictures(FRENCH), [], pictures(ENGLISH), pictures(FRENCH[2:]), pictures(FRENCH)]
    found = one.read_pages(pages, batch_size)
    assert [page.language for page in found] == ["fr", "en", "en", "en", "fr"]
    assert found[0].readings[2].text == found[4].readings[2].text == "et serons a la maison bientot"
    assert "malson" in found[2].readings[2].text
    assert found[2].readings == one.read(pages[2], batch_size)
    assert found[0].readings == found[0].recognizer.read(pages[0], batch_size)
    assert opened == ["en", "fr"]
    assert sum(map(len, session.inputs)) == sum(map(len, pages)) + len(ENGLISH) + len(FRENCH)
