from __future__ import annotations

import cv2
import numpy as np
import pytest
from making import MIDDLE, FakeSession, between, blobs, white, word

from raypipe.detection.base import Thresholds
from raypipe.detection.craft import Craft, find_lines, find_regions
from raypipe.geometry import corners
from raypipe.layout.bends import whole
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


THRESHOLDS = Thresholds(score=0.7, text=0.4, link=0.4)
SHAPE = (160, 320)
NO_LINKS = np.zeros(SHAPE, np.float32)


def band(*points: tuple[float, float], thickness: int = 5) -> np.ndarray:
    """A line as the refiner draws it."""
    drawn = np.zeros(SHAPE, np.uint8)
    cv2.polylines(drawn, [np.rint(points).astype(np.int32)], False, 255, thickness)
    return drawn.astype(np.float32) / 255


UPPER = word((40, 40), 4, 14) + word((140, 40), 6, 14)
LOWER = word((40, 80), 8, 14)
LETTERS = blobs(SHAPE, UPPER + LOWER)
LINES = np.maximum(band((36, 40), (214, 40)), band((36, 80), (142, 80)))


def of_lines(text: np.ndarray = LETTERS, lines: np.ndarray = LINES, thresholds: Thresholds = THRESHOLDS) -> np.ndarray:
    """The boxes found, from top to bottom."""
    found, scores = find_lines(text, NO_LINKS, lines, thresholds)
    assert len(found) == len(scores)
    return found[np.argsort(found[:, 1], kind="stable")]


def test_empty_maps_have_no_regions() -> None:
    found, scores = find_lines(NO_LINKS, NO_LINKS, NO_LINKS, THRESHOLDS)
    assert found.shape == (0, 5)
    assert scores.shape == (0,)


def test_the_words_of_a_line_are_one_region() -> None:
    first, second = of_lines()
    assert np.allclose(first[:2], (125.5, 40.5), atol=1.5)
    assert np.allclose(second[:2], (89.5, 80.5), atol=1.5)
    assert 182 < first[2] < 196
    assert 110 < second[2] < 124
    # The Gaussians of letters reach 5 pixels from their centres.
    assert all(11 < box[3] < 20 and abs(box[4]) < 0.5 for box in (first, second))


@pytest.mark.parametrize("angle", [-40, -15, -3, 8, 30, 44])
def test_a_turned_line_has_its_angle(angle: float) -> None:
    centres = word((160, 80), 5, 12, angle) + word((160, 80), 5, 12, angle + 180)
    (box,) = of_lines(blobs(SHAPE, centres), band(*sorted(centres)))
    assert abs(box[4] - angle) < 1.5
    assert np.allclose(box[:2], (160.5, 80.5), atol=2)
    assert 104 < box[2] < 122
    assert box[3] < 22


def test_a_line_read_upwards_is_high() -> None:
    centres = word((60, 20), 9, 14, 88)
    (box,) = of_lines(blobs(SHAPE, centres), band(*centres))
    assert abs(box[4] + 2) < 1.5
    assert box[3] > 5 * box[2]


def test_a_curved_line_is_regions_that_follow_it() -> None:
    centres = [(float(x), 40 + (x - 160) ** 2 / 300) for x in range(40, 290, 14)]
    found = of_lines(blobs(SHAPE, centres), band(*centres))
    (line,), rest = whole(found)
    assert len(line) == len(found)
    assert not len(rest)
    assert np.allclose(found[:, 1], 40 + (found[:, 0] - 160) ** 2 / 300, atol=13)  # Chords lie inside a curve.
    assert found[0, 3] < 30
    places = corners(found).reshape(-1, 2)
    left, top, right, bottom = *places.min(0), *places.max(0)
    assert (left < 38, top < 37, right > 280, bottom > 88) == (True,) * 4


def test_letters_of_two_lines_that_touch_are_parted() -> None:
    text = LETTERS.copy()
    text[40:81, 66:72] = 0.9  # A long tail from the first line into the second.
    first, second = of_lines(text)
    assert first[1] + first[3] / 2 < 68
    assert second[1] - second[3] / 2 > 52
    assert len(of_lines(text)) == 2


def test_text_in_no_line_is_found_as_words() -> None:
    alone = word((60, 130), 3, 9)
    found = of_lines(np.maximum(LETTERS, blobs(SHAPE, alone)))
    assert len(found) == 3
    assert np.allclose(found[2, :2], (69.5, 130.5), atol=1)
    link = blobs(SHAPE, between(UPPER) + between(LOWER))
    assert len(find_lines(LETTERS, link, LINES, THRESHOLDS)[0]) == 2


@pytest.mark.parametrize(("size", "top", "count"), [(6, 100, 1), (6, 125, 2), (24, 100, 2)])
def test_a_piece_of_a_letter_at_a_line_is_no_region(size: int, top: int, count: int) -> None:
    """The line is 50 to 90; below it is a speck, the same further away, or something almost as high as the line."""
    text = NO_LINKS.copy()
    text[50:90, 40:280] = 0.9
    text[top : top + size, 150 : 150 + size] = 0.9
    assert len(of_lines(text, band((40, 70), (280, 70)))) == count


def test_a_line_without_text_is_none() -> None:
    lines = np.maximum(LINES, band((40, 130), (200, 130)))
    assert len(of_lines(lines=lines)) == 2
    assert len(of_lines(0.6 * LETTERS)) == 0
    assert len(of_lines(0.6 * LETTERS, thresholds=Thresholds(0.5, 0.4, 0.4))) == 2


@pytest.mark.parametrize(("link", "count"), [(0.4, 3), (0.2, 2)])
def test_the_link_threshold_is_that_of_a_line(link: float, count: int) -> None:
    lines = LINES.copy()
    lines[:, 100:130] *= 0.3
    lines[70:, :] = LINES[70:, :]
    assert len(of_lines(lines=lines, thresholds=Thresholds(0.7, 0.4, link))) == count


def test_specks_are_no_lines() -> None:
    lines = LINES.copy()
    lines[58:61, 60:63] = 1
    assert np.allclose(of_lines(lines=lines), of_lines())


def test_a_short_line_is_level() -> None:
    (box,) = of_lines(blobs(SHAPE, [(50, 50)]), band((48, 47), (51, 53), thickness=4))
    assert box[4] == 0


def test_the_refiner_is_asked_only_if_wanted() -> None:
    asked: list[int] = []

    def network(tensor: np.ndarray) -> dict[str, np.ndarray]:
        asked.append(tensor.shape[3])
        return {"scores": np.stack([LETTERS, NO_LINKS])[None], "lines": LINES[None, None]}

    detector = Craft(FakeSession(network), MIDDLE)
    words = detector.detect(white(320, 640), 640, THRESHOLDS, refine=False)
    lines = detector.detect(white(320, 640), 640, THRESHOLDS, refine=True)
    assert (len(words.boxes), words.refined) == (18, False)
    assert (len(lines.boxes), lines.refined) == (2, True)
    assert asked == [640, 640]
    assert np.allclose(lines.boxes[:, 1], [81, 161], atol=3)
