from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from raypipe.engine.session import Session
from raypipe.errors import ConfigError, ModelError
from raypipe.metrics import Metrics
from raypipe.recognition.ctc.characters import EDGE, LETTERS, SHAPES, SPACE, WORD, letter, mark, shape, without_accents
from raypipe.recognition.ctc.language import Language, load_language
from raypipe.recognition.ctc.spellings import load_spellings
from raypipe.zoo import manifest

WORDS = {"a": 0.3, "an": 0.2, "and": 0.3, "bob": 0.1, "it's": 0.1}


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A language of five words, one of them a name, and one pair."""
    path = tmp_path / "words.npz"
    arrays = {
        "words": np.frombuffer("\n".join(WORDS).encode(), np.uint8),
        "frequencies": np.log(list(WORDS.values())).astype(np.float16),
        "proper": np.packbits([word == "bob" for word in WORDS]),
        "firsts": np.array([2], np.uint32),
        "seconds": np.array([3], np.uint32),
        "pair_chances": np.log([0.5]).astype(np.float16),
        "order": np.full((SHAPES, SHAPES), -3, np.float16),
    }
    np.savez(path, **{f"en_{name}": array for name, array in arrays.items()})
    return path


def walk(language: Language, text: str) -> int:
    """The trie node of a beginning, -1 where no word begins so."""
    node = 0
    for code in map(LETTERS.index, text):
        mask = int(language.masks[node])
        if not mask >> code & 1:
            return -1
        node = int(language.children[node]) + bin(mask & ((1 << code) - 1)).count("1")
    return node


def number(language: Language, text: str) -> int:
    node = walk(language, text)
    return int(language.words[node]) if node >= 0 else -1


def test_every_word_is_in_the_trie_and_nothing_else(words: Path) -> None:
    language = load_language(words, "en")
    for word, chance in WORDS.items():
        assert np.exp(language.frequencies[number(language, word)]) == pytest.approx(chance, rel=1e-2)
    assert [number(language, text) for text in ("", "b", "bo", "bobs", "n", "its", "it'")] == [-1] * 7
    assert len(language.masks) == 1 + len({word[:n] for word in WORDS for n in range(1, len(word) + 1)})


def test_looking_ahead_adds_up_what_can_follow(words: Path) -> None:
    language = load_language(words, "en")
    ahead = {text: float(np.exp(language.ahead[walk(language, text)])) for text in ("", "a", "an", "i")}
    assert ahead == pytest.approx({"": 1, "a": 0.8, "an": 0.5, "i": 0.1}, rel=1e-2)


def test_pairs_are_found_by_their_hash(words: Path) -> None:
    language = load_language(words, "en")
    key = number(language, "and") * len(language.frequencies) + number(language, "bob")
    assert np.exp(language.pair_chances[language.pairs == key]) == pytest.approx([0.5], rel=1e-2)
    assert language.paired[number(language, "and")] == pytest.approx(0.5, rel=1e-2)


def test_spelling_is_a_distribution_that_prefers_what_words_have(words: Path) -> None:
    spelling = np.exp(load_language(words, "en").spelling).reshape(-1, EDGE + 1)
    assert spelling.sum(1) == pytest.approx(np.ones(len(spelling)), rel=1e-3)
    edge = len(spelling) - 1
    assert spelling[edge].argmax() == LETTERS.index("a")


def test_own_words_join_with_their_capitals(words: Path, tmp_path: Path) -> None:
    lexicon = tmp_path / "own.txt"
    lexicon.write_text("Quux O\u2019Neill\nAnd zyx-17, bob\n", encoding="utf-8")
    language = load_language(words, "en", str(lexicon))
    proper = {word: bool(language.proper[number(language, word)]) for word in ("quux", "o'neill", "zyx", "and", "bob")}
    assert proper == {"quux": True, "o'neill": True, "zyx": False, "and": False, "bob": False}
    key = number(language, "and") * len(language.frequencies) + number(language, "bob")
    assert key in language.pairs


def test_entries_that_are_no_words_are_left_out_and_said(
    words: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lexicon = tmp_path / "own.txt"
    lexicon.write_text(f"Quux M\u00fcller \u0416\u0443\u043a B12 {'a' * 20_000}", encoding="utf-8")
    found = load_language(words, "en", str(lexicon))
    assert len(found.frequencies) == len(load_language(words, "en").frequencies) + 2
    assert number(found, "quux") >= 0
    assert number(found, "muller") >= 0
    assert "3 of 5 entries" in caplog.text


def test_a_lexicon_that_is_not_there_is_an_error_with_its_name(words: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.txt"):
        load_language(words, "en", str(tmp_path / "none.txt"))


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "words.npz"
    path.write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(ModelError, match=r"words\.npz"):
        load_language(path, "en")


def test_characters_have_kinds() -> None:
    assert [shape(character) for character in "aZ' -"] == [WORD, WORD, WORD, SPACE, mark("-")]
    assert shape("\u2014") == mark("-")
    assert shape("\u0416") == shape("°") == shape("º") == SHAPES - 1
    assert [letter(character) for character in "aZ\u2019-5éÜßłæ"] == [0, 25, 26, -1, -1, 4, 20, 18, 11, 0]


ALPHABETS = {
    "de": "äöüßÄÖÜ", "fr": "àâæçéèêëîïôœùûüÿÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ", "es": "áéíñóúüÁÉÍÑÓÚÜ¿", "it": "àèéìòùÀÈÉÌÒÙ",
    "nl": "éèëïóöüÉËÏÓÖÜ", "pl": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "pt": "áâãàçéêíóôõúÁÂÃÀÇÉÊÍÓÔÕÚ", "ca": "àçèéíïòóúüÀÇÈÉÍÏÒÓÚÜ",
    "da": "æøåÆØÅ", "nb": "æøåÆØÅ", "sv": "åäöÅÄÖ", "fi": "åäöÅÄÖ", "is": "áðéíóúýþæöÁÐÉÍÓÚÝÞÆÖ", "et": "äõöüšžÄÕÖÜŠŽ",
    "lv": "āčēģīķļņšūžĀČĒĢĪĶĻŅŠŪŽ", "lt": "ąčęėįšųūžĄČĘĖĮŠŲŪŽ", "cs": "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ",
    "sk": "áäčďéíĺľňóôŕšťúýžÁÄČĎÉÍĹĽŇÓÔŔŠŤÚÝŽ", "sl": "čšžČŠŽ", "hr": "čćđšžČĆĐŠŽ", "hu": "áéíóöőúüűÁÉÍÓÖŐÚÜŰ",
    "ro": "ăâîșțĂÂÎȘȚ", "tr": "çğıöşüÇĞİÖŞÜ", "ga": "áéíóúÁÉÍÓÚ", "en": "", "latin": "",
}  # fmt: skip


def test_the_languages_of_a_model_are_those_whose_letters_it_knows() -> None:
    for model in manifest.models():
        if model.file and model.task == "recognition" and model.family == "ctc":
            known = Session(model.path, False, 1, Metrics()).metadata("characters")
            assert set(model.languages) == {code for code, alphabet in ALPHABETS.items() if set(alphabet) <= set(known)}
            assert {"en", "de", "fr", "latin"} < set(model.languages)


def test_the_shipped_language_knows_english() -> None:
    found = manifest.words_of("en")
    assert found is not None and manifest.damage(found) is None
    language = load_language(found.path, "en")
    assert number(language, "handwritten") >= 0
    assert not language.proper[number(language, "the")]
    assert language.proper[number(language, "francisco")]
    assert np.exp(language.frequencies).sum() == pytest.approx(1, abs=0.01)
    assert load_spellings(found.path, "en") == {}
    assert manifest.words_of("et") is None


SENTENCES = {
    "ca": "l'home és a casa",
    "cs": "dobrý den a děkuji vám",
    "da": "jeg er på vej hjem",
    "de": "wir können die Straße sehen",
    "es": "mañana será otro día",
    "fi": "hyvää päivää kaikille",
    "fr": "c'était l'été où j'ai vu l'homme",
    "hr": "što želiš reći",
    "hu": "jó reggelt mindenkinek",
    "is": "það er gott að sjá þig",
    "it": "dell'acqua perché è così",
    "lt": "labas rytas ačiū",
    "lv": "paldies un labdien",
    "nb": "jeg må gå på skolen",
    "nl": "de auto's van de buren",
    "pl": "dziękuję że jesteś tutaj",
    "pt": "não é possível ver o coração",
    "ro": "mulțumesc și bună ziua",
    "sk": "ďakujem veľmi pekne",
    "sl": "želim ti lep dan",
    "sv": "jag är på väg hem",
    "tr": "çok güzel bir gün",
    "latin": "le soleil and the Straße pour mañana dziękuję",
}


def test_the_shipped_languages_know_their_words_and_accents() -> None:
    readable = {
        code for model in manifest.models() if model.is_here and "fr" in model.languages for code in model.languages
    }
    assert readable - {"en", "et", "ga"} == set(SENTENCES)
    for code, sentence in SENTENCES.items():
        found = manifest.words_of(code)
        assert found is not None and manifest.damage(found) is None
        language, spellings = load_language(found.path, code), load_spellings(found.path, code)
        assert np.exp(language.frequencies).sum() == pytest.approx(1, abs=0.01)
        for word in sentence.split():
            bare = without_accents(word).lower()
            assert number(language, bare) >= 0, word
            assert bare == word.lower() or word.lower() in dict(spellings[bare]), word
        assert all(len(spelling) == len(word) for word, some in spellings.items() for spelling, _ in some)


def test_a_language_that_a_file_lacks_is_an_error(words: Path) -> None:
    with pytest.raises(ModelError, match=r"words\.npz.*fr_words"):
        load_language(words, "fr")
