"""From boxes to the regions of a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import boxes, carried_out, image_of, white, worker

import raypipe as rp
from raypipe.detection.base import Detection
from raypipe.errors import ModelError
from raypipe.images.image import Image
from raypipe.stages.detect import TextDetector
from raypipe.types import Region


class FakeDetector:
    """Finds the same boxes on every page."""

    def __init__(self, found: Detection, refiner: bool) -> None:
        self.found = found
        self.refiner = refiner

    def detect(self, pixels: np.ndarray, width: int, thresholds: object, refine: bool) -> Detection:
        assert pixels.shape[2] == 3
        return replace(self.found, refined=self.refiner and refine)


def detect(image: Image, some: np.ndarray, refiner: bool = False, **parameters: Any) -> list[Region]:
    detector = worker(TextDetector, rp.ImageTextDetector(**parameters))
    found = Detection(some, np.ones(len(some), np.float32))
    detector._detector, detector._thresholds = FakeDetector(found, refiner), None
    (row,) = carried_out(detector, [{"path": "x", "pagenum": 0, "image": image}])
    return row["text_regions"]


WORDS = boxes((50, 20, 40, 10, 0), (110, 20, 60, 10, 0), (50, 80, 40, 4, 0))


def test_regions_are_in_pixels_of_the_whole_page() -> None:
    regions = detect(image_of(white(100, 200), 4), WORDS, size_threshold=0)
    assert (regions[1].x, regions[1].y, regions[1].width, regions[1].height) == (440, 80, 240, 40)
    assert [region.index for region in regions] == [0, 1, 2]
    assert all(region.rotated for region in regions)


@pytest.mark.parametrize(("threshold", "count"), [(0, 3), (20, 3), (30, 2), (51, 0)])
def test_size_threshold_is_in_pixels_of_the_scaled_page(threshold: int, count: int) -> None:
    """The page is 200 wide and scaled to 1000: the heights of 10 and 4 become 50 and 20."""
    assert len(detect(image_of(white(100, 200)), WORDS, size_threshold=threshold, width=1000)) == count


def test_size_threshold_from_the_page() -> None:
    some = np.concatenate([WORDS, boxes((5, 5, 1, 0.9, 0))])
    assert len(detect(image_of(white(100, 200)), some, size_threshold=-1)) == 3
    assert detect(image_of(white(100, 200)), some[:0], size_threshold=-1) == []


def test_small_print_beside_large_letters_is_no_speck() -> None:
    """As on a poster: most regions are large, most letters are not, and one line is smaller still."""
    title = [(320, 100 + 200 * n, 600, 160, 0) for n in range(3)]
    print_, smallest, specks = (250, 800, 400, 30, 0), (200, 900, 100, 7, 0), [(900, 50, 6, 5, 0), (20, 500, 4, 7, 0)]
    found = detect(image_of(white(1000, 1000)), boxes(*title, *specks, print_, smallest))
    assert [region.height for region in found] == [160, 160, 160, 30, 7]


def test_words_are_joined_where_the_network_has_no_refiner() -> None:
    first, second = detect(image_of(white(100, 200)), WORDS, size_threshold=0, with_refiner=True)
    assert (first.x, first.width, second.x) == (85, 110, 50)


def test_the_lines_of_a_refiner_stay_as_they_are_in_reading_order() -> None:
    lines = detect(image_of(white(100, 200)), WORDS[::-1], refiner=True, size_threshold=0, with_refiner=True)
    assert [(line.x, line.y, line.width) for line in lines] == [(50, 20, 40), (110, 20, 60), (50, 80, 40)]
    words = detect(image_of(white(100, 200)), WORDS[::-1], refiner=True, size_threshold=0)
    assert [(word.x, word.y) for word in words] == [(50, 80), (110, 20), (50, 20)]


def test_intersecting_regions_are_merged() -> None:
    some = boxes((50, 20, 40, 10, 0), (55, 20, 40, 10, 0))
    assert len(detect(image_of(white(100, 200)), some, size_threshold=0)) == 2
    (merged,) = detect(image_of(white(100, 200)), some, size_threshold=0, merge_intersects=True)
    assert (merged.x, merged.width) == (52.5, 45)


def test_pages_without_text_have_no_regions() -> None:
    for parameters in ({}, {"with_refiner": True, "merge_intersects": True}):
        assert detect(image_of(white(100, 200)), WORDS[:0], **parameters) == []


class BothWays(FakeDetector):
    """Finds some text on a wide page, and other text on the page turned by 90 degrees."""

    def __init__(self, found: Detection, turned: Detection) -> None:
        super().__init__(found, refiner=False)
        self.turned = turned

    def detect(self, pixels: np.ndarray, width: int, thresholds: object, refine: bool) -> Detection:
        return self.found if pixels.shape[1] > pixels.shape[0] else self.turned


def angles(found: Detection, turned: Detection, **parameters: Any) -> set[float]:
    """How the short regions run that are found on a page of 1000 by 600 pixels."""
    detector = worker(TextDetector, rp.ImageTextDetector(**parameters))
    detector._detector, detector._thresholds = BothWays(found, turned), None
    (row,) = carried_out(detector, [{"path": "x", "pagenum": 0, "image": image_of(white(600, 1000))}])
    return {region.angle for region in row["text_regions"] if region.width < 60}


def scored(some: np.ndarray, score: float) -> Detection:
    return Detection(some, np.full(len(some), score, np.float32))


@pytest.mark.parametrize(("score", "angle"), [(0.89, 0), (0.95, -90)])
def test_a_page_with_text_both_ways_stays_as_it_is_unless_its_lines_are_found_better(
    score: float, angle: float
) -> None:
    """As a chart whose bars have names that stand: they look like the lines of a page on its side."""
    names = boxes(*((150 + 70 * n, 450, 34, 86, 0) for n in range(12)))
    numbers = boxes(*((60, 50 + 50 * n, 44, 28, 0) for n in range(7)), (500, 30, 250, 30, 0))
    x, y, *sizes, _ = np.concatenate([names, numbers]).T
    turned = np.stack([600 - y, x, *sizes[::-1], 0 * x], 1)
    assert angles(scored(np.concatenate([names, numbers]), 0.92), scored(turned, score)) == {angle}


@pytest.mark.parametrize(("score", "angle"), [(0.88, 0), (0.95, -90)])
def test_words_are_turned_if_they_are_found_better_so(score: float, angle: float) -> None:
    """Short words below each other look like words of a page on its side, and some are joined there."""
    words = boxes(*((150, 60 + 70 * n, 54, 40, 0) for n in range(7)))
    turned = boxes((200, 150, 180, 54, 0), (450, 150, 180, 54, 0), (580, 150, 40, 54, 0))
    parameters = {"model": "image_text_detector_v2_opt", "with_refiner": False}
    assert angles(scored(words, 0.92), scored(turned, score), **parameters) == {angle}


def test_thresholds_fall_back_on_the_family(fake_models: Path) -> None:
    craft, db = (rp.ImageTextDetector(model=name).thresholds() for name in ("some_detector", "db_detector"))
    assert (craft.score, craft.text, craft.link) == (0.7, 0.4, 0.4)
    assert (db.score, db.text) == (0.5, 0.25)
    assert rp.ImageTextDetector(model="db_detector", score_threshold=0.0).thresholds().score == 0


def test_pretrained_knows_its_models(fake_models: Path) -> None:
    spec = rp.ImageTextDetector.pretrained("other_detector", "en", width=500)
    assert (spec.model, spec.width) == ("other_detector", 500)
    assert rp.ImageToText.pretrained("some_reader", "fr").language == "fr"
    with pytest.raises(ModelError):
        rp.ImageTextDetector.pretrained("some_reader")
    with pytest.raises(ModelError):
        rp.ImageToText.pretrained("some_reader", "de")
