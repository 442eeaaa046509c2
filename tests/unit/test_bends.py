from __future__ import annotations

import cv2
import numpy as np
import pytest
from making import Boxes, boxes, image_of, white

from raypipe.geometry import crop_along, directions, turn
from raypipe.layout.bends import bends_of, may_bend, whole
from raypipe.stages.crops import cut


def bent(sag: float = 60, thickness: float = 20) -> tuple[Boxes, np.ndarray]:
    """The pieces of a line from 100 to 900 that sags at (500, 200), and the places (n, 2) of its middle."""
    x = np.arange(100, 900, dtype=np.float32)
    middle = np.stack([x, 200 + sag * (1 - ((x - 500) / 400) ** 2)], 1)
    points = np.concatenate([middle + [0, dy] for dy in np.arange(-thickness / 2, thickness / 2)])
    straight = boxes((500, 200 + sag / 2, 800, sag + thickness, 0))
    found = bends_of(straight, np.array([0]), lambda _: points.astype(np.float32))
    return found[0].pieces(860, 2 * thickness), middle


def test_pieces_meet_and_reach_as_far_as_the_line_has_grown() -> None:
    pieces, middle = bent()
    along = directions(pieces[:, 4])[0] * pieces[:, 2:3] / 2
    begin, end = pieces[:, :2] - along, pieces[:, :2] + along
    assert np.abs(end[:-1] - begin[1:]).max() < 0.01
    grown = (860 - (middle[-1, 0] - middle[0, 0])) / 2
    assert np.hypot(*(begin[0] - middle[0])) == pytest.approx(grown, abs=1)
    assert np.hypot(*(end[-1] - middle[-1])) == pytest.approx(grown, abs=1)
    assert begin[0, 0] < middle[0, 0] and end[-1, 0] > middle[-1, 0]


@pytest.mark.parametrize("angle", [-90, -20, 30, 180])
def test_lines_bend_whichever_way_they_run(angle: float) -> None:
    x = np.arange(-400, 400, dtype=np.float32)
    level = np.concatenate([np.stack([x, dy - 60 * (x / 400) ** 2], 1) for dy in range(20)]).astype(np.float32)
    straight, turned = boxes((0, -20, 800, 80, 0)), boxes((0, 0, 800, 80, angle))
    turned[:, :2] = turn(straight[:, :2], angle)
    first = bends_of(straight, np.array([0]), lambda _: level)[0]
    second = bends_of(turned, np.array([0]), lambda _: turn(level, angle))[0]
    assert first.size == pytest.approx((799, 20), abs=3) and second.size == pytest.approx(first.size, abs=2)
    expected = first.pieces(840, 30)
    expected[:, :2] = turn(expected[:, :2], angle)
    assert second.pieces(840, 30) == pytest.approx(expected + [0, 0, 0, 0, angle], abs=1)


def test_a_line_whose_letters_reach_further_up_than_down_is_covered_whole() -> None:
    x = np.arange(100, 900, dtype=np.float32)
    middle = 200 + 60 * (1 - ((x - 500) / 400) ** 2)
    points = [np.stack([x, middle + dy], 1) for dy in np.arange(-10, 11)]
    points += [np.stack([x[::40], middle[::40] - dy], 1) for dy in np.arange(10, 31)]
    found = np.concatenate(points).astype(np.float32)
    bend = bends_of(boxes((500, 220, 800, 100, 0)), np.array([0]), lambda _: found)[0]
    level = found - bend.centre
    across = level[:, 1] - bend.curve(level[:, 0])
    assert bend.height == pytest.approx(41, abs=3)
    assert (np.abs(across).max(), across.max()) == pytest.approx(
        (bend.height / 2 - 0.5, bend.height / 2 - 0.5), abs=0.5
    )


def test_lines_that_are_long_and_fill_little_of_their_boxes_may_bend() -> None:
    some = boxes((0, 0, 300, 100, 0), (0, 0, 300, 100, 0), (0, 0, 299, 100, 0))
    assert may_bend(some, np.array([20_000, 20_500, 10_000])).tolist() == [0]


def test_pieces_of_a_line_are_put_together_in_any_order_among_others() -> None:
    pieces, _ = bent()
    others = boxes((500, 500, 300, 40, 0), (800, 500, 300, 40, 0), (950, 180, 60, 40, 3))
    mixed = np.concatenate([pieces[::-1], others])
    (line,), rest = whole(mixed)
    assert np.allclose(mixed[line], pieces)
    assert rest.tolist() == [len(pieces), len(pieces) + 1, len(pieces) + 2]


@pytest.mark.parametrize(
    "some",
    [
        boxes(*((100 + 200 * n, 100, 200, 40, 0) for n in range(4))),
        boxes((100, 100, 200, 40, 0), (300, 102, 200, 40, 1), (520, 104, 200, 52, 2)[:5])[[0, 2]],
        boxes((100, 100, 200, 40, 0), (310, 100, 200, 40, 1)),
        boxes()[:0],
    ],
    ids=["cells that adjoin", "different heights", "a gap", "nothing"],
)
def test_other_boxes_are_no_pieces_of_a_line(some: Boxes) -> None:
    lines, rest = whole(some)
    assert lines == []
    assert rest.tolist() == list(range(len(some)))


def test_of_two_beginnings_of_a_line_one_stands_alone() -> None:
    pieces, _ = bent()
    (line,), rest = whole(np.concatenate([pieces, pieces[:1] + np.array([0, 1, 0, 0, 0], np.float32)]))
    assert line.tolist() == list(range(len(pieces)))
    assert rest.tolist() == [len(pieces)]


def test_a_line_that_bends_is_cut_out_of_a_page_longer_than_opencv_takes() -> None:
    pieces, middle = bent()
    page = white(400, 1000)
    cv2.polylines(page, [np.rint(middle).astype(np.int32)], False, (0, 0, 0), 3)
    picture, columns = crop_along(page, pieces, 48, 3200)
    long, columns_of_long = crop_along(np.pad(page, ((0, 33_000), (0, 0), (0, 0)), mode="edge"), pieces, 48, 3200)
    assert columns == columns_of_long
    assert np.abs(picture.astype(int) - long).max() <= 2


@pytest.mark.parametrize("border", [0, 5])
def test_a_line_that_bends_is_one_level_picture(border: int) -> None:
    pieces, middle = bent()
    page = white(400, 1000)
    cv2.polylines(page, [np.rint(middle).astype(np.int32)], False, (0, 0, 0), 3)
    crops = cut(image_of(page), pieces, 48, 3200, border, 10)
    (picture,) = crops.pictures()
    assert abs(picture.shape[1] - 48 * pieces[:, 2].sum() / (40 + 2 * border)) <= len(pieces)
    rows, columns = np.nonzero(picture.mean(2) < 128)
    assert len(set(columns.tolist())) > 0.9 * picture.shape[1]
    assert np.abs(rows - 23.5).max() <= 8  # The straight box around it would be twice as high as the line bends.
