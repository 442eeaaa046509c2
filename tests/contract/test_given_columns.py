"""A pipeline that begins in the middle reads the columns of its input, and misses those that are not there, alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import drawn
import pytest
from adapters import SHARED

import raypipe as rp
from raypipe.columns import REGIONS
from raypipe.errors import ConfigError

GIVEN = rp.Pipeline([rp.BinaryToImage(), rp.ImageToText(regions_column="text_regions")])
MISSPELT = rp.Pipeline([rp.BinaryToImage(), rp.ImageToText(regions_column="text_region")])


@pytest.fixture(scope="module")
def letter(pages: Path) -> dict[str, Any]:
    """A page with the regions that a detector found, as plain values, as they stand in a Parquet file."""
    (page,) = SHARED.run(pages / "a_letter.png")
    return {"path": page.path, "text_regions": REGIONS.encode(page.regions)}


def read_locally(pipeline: rp.Pipeline, row: dict[str, Any]) -> Iterator[str]:
    return (page.text for page in pipeline.run([row]))


def read_on_ray(pipeline: rp.Pipeline, row: dict[str, Any]) -> Iterator[str]:
    import ray

    return (found["text"] for found in pipeline.transform(ray.data.from_items([row])).take_all())


def read_online(pipeline: rp.Pipeline, row: dict[str, Any]) -> Iterator[str]:
    from ray import serve

    from raypipe.run.settings import Serving

    application = pipeline.deployment(Serving(input_columns=tuple(row)))
    handle = serve.run(application, _local_testing_mode=True)
    page = {**row, "content": None, "pagenum": 0, "total_pages": 1, "exception": None}
    yield handle.read.remote(page).result()["text"]


WAYS = pytest.mark.parametrize("read", [read_locally, read_on_ray, read_online])


@WAYS
def test_given_regions_are_read(read: Any, letter: dict[str, Any], ray_cluster: None) -> None:
    assert next(iter(read(GIVEN, letter))).split("\n") == drawn.LETTER


@WAYS
def test_only_given_regions_are_read(read: Any, letter: dict[str, Any], ray_cluster: None) -> None:
    first = {**letter, "text_regions": letter["text_regions"][:1]}
    assert next(iter(read(GIVEN, first))) == drawn.LETTER[0]


@WAYS
def test_a_misspelt_column_is_an_error_before_the_start(read: Any, letter: dict[str, Any], ray_cluster: None) -> None:
    with pytest.raises(ConfigError, match="ImageToText reads the column 'text_region'"):
        next(iter(read(MISSPELT, letter)))


@WAYS
def test_given_regions_read_the_photo_of_the_models_card(read: Any, shared_data: Path, ray_cluster: None) -> None:
    photo = shared_data / "visual_nlp_samples" / "images" / "handwritten_example.jpg"
    (page,) = SHARED.run(photo)
    row = {"path": str(photo), "text_regions": REGIONS.encode(page.regions)}
    text = next(iter(read(GIVEN, row)))
    assert text == page.text
    assert all(word in text for word in ("performance", "hope"))
