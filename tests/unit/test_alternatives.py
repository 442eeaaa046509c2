"""Other readings of words: from the search through records, columns and JSON, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from making import a_line, a_word, finished
from test_beam import CHARACTERS, output

import raypipe as rp
from raypipe import presets
from raypipe.columns import LINES, LINES_WITH_ALTERNATIVES, arrow_of, fits
from raypipe.errors import ConfigError
from raypipe.outputs.json import page_values
from raypipe.recognition.base import Reading
from raypipe.recognition.ctc.beam import BeamDecoder
from raypipe.recognition.ctc.language import load_language
from raypipe.stages.crops import assemble
from raypipe.types import Alternative, Crops, Line, Word
from raypipe.zoo import manifest

BOX = (20, 10, 40, 20, 0)
OTHERS = [Alternative(text="Deer", confidence=0.25), Alternative(text="De ar", confidence=0.125)]


def decoder(alternatives: int) -> BeamDecoder:
    words = manifest.words_of("en")
    assert words is not None
    return BeamDecoder(CHARACTERS, load_language(words.path, "en"), alternatives=alternatives)


def read(alternatives: int, *steps: str | dict[str, float]) -> Reading:
    probabilities = output(*steps)
    return decoder(alternatives).decode(probabilities, 8, 8 * len(probabilities))


def by_word(reading: Reading) -> dict[str, list[str]]:
    return {
        reading.text[start:].split(" ")[0]: [each.text for each in others]
        for start, others in reading.alternatives.items()
    }


def test_words_have_the_readings_that_the_search_kept() -> None:
    steps = ("my ", {"h": 0.5, "m": 0.45}, "ouse ", {"c": 0.5, "b": 0.3, "r": 0.15}, "at here")
    found = read(3, *steps)
    assert found.text == "my house cat here"
    assert by_word(found) == {"house": ["mouse"], "cat": ["bat", "rat"]}
    assert by_word(read(1, *steps)) == {"house": ["mouse"], "cat": ["bat"]}
    for start, others in found.alternatives.items():
        chances = [each.confidence for each in others]
        assert chances == sorted(chances, reverse=True) and min(chances) > 0
        assert found.probabilities[start] + sum(chances) <= 1


def test_the_first_and_the_last_word_and_one_that_may_be_two() -> None:
    found = by_word(
        read(3, {"w": 0.5, "h": 0.45}, "e ", "hand", {"_": 0.5, " ": 0.45}, "made ", "fu", {"n": 0.5, "r": 0.4})
    )
    assert "he" in found["we"]
    assert found["handmade"] == ["hand made"]
    assert "fur" in found["fun"]


def test_an_alternative_has_the_accents_that_the_network_sees() -> None:
    found = by_word(read(3, "na ", {"ż": 0.97}, "o", {"l": 0.5, "b": 0.4}, "e"))
    assert found == {"żole": ["żobe"]}


def test_nothing_changes_where_none_are_asked_for() -> None:
    steps = ("my ", {"h": 0.5, "m": 0.45}, "ouse")
    without, asked = read(0, *steps), read(3, *steps)
    assert without.alternatives == {}
    assert without == replace(asked, alternatives={})


def test_they_belong_to_the_words_of_lines() -> None:
    picture = np.full((48, 200, 3), 255, np.uint8)
    picture[10:38, 10:80] = picture[10:38, 110:190] = 0
    segments = np.array([[0, 0, 200, 100, 24, 200, 48, 0]], np.float32).tobytes()
    crops = Crops(pixels=picture.tobytes(), height=48, widths=[200], segments=segments)
    reading = Reading("my cat", [0.9] * 6, [25, 60, 95, 120, 150, 180], {3: OTHERS})
    (line,) = assemble(crops, [reading])
    assert [(word.text, word.alternatives) for word in line.words] == [("my", []), ("cat", OTHERS)]


def test_json_has_them_where_there_are_some() -> None:
    words = [replace(a_word("Dear", 0.5, *BOX), alternatives=OTHERS), a_word("Sir", 0.9, *BOX)]
    line = a_line("Dear Sir", 0.7, *BOX, words=words)
    first, second = page_values(finished(lines=[line]))["lines"][0]["words"]
    assert first["alternatives"] == [{"text": "Deer", "confidence": 0.25}, {"text": "De ar", "confidence": 0.125}]
    assert "alternatives" not in second
    (plain, _) = page_values(finished(lines=[line]), confidences=False)["lines"][0]["words"]
    assert plain["alternatives"] == [{"text": "Deer"}, {"text": "De ar"}]
    assert LINES.decode(page_values(finished(lines=[line]))["lines"]) == [line], "the client reads them"


def test_lines_without_them_are_stored_as_ever_and_either_can_be_read() -> None:
    line = a_line("Dear", 0.5, *BOX, words=[replace(a_word("Dear", 0.5, *BOX), alternatives=OTHERS)])
    assert "alternatives" not in str(LINES.arrow)
    old, new = LINES.to_arrow([[line]]), LINES_WITH_ALTERNATIVES.to_arrow([[line]])
    bare = replace(line, words=[replace(line.words[0], alternatives=[])])
    for column in (LINES, LINES_WITH_ALTERNATIVES):
        assert column.from_arrow(pa.chunked_array([old])) == [[bare]], "results of a job without alternatives"
        assert column.from_arrow(pa.chunked_array([new])) == [[line]]


def test_a_stage_may_read_records_with_further_fields_but_not_with_fewer() -> None:
    assert fits(LINES_WITH_ALTERNATIVES.arrow, LINES.arrow)
    assert not fits(LINES.arrow, LINES_WITH_ALTERNATIVES.arrow)
    assert not fits(arrow_of(Word), arrow_of(Line)) and not fits(pa.string(), arrow_of(Word))
    pipeline = presets.standard(alternatives=3, text_layer="compare").with_drawing("jpeg")
    assert pipeline.graph.columns["lines"].arrow == LINES_WITH_ALTERNATIVES.arrow
    assert presets.standard().graph.columns["lines"].arrow == LINES.arrow


@pytest.mark.parametrize("other", [{"decoder": "greedy"}, {"language": "et"}])
def test_they_are_refused_where_there_would_be_none(other: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="alternatives has no effect without beam search"):
        rp.ImageToText(alternatives=3, **other)
    with pytest.raises(ConfigError, match="alternatives has no effect on ocr_base"):
        rp.ImageToText(alternatives=3, model="ocr_base_handwritten_v2")
