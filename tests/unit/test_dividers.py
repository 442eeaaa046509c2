from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from making import Boxes, boxes, image_of, rotated, white

from raypipe.geometry import bounds
from raypipe.stages.crops import cut
from raypipe.stages.dividers import dividers
from raypipe.types import Pixels

HEIGHT, WIDTH, PITCH, ROWS = 800, 1400, 70, 9
SIDE = boxes(*((150, 100 + PITCH * n, 180, 30, 0) for n in range(ROWS)))
MAIN = boxes(*((850, 100 + PITCH * n, 700, 30, 0) for n in range(ROWS)))
LINES = np.concatenate([SIDE, MAIN])
PLACE = 350
"""Where a divider is drawn, between the lines of two columns."""
Paint = Callable[[Pixels], None]


def ground(colour: tuple[int, int, int], top: int = 0, bottom: int = HEIGHT) -> Paint:
    """The left column has a ground."""
    return lambda page: page[top:bottom, :PLACE].__setitem__(slice(None), colour)


def rule(top: int, bottom: int, colour: int = 90, width: int = 2) -> Paint:
    return lambda page: page[top:bottom, PLACE : PLACE + width].__setitem__(slice(None), colour)


def rows(top: int, height: int, colour: int) -> Paint:
    """Every other row of the page down from `top` is tinted, over this height."""
    return lambda page: [page[y : y + height].__isub__(np.uint8(255 - colour)) for y in range(top, HEIGHT, 2 * PITCH)]


def page_of(*paints: Paint) -> Pixels:
    page = white(HEIGHT, WIDTH)
    for paint in paints:
        paint(page)
    for left, top, right, bottom in bounds(LINES).astype(int).tolist():
        page[top:bottom, left:right:4] = 0
    return page


@pytest.mark.parametrize(
    "paint",
    [
        ground((225, 225, 225)),
        ground((245, 245, 245)),
        ground((80, 45, 30)),
        ground((255, 235, 245)),
        ground((225, 225, 225), 85, HEIGHT),
        rule(30, HEIGHT),
        rule(0, 680, 190, 1),
    ],
    ids=["grey", "pale", "dark", "coloured", "below a heading", "rule", "hairline"],
)
def test_a_ground_or_a_rule_divides_columns(paint: Paint) -> None:
    found = dividers(page_of(paint), LINES)
    assert len(found)
    left, top, right, bottom = bounds(found)[0]
    assert abs((left + right) / 2 - PLACE) < 10
    assert (top, bottom) == (85, 675)


@pytest.mark.parametrize("degrees", [-2, 3, 180])
def test_dividers_are_found_on_a_page_that_was_turned(degrees: float) -> None:
    turn = cv2.getRotationMatrix2D((500, 500), -degrees, 1)
    page = cv2.warpAffine(page_of(ground((215, 225, 230))), turn, (1600, 1200), borderValue=(255, 255, 255))
    if degrees == 180:
        page, centre = page_of(ground((215, 225, 230)))[::-1, ::-1], (WIDTH / 2, HEIGHT / 2)
    else:
        centre = (500, 500)
    found = dividers(np.ascontiguousarray(page), rotated(LINES, degrees, centre))
    x, y, *_ = rotated(found, -degrees, centre)[0].tolist()
    assert abs(x - PLACE) < 10
    assert abs(y - 380) < 10


def soft(page: Pixels) -> None:
    """The edge of a shadow."""
    page[:] = (255 - 60 / (1 + np.exp((np.arange(WIDTH) - PLACE) / 12)))[None, :, None]


def fold(page: Pixels) -> None:
    page[:] = (255 - 120 * np.exp(-np.abs(np.arange(WIDTH) - PLACE) / 60))[None, :, None]


def crease(page: Pixels) -> None:
    """A fold of the paper, here faint and there dark."""
    page[:, PLACE : PLACE + 4] = (220 - 28 * np.sin(np.arange(HEIGHT) / 14)).astype(np.uint8)[:, None, None]


def stroke(page: Pixels) -> None:
    """A wavy line of a pen."""
    for y in range(HEIGHT):
        page[y, PLACE + round(9 * np.sin(y / 60)) :][:4] = 60


def scrawl(page: Pixels) -> None:
    """A rule in a picture."""
    rule(0, HEIGHT)(page)
    for x in range(260, 480, 15):
        page[(x * 7) % 400 :][:300, x : x + 3] = 90


@pytest.mark.parametrize(
    "paints",
    [
        [],
        [ground((225, 225, 225), 75, 685)],
        [rule(75, 685)],
        [ground((225, 225, 225)), rows(66, 2, 150)],
        [ground((225, 225, 225)), rows(66, PITCH, 240)],
        [rule(0, HEIGHT), rows(66, PITCH, 240)],
        [ground((225, 225, 225), 0, 380)],
        [soft],
        [fold],
        [crease],
        [stroke],
        [scrawl],
    ],
    ids=[
        "nothing",
        "ground of a table's column",
        "rule of a table",
        "rules cross",
        "tinted rows",
        "rule, tinted rows",
        "ends halfway",
        "shadow",
        "fold",
        "crease",
        "stroke",
        "picture",
    ],
)
def test_nothing_else_divides_columns(paints: list[Paint]) -> None:
    assert dividers(page_of(*paints), LINES).shape == (0, 5)


@pytest.mark.parametrize("some", [LINES[:0], SIDE, LINES[: ROWS + 3]], ids=["none", "one column", "short column"])
def test_what_is_not_beside_a_column_is_not_looked_at(some: Boxes) -> None:
    assert dividers(page_of(ground((225, 225, 225))), some).shape == (0, 5)


def test_line_pictures_come_with_the_dividers_of_their_page() -> None:
    image = image_of(page_of(ground((225, 225, 225))), 2)
    full = LINES * np.array([2, 2, 2, 2, 1], np.float32)
    found = cut(image, full, 48, 3200, 0, 0).divider_boxes()
    assert abs(found[0, 0] - 2 * PLACE) < 20
    assert bounds(found)[0, [1, 3]].tolist() == [170, 1350]
