"""A pipeline that begins in the middle reads the columns of its input, and misses those that are not there, alike."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import drawn
import pytest
from adapters import EACH_ADAPTER, EACH_ADAPTER_RAY_LATER, SHARED

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


@EACH_ADAPTER
def test_given_regions_are_read_and_no_others(
    read: Any, letter: dict[str, Any], tmp_path: Path, ray_cluster: None
) -> None:
    copied = shutil.copy(letter["path"], tmp_path)
    whole, part = read(GIVEN, [letter, {"path": str(copied), "text_regions": letter["text_regions"][:1]}])
    assert whole["text"].split("\n") == drawn.LETTER
    assert part["text"] == drawn.LETTER[0]


@EACH_ADAPTER
def test_a_misspelt_column_is_an_error_before_the_start(read: Any, letter: dict[str, Any], ray_cluster: None) -> None:
    with pytest.raises(ConfigError, match="ImageToText reads the column 'text_region'"):
        read(MISSPELT, [letter])


@EACH_ADAPTER_RAY_LATER
def test_given_regions_read_the_photo_of_the_models_card(read: Any, shared_data: Path, ray_cluster: None) -> None:
    photo = shared_data / "visual_nlp_samples" / "images" / "handwritten_example.jpg"
    (page,) = SHARED.run(photo)
    row = {"path": str(photo), "text_regions": REGIONS.encode(page.regions)}
    text = read(GIVEN, [row])[0]["text"]
    assert text == page.text
    assert all(word in text for word in ("performance", "hope"))
