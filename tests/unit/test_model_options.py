"""Options that a model would leave without effect are refused, whatever the family."""

from __future__ import annotations

from typing import Any

import pytest

import raypipe as rp
from raypipe.errors import ConfigError
from raypipe.stages.base import ModelStage
from raypipe.zoo import manifest

VALUES = {
    "link_threshold": 0.3,
    "decoder": "beam",
    "lexicon": "own.txt",
    "alternatives": 3,
    "use_caching": True,
    "num_beams": 1,
}
"""A value of each option that not every family uses; those that are the default are said on purpose all the same."""
MODELS = {
    family: next(m.name for m in manifest.models() if m.family == family)
    for family in ("craft", "db", "ctc", "seq2seq")
}
PAIRS = [
    (stage, option, family)
    for stage in (rp.ImageTextDetector, rp.ImageToText)
    for option in sorted(frozenset().union(*(family.options for family in stage.families.values())))
    for family in stage.families
]


@pytest.mark.parametrize(("stage", "option", "family"), PAIRS, ids=lambda value: getattr(value, "__name__", value))
def test_an_option_is_used_or_refused(stage: type[ModelStage], option: str, family: str) -> None:
    given: dict[str, Any] = {"model": MODELS[family], option: VALUES[option]}
    if option in stage.families[family].options:
        assert getattr(stage(**given), option) == VALUES[option]
    else:
        with pytest.raises(ConfigError, match=f"{option} has no effect on {MODELS[family]}"):
            stage(**given)


def test_every_family_of_the_manifest_has_its_stage() -> None:
    assert {option for _, option, _ in PAIRS} == VALUES.keys()
    families = {*rp.ImageTextDetector.families, *rp.ImageToText.families}
    assert families == MODELS.keys()
    assert {model.family for model in manifest.models() if model.task != "language"} == families


@pytest.mark.parametrize("make", [rp.ImageToText, rp.standard])
def test_a_language_that_the_model_does_not_read_is_refused(make: Any) -> None:
    with pytest.raises(rp.RaypipeError, match="'klingon'"):
        make(language="klingon")


def test_beam_search_is_refused_where_there_are_no_words() -> None:
    with pytest.raises(ConfigError, match="decoder='beam' has no effect"):
        rp.ImageToText(language="fr", decoder="beam")
