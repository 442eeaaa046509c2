"""What all stages have in common: specifications, defaults, pools, workers that fail, and options of models."""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from making import carried_out
from pydantic import ValidationError

import raypipe as rp
from raypipe import presets
from raypipe.columns import TEXT
from raypipe.errors import ConfigError, PageError
from raypipe.graph import Operator
from raypipe.metrics import Metrics
from raypipe.run.runner import Runner
from raypipe.stages.base import ModelStage, Pool, Stage, Step, Worker
from raypipe.types import Row
from raypipe.zoo import manifest

STAGES = [rp.BinaryToImage, rp.ImageTextDetector, rp.ImageToText, rp.ImageDrawRegions]
SPECS = [stage() for stage in STAGES] + [rp.SaveImages(folder="out")]
VISUAL_NLP = {
    rp.BinaryToImage: {
        "input_col": "content", "origin_col": "path", "output_col": "image",
        "page_num_col": "pagenum", "keep_input": False,
    },
    rp.ImageTextDetectorV2: {
        "input_col": "image", "output_col": "text_regions", "size_threshold": 10, "width": 1280, "with_refiner": False,
    },
    rp.ImageToTextV2: {
        "output_col": "text", "positions_col": "positions", "line_tolerance": 15, "border_width": 5, "space_width": 10,
        "output_format": "text", "include_confidence": False,
    },
    rp.ImageDrawRegions: {
        "input_col": "image", "output_col": "image_with_regions", "line_width": 4, "font_size": 12,
        "rect_color": "black", "filled_rect": False,
    },
}  # fmt: skip
"""Defaults that are Visual NLP's."""


@pytest.mark.parametrize("stage", VISUAL_NLP, ids=lambda stage: stage.__name__)
def test_visual_nlps_names_have_its_defaults(stage: type[Stage]) -> None:
    values = stage().model_dump()
    assert {name: values[name] for name in VISUAL_NLP[stage]} == VISUAL_NLP[stage]


def test_visual_nlps_names_mean_our_stages() -> None:
    assert rp.ImageTextDetectorV2().thresholds().link == 0.4
    assert issubclass(rp.ImageTextDetectorCraft, rp.ImageTextDetector)
    for stage in (rp.ImageToTextV2, rp.ImageToTextV2Opt, rp.ImageToTextOnnx):
        assert issubclass(stage, rp.ImageToText)
    assert rp.ImageToTextV2Opt().model == rp.ImageToText().model


def test_the_stages_own_defaults_are_the_standard_pipeline() -> None:
    stages = [rp.BinaryToImage(), rp.ImageTextDetector(), rp.ImageToText()]
    assert rp.Pipeline(stages) == presets.standard()


@pytest.mark.parametrize("stage", STAGES)
def test_unknown_parameters_are_forbidden(stage: type[Stage]) -> None:
    with pytest.raises(ConfigError, match="no_such_parameter"):
        stage(no_such_parameter=1)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_specification_pickles_compares_and_is_frozen(spec: Stage) -> None:
    copy = pickle.loads(pickle.dumps(spec))
    assert copy == spec
    assert hash(copy) == hash(spec)
    assert spec.model_copy(update={"pool": Pool(size=2)}) != spec
    with pytest.raises(ValidationError):
        spec.pool = None


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_parameter_is_described(spec: Stage) -> None:
    assert all(field.description for field in type(spec).model_fields.values())


@pytest.mark.parametrize(
    ("stage", "parameters"),
    [
        (rp.BinaryToImage, {"max_bytes": 0}),
        (rp.BinaryToImage, {"image_type": "RGB"}),
        (rp.ImageTextDetector, {"score_threshold": 1.5}),
        (rp.ImageTextDetector, {"size_threshold": -2}),
        (rp.ImageTextDetector, {"width": 0}),
        (rp.ImageToText, {"output_format": "pdf"}),
        (rp.ImageToText, {"batch_size": -1}),
        (rp.ImageDrawRegions, {"rect_color": "mauve"}),
        (rp.SaveImages, {}),
    ],
)
def test_values_out_of_range_are_refused(stage: type[Stage], parameters: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=stage.__name__):
        stage(**parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"size": 0},
        {"size": 2, "max_size": 3},
        {"min_size": 3, "max_size": 2},
        {"num_cpus": 0},
        {"num_gpus": -1},
        {"n": 1},
    ],
)
def test_pools_that_cannot_be(parameters: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="^Pool "):
        Pool(**parameters)


@pytest.mark.parametrize(
    ("parameters", "floor"), [({}, 1), ({"size": 4}, 4), ({"min_size": 2, "max_size": 5}, 2), ({"max_size": 5}, 1)]
)
def test_the_floor_of_a_pool(parameters: dict[str, Any], floor: int) -> None:
    assert Pool(**parameters).floor == floor


class Shouter(Worker["Shout"]):
    """Writes a word in capitals."""

    def process(self, rows: Sequence[Row]) -> None:
        self.metrics.add("rows_total", len(rows))
        for row in rows:
            with self.guard(row):
                row["loud"] = self._shout(row["word"])

    def _shout(self, word: str) -> str:
        match word:
            case "page error":
                raise PageError("too_quiet", "a.png is quiet.", "Speak up.")
            case "opencv":
                cv2.resize(np.zeros((0, 0), np.uint8), (1, 1))
            case "memory":
                raise MemoryError
            case "bug":
                raise KeyError("bug")
        return word.upper()


class Shout(Stage):
    """A stage of one worker."""

    def steps(self) -> tuple[Step, ...]:
        return (Step(stage=self, worker=Shouter, reads={"word": TEXT}, writes={"loud": TEXT}, drops=("word",)),)


def shout(*words: str) -> list[Row]:
    rows = [{"path": "a.png", "pagenum": n, "word": word} for n, word in enumerate(words)]
    return carried_out(Shouter(Shout(), 1, Metrics()), rows)


def test_a_worker_fills_in_its_columns_and_drops_others() -> None:
    assert shout("a", "b") == [
        {"path": "a.png", "pagenum": 0, "exception": None, "loud": "A"},
        {"path": "a.png", "pagenum": 1, "exception": None, "loud": "B"},
    ]
    assert shout() == []


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("page error", ["Shout too_quiet: a.png is quiet. Speak up."]),
        ("opencv", ["Shout page_failed: a.png, page 2", "'resize'. Look at the picture"]),
        ("memory", ["Shout page_failed: a.png, page 2", "MemoryError. Look at the picture"]),
    ],
)
def test_an_error_of_a_page_stays_with_it(word: str, words: list[str]) -> None:
    rows = shout("a", word, "b")
    assert [row["loud"] for row in rows] == ["A", "", "B"]
    assert [row["exception"] is None for row in rows] == [True, False, True]
    assert all(part in rows[1]["exception"] for part in words)


def test_an_error_of_the_program_stops_the_job() -> None:
    with pytest.raises(KeyError):
        shout("a", "bug")


def test_failed_rows_pass_through_with_empty_columns() -> None:
    metrics = Metrics()
    rows = [{"exception": "Before code: why", "loud": "left over"}, {"exception": None, "word": "x"}]
    found = carried_out(Shouter(Shout(), 1, metrics), rows)
    assert found == [{"exception": "Before code: why", "loud": ""}, {"exception": None, "loud": "X"}]
    sums = metrics.drain()
    assert sums["rows_total"] == 1
    assert sums["Shouter_seconds"] >= 0


def test_pages_know_how_long_they_took() -> None:
    class Waiter(Worker["Stage"]):
        def process(self, rows: Sequence[Row]) -> None:
            time.sleep(0.02)

    step = Step(stage=Shout(), worker=Waiter, reads={}, writes={})
    run = Runner(Operator(steps=(step,), pool=None, before={}, after={}), 1, Metrics())
    rows: list[Row] = [{"exception": None}, {"exception": None}, {"exception": "Before code: why"}]
    run(rows)
    first = rows[0]["reading_seconds"]
    assert first >= 0.01 and rows[1]["reading_seconds"] == first and "reading_seconds" not in rows[2]
    run(rows)
    assert rows[0]["reading_seconds"] >= first + 0.01


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
        rp.ImageToText(language="et", decoder="beam")
