from __future__ import annotations

from pathlib import Path

import cv2
import drawn
import numpy as np
import pytest
from PIL import Image, ImageDraw

import raypipe as rp


def test_the_shortest_program_reads_a_page(pages: Path) -> None:
    assert rp.read_text(pages / "a_letter.png").split("\n") == drawn.LETTER


def test_a_line_of_hundreds_of_letters_is_read(tmp_path: Path) -> None:
    text = " ".join([*drawn.LETTER[1:3], *drawn.LEFT, *drawn.RIGHT])
    drawn.page([text], (7600, 200), 40).crop((0, 40, 7600, 110)).save(tmp_path / "line.png")
    assert rp.read_text(tmp_path / "line.png") == text


@pytest.mark.parametrize("curl", ["wave", "hollow", "fold of a book"])
def test_lines_that_bend_are_read(curl: str) -> None:
    lines = [f"{left} and {right}" for left, right in zip(drawn.LEFT, drawn.RIGHT, strict=True)]
    picture = Image.new("RGB", (1100, 420), "white")
    for number, line in enumerate(lines):
        drawn.write(picture, [line], (60, 80 + 46 * number), 30)
    x, y = np.meshgrid(np.arange(1100, dtype=np.float32), np.arange(420, dtype=np.float32))
    share = x / 1100
    by = {
        "wave": 40 * np.sin(1.5 * np.pi * share),
        "hollow": 160 * (share - 0.5) ** 2,
        "fold of a book": 90 * np.exp(-5 * share),
    }
    page = cv2.remap(np.asarray(picture), x, y + by[curl] - 10, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert rp.read_text(Image.fromarray(page)).split("\n") == lines


def test_a_page_in_too_little_light_is_read() -> None:
    page = np.asarray(drawn.page(drawn.LETTER, font_size=18)) * 0.05
    noise = np.random.default_rng(0).normal(4, 2, page.shape)
    assert rp.read_text(Image.fromarray((page + noise).clip(0, 255).astype(np.uint8))).split("\n") == drawn.LETTER


def test_empty_boxes_to_tick_hold_no_text(tmp_path: Path) -> None:
    page = Image.new("RGB", (1240, 1000), "white")
    for x in (150, 600):
        for y in range(100, 900, 120):
            ImageDraw.Draw(page).rectangle((x, y, x + 36, y + 36), outline="black", width=3)
    page.save(tmp_path / "boxes.png")
    assert rp.read_text(tmp_path / "boxes.png") == ""
