"""Regions and text drawn on pages."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from making import a_line, a_region, boxes, carried_out, image_of, white, worker

import raypipe as rp
from raypipe.stages.draw import COLORS, RegionDrawer, draw


def painted(canvas: np.ndarray, color: str = "red") -> np.ndarray:
    """Where a picture has a colour, about."""
    return np.abs(canvas.astype(int) - COLORS[color][::-1]).sum(2) < 60


RED: dict[str, Any] = {"rect_color": "red", "line_width": 2}


def test_outlines_are_drawn_around_the_regions() -> None:
    found = painted(draw(image_of(white(100, 200)), boxes((100, 50, 80, 40, 0)), [], rp.ImageDrawRegions(**RED)))
    assert found[30, 100]
    assert found[70, 100]
    assert found[50, 60]
    assert found[50, 140]
    assert not found[50, 100]
    assert not found[:27].any()
    assert not found[:, :57].any()


def test_filled_regions_hide_what_they_hold() -> None:
    spec = rp.ImageDrawRegions(**RED, filled_rect=True)
    found = painted(draw(image_of(white(100, 200)), boxes((100, 50, 80, 40, 0)), [], spec))
    assert found[31:69, 61:139].all()
    assert abs(found.sum() - 80 * 40) < 200


def test_regions_have_the_colours_of_their_labels_and_bear_them() -> None:
    spec = rp.ImageDrawRegions(**RED, label_colors=(("name", "green"),))
    two = boxes((50, 50, 60, 40, 0), (150, 50, 60, 40, 0))
    found = draw(image_of(white(100, 200)), two, [], spec, ["name", ""])
    assert painted(found, "green")[50, 20] and not painted(found)[50, 20]
    assert painted(found)[50, 120]
    above = (found[10:28] < 200).any((0, 2))
    assert above[20:80].any() and not above[120:].any()


def test_outlines_without_width_leave_the_page_clean() -> None:
    page = image_of(white(100, 200))
    assert (draw(page, boxes((100, 50, 80, 40, 0)), [], rp.ImageDrawRegions(line_width=0)) == 255).all()


@pytest.mark.parametrize("rotated", [True, False])
def test_rotated_or_upright(rotated: bool) -> None:
    spec = rp.ImageDrawRegions(**RED, filled_rect=True, rotated=rotated)
    found = painted(draw(image_of(white(200, 200)), boxes((100, 100, 100, 20, 45)), [], spec))
    assert found[130, 130]
    assert found[70, 70]
    assert found[70, 130] == (not rotated)
    assert abs(found.sum() - (2000 if rotated else 85 * 85)) < 250


def test_the_drawing_is_scaled_down_with_its_regions() -> None:
    spec = rp.ImageDrawRegions(**RED, filled_rect=True, max_side=100)
    found = painted(draw(image_of(white(200, 400), 2), boxes((400, 200, 320, 160, 0)), [], spec))
    assert found.shape == (50, 100)
    assert found[16:34, 31:69].all()
    assert not found[:14].any()


@pytest.mark.parametrize("shape", [(1, 4000), (4000, 1)])
def test_a_thin_page_keeps_a_pixel(shape: tuple[int, int]) -> None:
    found = draw(image_of(white(*shape)), boxes((0, 0, 1, 1, 0)), [], rp.ImageDrawRegions(max_side=100))
    assert sorted(found.shape[:2]) == [1, 100]


def test_the_page_itself_is_left_alone() -> None:
    image = image_of(white(100, 200))
    draw(image, boxes((100, 50, 80, 40, 0)), [], rp.ImageDrawRegions())
    assert (image.pixels() == 255).all()


@pytest.mark.parametrize("filled", [True, False])
def test_no_regions_draw_nothing(filled: bool) -> None:
    spec = rp.ImageDrawRegions(filled_rect=filled, draw_text=True)
    assert (draw(image_of(white(100, 200)), boxes(), [], spec) == 255).all()


@pytest.mark.parametrize("y", [80, 4])
def test_text_is_written_above_its_line_and_on_the_page(y: float) -> None:
    line = a_line("hello ü", 0.5, 150, y, 100, 20, 0)
    spec = rp.ImageDrawRegions(draw_text=True, font_size=14)
    found = draw(image_of(white(200, 300)), boxes(), [line], spec)
    ink = np.argwhere((found < 250).any(2))
    assert len(ink) > 30
    assert ink[:, 0].max() < max(y - 8, 22)
    assert ink[:, 1].min() >= 98
    assert (draw(image_of(white(200, 300)), boxes(), (), spec) == 255).all()


def test_text_is_written_only_if_asked_for() -> None:
    row = {
        "image": image_of(white(200, 300)),
        "text_regions": [],
        "lines": [a_line("hello", 0.5, 150, 80, 100, 20, 0)],
    }
    silent, written = (
        carried_out(worker(RegionDrawer, rp.ImageDrawRegions(draw_text=asked, image_format="png")), [dict(row)])
        for asked in (False, True)
    )
    assert silent[0]["image_with_regions"] != written[0]["image_with_regions"]


@pytest.mark.parametrize("image_format", ["jpeg", "png"])
def test_the_drawing_is_a_file(image_format: str) -> None:
    row = {"image": image_of(white(100, 200)), "text_regions": [a_region(60, 30, 80, 40, 0, rotated=False)]}
    spec = rp.ImageDrawRegions(image_format=image_format, filled_rect=True, rect_color="blue")
    (found,) = carried_out(worker(RegionDrawer, spec), [row])
    pixels = cv2.imdecode(np.frombuffer(found["image_with_regions"], np.uint8), cv2.IMREAD_COLOR)
    assert painted(pixels, "blue")[50, 100]
    assert found["image_with_regions"][:2] == (b"\xff\xd8" if image_format == "jpeg" else b"\x89P")
