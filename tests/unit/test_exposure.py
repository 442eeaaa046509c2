from __future__ import annotations

import numpy as np
import pytest

from raypipe.images.exposure import BRIGHT, DARK, brightened


def page(paper: float, ink: float, shape: tuple[int, int] = (600, 800)) -> np.ndarray:
    pixels = np.full((*shape, 3), paper, np.uint8)
    pixels[100:104, 100:300] = ink
    return pixels


@pytest.mark.parametrize(("paper", "ink"), [(DARK, 10), (255, 0), (120, 20)])
def test_a_bright_page_stays_as_it_is(paper: float, ink: float) -> None:
    pixels = page(paper, ink)
    assert brightened(pixels) is pixels


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_page_of_one_bright_colour_is_not_dark(channel: int) -> None:
    pixels = page(20, 5)
    pixels[:, :, channel] = 130
    assert brightened(pixels) is pixels


@pytest.mark.parametrize(("spots", "stays"), [(4, False), (5, True)])
def test_five_bright_pixels_are_no_sparks(spots: int, stays: bool) -> None:
    pixels = page(40, 5, (99, 99))  # All of its pixels are looked at.
    pixels[50, 10 : 10 + spots] = 200
    assert (brightened(pixels) is pixels) is stays


def test_a_little_white_on_black_is_not_dark() -> None:
    pixels = np.zeros((3000, 2000, 3), np.uint8)
    pixels[1000:1020, 500:520] = 255
    assert brightened(pixels) is pixels


@pytest.mark.parametrize(("paper", "ink"), [(90, 20), (48, 6), (32, 4)])
def test_paper_of_a_dark_page_becomes_bright(paper: int, ink: int) -> None:
    pixels = page(paper, ink)
    pixels[5, 5:8] = 255  # Sparks do not count.
    found = brightened(pixels)
    assert (found[300:] == BRIGHT).all()
    assert abs(int(found[102, 200, 0]) - ink * BRIGHT / paper) <= 1


def test_what_is_nearly_black_is_brightened_a_little() -> None:
    assert brightened(page(6, 1)).max() == 48
    assert brightened(np.zeros((1, 1, 3), np.uint8)).max() == 0
