from __future__ import annotations

import cv2
import numpy as np
import pytest
from making import MIDDLE, FakeSession, between, blobs, white, word

from raypipe.detection.base import Thresholds
from raypipe.detection.craft import Craft, find_lines
from raypipe.geometry import corners

THRESHOLDS = Thresholds(score=0.7, text=0.4, link=0.4)
SHAPE = (160, 320)
NOTHING = np.zeros(SHAPE, np.float32)


def band(*points: tuple[float, float], thickness: int = 5) -> np.ndarray:
    """A line as the refiner draws it."""
    drawn = np.zeros(SHAPE, np.uint8)
    cv2.polylines(drawn, [np.rint(points).astype(np.int32)], False, 255, thickness)
    return drawn.astype(np.float32) / 255


FIRST = word((40, 40), 4, 14) + word((140, 40), 6, 14)
SECOND = word((40, 80), 8, 14)
TEXT = blobs(SHAPE, FIRST + SECOND)
LINES = np.maximum(band((36, 40), (214, 40)), band((36, 80), (142, 80)))


def of_lines(text: np.ndarray = TEXT, lines: np.ndarray = LINES, thresholds: Thresholds = THRESHOLDS) -> np.ndarray:
    """The boxes found, from top to bottom."""
    found, scores = find_lines(text, NOTHING, lines, thresholds)
    assert len(found) == len(scores)
    return found[np.argsort(found[:, 1], kind="stable")]


def test_empty_maps_have_no_regions() -> None:
    found, scores = find_lines(NOTHING, NOTHING, NOTHING, THRESHOLDS)
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


def test_a_curved_line_is_one_region_around_it() -> None:
    centres = [(float(x), 40 + (x - 160) ** 2 / 300) for x in range(40, 290, 14)]
    (box,) = of_lines(blobs(SHAPE, centres), band(*centres))
    left, top = corners(box[None])[0].min(0)
    right, bottom = corners(box[None])[0].max(0)
    assert left < 38
    assert right > 280
    assert top < 37
    assert bottom > 88
    assert box[3] < 75


def test_letters_of_two_lines_that_touch_are_parted() -> None:
    text = TEXT.copy()
    text[40:81, 66:72] = 0.9  # A long tail from the first line into the second.
    first, second = of_lines(text)
    assert first[1] + first[3] / 2 < 68
    assert second[1] - second[3] / 2 > 52
    assert len(of_lines(text)) == 2


def test_text_in_no_line_is_found_as_words() -> None:
    alone = word((60, 130), 3, 9)
    found = of_lines(np.maximum(TEXT, blobs(SHAPE, alone)))
    assert len(found) == 3
    assert np.allclose(found[2, :2], (69.5, 130.5), atol=1)
    link = blobs(SHAPE, between(FIRST) + between(SECOND))
    assert len(find_lines(TEXT, link, LINES, THRESHOLDS)[0]) == 2


@pytest.mark.parametrize(("size", "top", "count"), [(6, 100, 1), (6, 125, 2), (24, 100, 2)])
def test_a_piece_of_a_letter_at_a_line_is_no_region(size: int, top: int, count: int) -> None:
    """The line is 50 to 90; below it is a speck, the same further away, or something almost as high as the line."""
    text = NOTHING.copy()
    text[50:90, 40:280] = 0.9
    text[top : top + size, 150 : 150 + size] = 0.9
    assert len(of_lines(text, band((40, 70), (280, 70)))) == count


def test_a_line_without_text_is_none() -> None:
    lines = np.maximum(LINES, band((40, 130), (200, 130)))
    assert len(of_lines(lines=lines)) == 2
    assert len(of_lines(0.6 * TEXT)) == 0
    assert len(of_lines(0.6 * TEXT, thresholds=Thresholds(0.5, 0.4, 0.4))) == 2


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
        return {"scores": np.stack([TEXT, NOTHING])[None], "lines": LINES[None, None]}

    detector = Craft(FakeSession(network), MIDDLE)
    words = detector.detect(white(320, 640), 640, THRESHOLDS, refine=False)
    lines = detector.detect(white(320, 640), 640, THRESHOLDS, refine=True)
    assert (len(words.boxes), words.refined) == (18, False)
    assert (len(lines.boxes), lines.refined) == (2, True)
    assert asked == [640, 640]
    assert np.allclose(lines.boxes[:, 1], [81, 161], atol=3)
