"""Real photos and scans, whose text is known: a floor under what the standard pipeline reads."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from rapidfuzz.distance import Levenshtein

import raypipe as rp
from raypipe import presets


@cache
def read(path: Path) -> rp.Page:
    (page,) = presets.standard().run(path)
    return page


def fold(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\\n", "\n")).strip()


@pytest.mark.parametrize(
    ("page", "most_errors"),
    [
        ("visual_nlp_samples/images/handwritten_example.jpg", 0.12),
        ("visual_nlp_samples/images/gsa_lease.jpg", 0.05),
        ("forms_and_board/images/docai_health_intake.jpg", 0.04),
        ("letters1905_pages/images/Lettre246.jpg", 0.05),
        ("phone_pages/images/breta_text3.jpg", 0.02),
    ],
)
def test_characters_that_are_read_wrong(page: str, most_errors: float, shared_data: Path) -> None:
    path = shared_data / page
    rows = (path.parents[1] / "gt.tsv").read_text(encoding="utf-8").splitlines()
    truth = fold(dict(row.split("\t", 1) for row in rows)[path.name])
    text = read(path).text
    assert Levenshtein.distance(fold(text), truth) / len(truth) <= most_errors, text


def test_words_of_a_photo_by_an_unknown_hand(shared_data: Path) -> None:
    page = read(shared_data / "visual_nlp_samples/images/handwritten_example.jpg")
    for word in ("example", "handwritten", "performance", "hope", "awesome"):
        assert word in page.text


def test_every_character_of_a_form_has_a_place_on_it(shared_data: Path) -> None:
    page = read(shared_data / "forms_and_board/images/docai_health_intake.jpg")
    height, width = page["image"].height, page["image"].width
    assert len(page.lines) > 10
    for line in page.lines:
        assert line.text.split() == [word.text for word in line.words]
        for word in line.words:
            assert 0 <= word.x <= width and 0 <= word.y <= height and word.width > 0
            assert abs(word.y - line.y) < line.height
