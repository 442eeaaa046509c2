from __future__ import annotations

from typing import Any

import pytest

import raypipe as rp
from raypipe.errors import ConfigError
from raypipe.graph import INPUT_COLUMNS, graph_of
from raypipe.rows import schema
from raypipe.stages.base import Pool

TWO, THREE, ONE_GPU = Pool(size=2), Pool(size=3), Pool(size=1, num_gpus=1)
OPEN, DETECT, READ = rp.BinaryToImage(), rp.ImageTextDetector(), rp.ImageToText()
DRAW, SAVE = rp.ImageDrawRegions(), rp.SaveImages(folder="out")


@pytest.mark.parametrize(
    ("stages", "stage", "column"),
    [
        ([DETECT], "ImageTextDetector", "image"),
        ([OPEN, DRAW], "ImageDrawRegions", "text_regions"),
        ([OPEN, DETECT, SAVE], "SaveImages", "image_with_regions"),
        ([OPEN, rp.ImageTextDetector(input_col="picture")], "ImageTextDetector", "picture"),
        ([OPEN, rp.ImageToText(regions_column="text_region")], "ImageToText", "text_region"),
        ([OPEN, DETECT, READ, rp.ImageDrawRegions(draw_text=True, lines_col="line")], "ImageDrawRegions", "line"),
        ([rp.BinaryToImage(input_col="nowhere")], "BinaryToImage", "nowhere"),
        ([rp.BinaryToImage(origin_col="nowhere")], "BinaryToImage", "nowhere"),
        ([rp.BinaryToImage(page_num_col="nowhere")], "BinaryToImage", "nowhere"),
    ],
)
def test_a_column_that_neither_a_stage_nor_the_input_has_is_named(stages: list[Any], stage: str, column: str) -> None:
    graph = graph_of(stages)
    assert list(graph.needs) == [column]
    with pytest.raises(ConfigError) as caught:
        graph.check_input(INPUT_COLUMNS, "letters/")
    assert str(caught.value).startswith(f"{stage} reads the column {column!r}")
    assert "letters/ does not have" in str(caught.value)
    graph.check_input([*INPUT_COLUMNS, column], "letters/")


def test_the_remedy_names_the_parameter_and_whether_it_may_be_none() -> None:
    with pytest.raises(ConfigError, match="Correct regions_column, set it to None"):
        graph_of([OPEN, rp.ImageToText(regions_column="text_region")]).check_input((), "x")
    with pytest.raises(ConfigError, match="Correct input_col, put a stage"):
        graph_of([DETECT]).check_input((), "x")


def test_a_column_that_was_taken_away_is_no_input() -> None:
    with pytest.raises(ConfigError, match="reads the column .image., which a stage before it drops"):
        graph_of([OPEN, DETECT, rp.ImageToText(keep_input=False), DRAW])


def test_a_column_of_another_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="ImageTextDetector reads the column 'path' as struct"):
        graph_of([OPEN, rp.ImageTextDetector(input_col="path")])


def test_columns() -> None:
    graph = graph_of([OPEN, DETECT, READ, DRAW, SAVE])
    assert graph.operators[0].before == INPUT_COLUMNS
    assert {"text", "lines", "confidence", "overlay", "image", "text_regions"} < set(graph.columns)
    assert not {"content", "crops", "image_with_regions"} & set(graph.columns)
    assert schema(graph.columns).names == list(graph.columns)


def test_a_pipeline_may_begin_in_the_middle() -> None:
    graph = graph_of([OPEN, READ])
    assert list(graph.needs) == ["text_regions"]
    assert list(graph.operators[0].before) == [*INPUT_COLUMNS, "text_regions"]
    assert "text_regions" in graph.columns


def shape(stages: list[Any]) -> list[tuple[list[str], Pool | None]]:
    return [([step.worker.__name__ for step in o.steps], o.pool) for o in graph_of(stages).operators]


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([OPEN, DETECT, READ], [(["ImageOpener", "TextDetector", "LineCropper", "TextReader"], None)]),
        (
            [OPEN, rp.ImageTextDetector(pool=TWO), rp.ImageToText(pool=ONE_GPU)],
            [(["ImageOpener", "TextDetector", "LineCropper"], TWO), (["TextReader"], ONE_GPU)],
        ),
        (
            [OPEN, DETECT, rp.ImageToText(pool=ONE_GPU), DRAW],
            [(["ImageOpener", "TextDetector", "LineCropper"], None), (["TextReader", "RegionDrawer"], ONE_GPU)],
        ),
        (
            [OPEN, rp.ImageTextDetector(pool=TWO), READ],
            [(["ImageOpener", "TextDetector", "LineCropper", "TextReader"], TWO)],
        ),
        (
            [OPEN, DETECT, READ, rp.ImageDrawRegions(pool=THREE), SAVE],
            [
                (["ImageOpener", "TextDetector", "LineCropper", "TextReader"], None),
                (["RegionDrawer", "ImageSaver"], THREE),
            ],
        ),
    ],
)
def test_operators(stages: list[Any], expected: list[tuple[list[str], Pool | None]]) -> None:
    assert shape(stages) == expected


@pytest.mark.parametrize(
    "stages",
    [
        [rp.BinaryToImage(pool=THREE), rp.ImageTextDetector(pool=TWO), rp.ImageToText(pool=ONE_GPU)],
        [OPEN, DETECT, READ, rp.ImageDrawRegions(pool=TWO), rp.SaveImages(folder="out", pool=THREE)],
    ],
)
def test_a_stage_with_a_pool_runs_in_it(stages: list[Any]) -> None:
    """Its last worker does; no pool that was asked for is forgotten."""
    pools = {name: pool for names, pool in shape(stages) for name in names}
    pooled = [stage for stage in stages if stage.pool]
    assert [pools[stage.steps()[-1].worker.__name__] for stage in pooled] == [stage.pool for stage in pooled]


def test_an_operator_is_named_after_its_stages() -> None:
    assert [
        operator.name
        for operator in graph_of([OPEN, rp.ImageTextDetector(pool=TWO), rp.ImageToText(pool=TWO)]).operators
    ] == [
        "BinaryToImage+ImageTextDetector+ImageToText",
        "ImageToText",
    ]
