from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import pytest
from making import MIDDLE, FakeSession

import raypipe as rp
from raypipe.errors import ConfigError
from raypipe.recognition.base import RecognizerOptions
from raypipe.recognition.ctc.alignment import align
from raypipe.recognition.ctc.beam import BeamDecoder, space_shares
from raypipe.recognition.ctc.language import load_language
from raypipe.recognition.ctc.model import CtcRecognizer, decode_greedy, decoder
from raypipe.zoo import manifest

CHARACTERS = ["", *string.ascii_letters, *string.digits, *"'.,-@ ", *"äéîóöüßÜłźżæœ«"]


@pytest.fixture(scope="module")
def beam() -> BeamDecoder:
    words = manifest.words_of("en")
    assert words is not None
    return BeamDecoder(CHARACTERS, load_language(words.path, "en"))


def output(*steps: str | dict[str, float]) -> np.ndarray:
    """Probabilities (t, classes): a sure character with a blank after it, or some candidates; `_` is the blank."""
    rows = []
    for step in steps:
        for candidates in ({character: 0.99} for character in step) if isinstance(step, str) else (step,):
            rows += [candidates, {"_": 0.99}]
    found = np.full((len(rows), len(CHARACTERS)), 1e-4, np.float32)
    for row, candidates in zip(found, rows, strict=True):
        for character, chance in candidates.items():
            row[0 if character == "_" else CHARACTERS.index(character)] = chance
    return found / found.sum(1, keepdims=True)


def read(beam: BeamDecoder, *steps: str | dict[str, float]) -> str:
    probabilities = output(*steps)
    return beam.decode(probabilities, 8, 8 * len(probabilities)).text


def test_a_word_of_the_list_wins_over_a_slightly_more_probable_one(beam: BeamDecoder) -> None:
    assert read(beam, "the quick brow", {"m": 0.55, "n": 0.4}, " fox") == "the quick brown fox"


def test_a_sure_unknown_word_stays(beam: BeamDecoder) -> None:
    assert read(beam, "ask Zorblatt and Qwyx") == "ask Zorblatt and Qwyx"


@pytest.mark.parametrize("text", ["Müller grüßt", "Übermorgen", "the naîve café", "na źdźble żółw", "« oui"])
def test_letters_with_accents_are_read(beam: BeamDecoder, text: str) -> None:
    assert read(beam, text) == text


def test_a_ligature_is_not_followed_by_its_second_letter(beam: BeamDecoder) -> None:
    for text in ("an encyclopædia of Cæsar", "the œuvre", "archæology", "træer"):
        assert read(beam, text) == text
    probabilities = output("c", {"æ": 0.9, "a": 0.05}, {"e": 0.05, "_": 0.9}, "sar is here")
    reading = beam.decode(probabilities, 8, 8 * len(probabilities))
    assert reading.text == "cæsar is here"
    assert len(reading.probabilities) == len(reading.centres) == len(reading.text)


def test_the_network_alone_decides_about_an_accent(beam: BeamDecoder) -> None:
    """Beside a sure accent, a doubtful one is read; the words still decide which letter it is."""
    assert read(beam, "é za", {"ż": 0.52, "z": 0.43}, "a") == "é zaża"
    assert read(beam, "é the quick brow", {"m": 0.5, "n": 0.3, "é": 0.1}, " fox") == "é the quick brown fox"


def test_a_doubtful_accent_in_an_english_line_is_a_blot(beam: BeamDecoder) -> None:
    assert read(beam, "our sincerest sympathi", {"é": 0.6, "e": 0.3}, "s") == "our sincerest sympathies"
    assert read(beam, "our sincerest sympathi", {"é": 0.7, "e": 0.1}, "s") == "our sincerest sympathiés"


def test_a_lost_space_is_found_and_a_false_one_dropped(beam: BeamDecoder) -> None:
    assert read(beam, "thank", {"_": 0.9, " ": 0.05}, "you very") == "thank you very"
    assert read(beam, "hand", {" ": 0.5, "_": 0.45}, "writing") == "handwriting"


@pytest.mark.parametrize(
    ("start", "rest"), [("e.", "marsh@here.org"), ("config.", "yaml"), ("README.", "md"), ("case", "Name")]
)
def test_a_space_beside_a_mark_or_before_a_capital_must_be_seen(beam: BeamDecoder, start: str, rest: str) -> None:
    assert read(beam, start, {"_": 0.95, " ": 0.05}, rest) == start + rest
    assert read(beam, start, {"_": 0.5, " ": 0.5}, rest) == f"{start} {rest}"


def test_a_gap_that_is_narrower_than_the_spaces_of_its_line_may_lie_inside_a_word(beam: BeamDecoder) -> None:
    wide, gap = ["_", " ", " ", "_"], {" ": 0.85, "_": 0.15}
    line = ["it", *wide, "is", *wide, "a", *wide]
    assert read(beam, *line, "hand", gap, "written", *wide, "text") == "it is a handwritten text"
    assert read(beam, *line, "hand", *wide, "written", *wide, "text") == "it is a hand written text"


def test_a_narrow_gap_in_a_line_with_a_sure_accent_is_a_space(beam: BeamDecoder) -> None:
    """It may well be of another language, whose words the search does not know."""
    wide, gap = ["_", " ", " ", "_"], {" ": 0.99, "_": 0.01}
    line = ["El", *wide, "con", *wide, "a", *wide]
    assert read(beam, *line, "dulce", gap, "volvero", *wide, "mas") == "El con a dulcevolvero mas"
    assert read(beam, *line, "dulce", gap, "volveró", *wide, "mas") == "El con a dulce volveró mas"


def test_the_price_of_a_space_is_shared_by_its_steps_and_falls_where_it_is_narrow() -> None:
    letter, mark = CHARACTERS.index("a"), CHARACTERS.index(".")
    letters = np.array([character.isalpha() for character in CHARACTERS])
    steps = {"_": 0, " ": CHARACTERS.index(" "), "a": letter, ".": mark}
    best = np.array([steps[character] for character in "a_  _a_  _aa a. a"])
    found = space_shares(best, steps[" "], letters)
    assert found[1:5].tolist() == found[6:10].tolist() == [0.5] * 4, "both steps of a space pay half"
    assert found[12] == pytest.approx(0.4**2), "one step wide where the median is two and a half"
    assert found[15] == 1, "behind a full stop, which needs little room"
    assert space_shares(np.array([letter, 0, letter]), steps[" "], letters).tolist() == [1, 1, 1]


@pytest.mark.parametrize("text", ["4471", "19.05.1905", "B7-K1O0", "jo.smyth@exmple.org", "1,234.50"])
def test_figures_and_addresses_are_taken_as_read(beam: BeamDecoder, text: str) -> None:
    assert read(beam, f"no {text}") == f"no {text}"


def test_a_capital_is_kept_and_one_inside_a_word_is_not_believed(beam: BeamDecoder) -> None:
    assert read(beam, "Dear Sir") == "Dear Sir"
    assert read(beam, "wi", {"T": 0.5, "t": 0.45}, "h you") == "with you"


def test_a_word_may_go_on_behind_a_hyphen_at_the_end_of_the_line(beam: BeamDecoder) -> None:
    assert read(beam, "I write to commu", {"m": 0.6, "n": 0.4}, "i-") == "I write to communi-"


def test_words_do_not_fill_the_dots_before_a_page_number(beam: BeamDecoder) -> None:
    dots = [{"_": 0.6, "m": 0.2, "e": 0.2}] * 30
    assert read(beam, "Index ", *dots, "103") == "Index 103"


def test_doubled_letters_need_their_blank(beam: BeamDecoder) -> None:
    assert read(beam, "a letter") == "a letter"


@pytest.mark.parametrize("steps", ["", "___", "   "])
def test_nothing_is_read_on_an_empty_picture(beam: BeamDecoder, steps: str) -> None:
    found = beam.decode(output("_", steps), 8, 800)
    assert (found.text, found.probabilities, found.centres) == ("", [], [])


def test_places_and_probabilities_belong_to_the_characters(beam: BeamDecoder) -> None:
    found = beam.decode(output("an ox"), 8, 76)
    assert found.text == "an ox"
    assert found.centres == [4, 20, 36, 52, 68]
    assert found.probabilities[:3] == [found.probabilities[0]] * 3


def test_a_doubtful_word_has_less_confidence_than_a_sure_one(beam: BeamDecoder) -> None:
    found = beam.decode(output("house ", {"h": 0.4, "m": 0.4}, "ouse"), 8, 200)
    assert found.probabilities[0] > 0.9 > 0.7 > found.probabilities[-1]


def test_what_is_read_in_the_padding_is_dropped(beam: BeamDecoder) -> None:
    found = beam.decode(output("an", "_" * 6, "ox"), 8, 40)
    assert found.text == "an"
    assert max(found.centres) <= 40


def test_alignment_finds_the_best_path() -> None:
    probabilities = np.full((7, 3), 0.05)
    probabilities[np.arange(7), [0, 1, 1, 0, 1, 2, 0]] = 0.9
    assert align(np.log(probabilities), np.array([1, 1, 2], np.int32)).tolist() == [[1, 3], [4, 5], [5, 6]]


def test_without_words_of_the_language_the_network_is_believed() -> None:
    assert decoder(CHARACTERS, RecognizerOptions("et", "beam"))[0].func is decode_greedy  # type: ignore[attr-defined]
    assert decoder(CHARACTERS, RecognizerOptions("en", "greedy"))[0].func is decode_greedy  # type: ignore[attr-defined]


def test_words_of_another_language_guide_the_reading_and_its_accents() -> None:
    def text(language: str, *steps: str | dict[str, float]) -> str:
        probabilities = output(*steps)
        decode = decoder(CHARACTERS, RecognizerOptions(language, "beam"))[0]
        return decode(probabilities, 8, 8 * len(probabilities)).text

    summer = "l'", {"e": 0.7, "é": 0.2}, "t", {"e": 0.8, "é": 0.1}, " derni", {"c": 0.5, "e": 0.4}, "r"
    assert text("fr", *summer) == "l'été dernier"
    assert text("et", *summer) == "l'ete dernicr"
    assert text("latin", *summer) == "l'été dernier"
    assert text("fr", "Bond", {"e": 0.3, "é": 0.6}) == "Bondé"
    assert text("fr", {"E": 0.9, "Ü": 0.05}, "t", {"e": 0.8, "é": 0.1}) == "Eté"
    assert text("de", "die ", {"h": 0.5, "k": 0.4}, {"o": 0.6, "ö": 0.3}, "nnen") == "die können"


def test_own_words_are_read(tmp_path: Path) -> None:
    lexicon = tmp_path / "own.txt"
    lexicon.write_text("Zorblatt", encoding="utf-8")
    probabilities = output("Dear Zor", {"l": 0.5, "b": 0.35}, "l", {"o": 0.5, "a": 0.35}, "tt")
    texts = [
        decoder(CHARACTERS, RecognizerOptions("en", "beam", own))[0](probabilities, 8, 400).text
        for own in (None, str(lexicon))
    ]
    assert texts[1] == "Dear Zorblatt" != texts[0]


@pytest.mark.parametrize("other", [{"decoder": "greedy"}, {"language": "et"}])
def test_a_lexicon_that_would_not_be_used_is_refused(other: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="lexicon has no effect"):
        rp.ImageToText(lexicon="own.txt", **other)


def test_a_lexicon_that_is_missing_is_an_error() -> None:
    session = FakeSession(lambda tensor: tensor, {"characters": CHARACTERS[1:]})
    with pytest.raises(ConfigError, match=r"none\.txt"):
        CtcRecognizer(session, MIDDLE, RecognizerOptions("en", "beam", "none.txt"))
