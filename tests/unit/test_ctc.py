from __future__ import annotations

import numpy as np
import pytest
from making import MIDDLE, FakeSession

from raypipe.recognition.base import Reading, RecognizerOptions
from raypipe.recognition.ctc.model import WIDE_GAP, CtcRecognizer, decode_greedy, reading_of

CHARACTERS = ["", *"abcdefgh "]


def path(text: str, sure: float = 0.9) -> np.ndarray:
    """Probabilities (t, classes) whose best path is `text`; `-` is the blank."""
    found = np.full((len(text), len(CHARACTERS)), (1 - sure) / (len(CHARACTERS) - 1), np.float32)
    for step, character in enumerate(text):
        found[step, 0 if character == "-" else CHARACTERS.index(character)] = sure
    return found


def read(text: str, step: float = 8, width: int | None = None) -> Reading:
    return decode_greedy(path(text), step, round(len(text) * step) if width is None else width, CHARACTERS)


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ("abc", "abc"),
        ("-a-b-c-", "abc"),
        ("aaabbbc", "abc"),
        ("a-a", "aa"),
        ("aa-aab", "aab"),
        ("-----", ""),
        ("-", ""),
        ("a", "a"),
        ("ab cd", "ab cd"),
        ("  ab  ", "ab"),
        ("ab - - cd", "ab cd"),
        ("- -ab- -", "ab"),
        (" - ", ""),
    ],
)
def test_the_best_path_is_merged(steps: str, text: str) -> None:
    found = read(steps)
    assert found.text == text
    assert len(found.probabilities) == len(found.centres) == len(text)


def test_probabilities_are_the_peaks_of_the_runs() -> None:
    probabilities = path("aa-b")
    probabilities[1, 1] = 0.95
    probabilities[3, 2] = 0.5
    found = decode_greedy(probabilities, 8, 32, CHARACTERS)
    assert found.text == "ab"
    assert np.allclose(found.probabilities, [0.95, 0.5])


def test_centres_are_the_middles_of_the_runs() -> None:
    """`a` covers steps 0 and 1, `b` step 3, `c` steps 4 to 6."""
    assert read("aa-bccc").centres == [8, 28, 44]
    assert read("aa-bccc", step=4).centres == [4, 14, 22]


def test_what_is_read_in_the_padding_is_dropped() -> None:
    found = read("ab-------cd", width=24)
    assert found.text == "ab"
    assert max(found.centres) <= 24


def test_centres_stay_on_the_picture() -> None:
    found = read("ab-c----", width=25)
    assert found.text == "abc"
    assert found.centres[-1] == 25


def spaced(centres: list[float]) -> list[tuple[str, float, float]]:
    return [
        (character, 0.5 + n / 10, centre) for n, (character, centre) in enumerate(zip("abcdef", centres, strict=False))
    ]


def test_a_wide_gap_gets_a_space() -> None:
    found = reading_of(spaced([10, 20, 30, 31 + 10 * WIDE_GAP, 41 + 10 * WIDE_GAP]), 100)
    assert found.text == "abc de"
    assert found.centres[3] == pytest.approx(30 + (10 * WIDE_GAP + 1) / 2)
    assert found.probabilities[3] == pytest.approx(0.8)


def test_an_ordinary_gap_gets_none() -> None:
    assert reading_of(spaced([10, 20, 30, 29 + 10 * WIDE_GAP, 39 + 10 * WIDE_GAP]), 100).text == "abcde"


def test_a_wide_gap_with_a_space_gets_no_other() -> None:
    found = [("a", 0.9, 10), ("b", 0.9, 20), ("c", 0.9, 30), (" ", 0.9, 75), ("d", 0.9, 120), ("e", 0.9, 130)]
    assert reading_of(found, 200).text == "abc de"


def test_few_characters_have_no_pitch() -> None:
    assert reading_of(spaced([10, 20, 90]), 100).text == "abc"
    assert reading_of([], 100) == Reading("", [], [])


def coloured(text: str) -> np.ndarray:
    """A picture whose columns say what to read: eight a character, of a grey of its own."""
    greys = [25 * "-abcdefgh ".index(character) for character in text]
    return np.repeat(np.array(greys, np.uint8), 8)[None, :, None].repeat(48, 0).repeat(3, 2)


def network(tensor: np.ndarray) -> np.ndarray:
    """Reads those pictures, a blank after them, and `h` in the rest of the padding, which lies between two greys."""
    greys = np.rint((tensor[:, 0, 24, 4::8] + 1) * 127.5)
    padding = greys % 25 != 0
    classes = np.where(padding, 8, greys / 25).astype(int)
    classes[padding & (np.cumsum(padding, 1) == 1)] = 0
    return np.eye(10, dtype=np.float32)[classes]


TEXTS = ["abc", "a-a" + "-" * 200 + "b", "hg fe", "-", "c" * 90, "abc"]


def recognizer(characters: str = "abcdefgh ", language: str = "en") -> tuple[CtcRecognizer, FakeSession]:
    session = FakeSession(network, {"characters": list(characters)})
    return CtcRecognizer(session, MIDDLE, RecognizerOptions(language, "greedy")), session


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_readings_come_in_the_order_of_the_pictures(batch_size: int) -> None:
    found = recognizer()[0].read([coloured(text) for text in TEXTS], batch_size)
    assert [reading.text for reading in found] == ["abc", "aab", "hg fe", "", "c", "abc"]
    assert found[0].centres == [4, 12, 20]


def test_a_reading_does_not_depend_on_its_neighbours() -> None:
    pictures = [coloured(text) for text in TEXTS]
    one, many = recognizer()[0], recognizer()[0].read(pictures, 16)
    assert [one.read([picture], 16)[0] for picture in pictures] == many


def test_no_pictures_need_no_network() -> None:
    one, session = recognizer()
    assert one.read([], 4) == []
    assert session.inputs == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_letter_is_left_out_in_any_language(language: str) -> None:
    one, _ = recognizer("aüédefgh ", language)
    assert one.read([coloured("a-b-c-")], 1)[0].text == "aüé"
