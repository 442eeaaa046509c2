from __future__ import annotations

import cv2
import numpy as np
import pytest
from making import FakeSession, between, blobs, white, word

from raypipe.detection.base import Thresholds
from raypipe.detection.craft import Craft, find_regions
from raypipe.geometry import corners
from raypipe.zoo import manifest

INPUT = manifest.find("image_text_detector_v2").input
THRESHOLDS = Thresholds(score=0.7, text=0.4, link=0.4)


NOTHING = np.zeros((100, 300), np.float32)
FIRST, SECOND = word((40, 30), 5, 14), word((160, 70), 6, 14)
TEXT = blobs((100, 300), FIRST + SECOND)
LINK = blobs((100, 300), between(FIRST) + between(SECOND))


def test_an_empty_map_has_no_regions() -> None:
    found, scores = find_regions(NOTHING, NOTHING, THRESHOLDS)
    assert found.shape == (0, 5)
    assert scores.shape == (0,)


def test_words_are_found_where_they_are_drawn() -> None:
    found, scores = find_regions(TEXT, LINK, THRESHOLDS)
    found, scores = found[np.argsort(found[:, 0])], scores[np.argsort(found[:, 0])]
    assert np.allclose(found[:, :2], [(68.5, 30.5), (195.5, 70.5)], atol=1)
    assert np.allclose(scores, 1, atol=1e-3)
    for box, centres in zip(found, (FIRST, SECOND), strict=True):
        length = centres[-1][0] - centres[0][0]
        assert length + 8 < box[2] < length + 24  # The letters' Gaussians reach 5 pixels from their centres.
        assert 10 < box[3] < 24
        assert abs(box[4]) < 2


@pytest.mark.parametrize("angle", [-30, -12, 5, 20, 40])
def test_a_turned_word_has_its_angle(angle: float) -> None:
    centres = word((60, 150), 10, 14, angle)
    found, _ = find_regions(blobs((300, 300), centres), blobs((300, 300), between(centres)), THRESHOLDS)
    assert len(found) == 1
    assert abs(found[0, 4] - angle) < 2
    assert np.allclose(found[0, :2], np.mean(centres, 0) + 0.5, atol=1)


def test_affinity_joins_characters() -> None:
    assert len(find_regions(TEXT, LINK, THRESHOLDS)[0]) == 2
    assert len(find_regions(TEXT, NOTHING, THRESHOLDS)[0]) == 11


@pytest.mark.parametrize(("link", "count"), [(0.4, 11), (0.25, 2)])
def test_link_threshold(link: float, count: int) -> None:
    """With affinities of 0.35 and characters that do not touch."""
    found, _ = find_regions(TEXT, 0.35 * LINK, Thresholds(0.7, 0.5, link))
    assert len(found) == count


@pytest.mark.parametrize(("score", "count"), [(0.55, 1), (0.65, 0)])
def test_score_threshold(score: float, count: int) -> None:
    found, scores = find_regions(0.6 * blobs((100, 300), FIRST), LINK, Thresholds(score, 0.4, 0.4))
    assert len(found) == count
    assert np.allclose(scores, 0.6, atol=1e-3)


def test_text_threshold_sets_the_size() -> None:
    """A Gaussian of sigma 6 is above 0.2 out to 10.8 pixels, and above 0.6 out to 6.1."""
    text = blobs((100, 300), word((60, 50), 6, 10), sigma=6)
    low, high = (find_regions(text, NOTHING, Thresholds(0.7, level, 0.4))[0] for level in (0.2, 0.6))
    assert len(low) == len(high) == 1
    assert low[0, 3] > high[0, 3] + 4


def test_affinity_alone_is_no_region() -> None:
    assert find_regions(NOTHING, LINK, THRESHOLDS)[0].shape == (0, 5)


def test_affinity_does_not_widen_a_region() -> None:
    link = LINK.copy()
    link[20:40, 20:130] = 1
    found, _ = find_regions(TEXT, link, THRESHOLDS)
    (first,) = found[found[:, 0] < 120]
    assert np.allclose(first[:2], (68.5, 30.5), atol=1)
    assert first[2] < 90


def test_specks_are_noise() -> None:
    text = NOTHING.copy()
    text[10:12, 10:14] = 1
    assert len(find_regions(text, NOTHING, THRESHOLDS)[0]) == 0


def test_a_peak_that_just_reaches_the_thresholds_is_no_accident() -> None:
    """Networks in half precision do give exactly 0.5: here a component without a pixel above the text threshold."""
    text, link = 0.9 * TEXT, LINK.copy()
    text[85:95, 10:30] = 0.5
    link[85:95, 10:30] = 1
    found, scores = find_regions(text, link, Thresholds(0.5, 0.5, 0.4))
    assert len(found) == len(scores)
    assert len(found[found[:, 1] < 80]) == 2


def test_four_hundred_regions() -> None:
    text = np.zeros((800, 1200), np.float32)
    centres = [(30 + 60 * (n % 20), 20 + 40 * (n // 20)) for n in range(400)]
    for x, y in centres:
        cv2.ellipse(text, (x, y), (20, 8), 0, 0, 360, 0.9, -1)
    found, scores = find_regions(text, np.zeros_like(text), THRESHOLDS)
    assert found.shape == (400, 5)
    assert np.allclose(scores, 0.9)
    order = np.lexsort((found[:, 0].round(), found[:, 1].round()))
    assert np.allclose(found[order, :2] - 0.5, centres, atol=0.6)


def test_the_detector_gives_boxes_in_page_pixels_and_asks_the_network_in_rgb() -> None:
    page = white(400, 800)
    page[:, :] = (0, 0, 255)  # Red.
    page[100:140, 200:500] = (255, 0, 0)

    def network(tensor: np.ndarray) -> np.ndarray:
        blue = cv2.resize(tensor[0, 2], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        return np.stack([(blue > 2).astype(np.float32), np.zeros_like(blue)])[None]

    session = FakeSession(network)
    found = Craft(session, INPUT).detect(page, 640, THRESHOLDS, refine=False)
    (tensor,) = session.inputs
    assert tensor.shape == (1, 3, 320, 640)
    assert np.allclose(tensor[0, :, 0, 0], [(255 - 123.675) / 58.395, -116.28 / 57.12, -103.53 / 57.375], atol=1e-3)
    assert np.allclose(found.boxes[0, :2], [350, 120], atol=2)
    left, top = corners(found.boxes)[0].min(0)
    right, bottom = corners(found.boxes)[0].max(0)
    assert 160 < left <= 200 < 500 <= right < 540
    assert 60 < top <= 100 < 140 <= bottom < 180
