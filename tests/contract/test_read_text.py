from __future__ import annotations

from pathlib import Path

import drawn
from PIL import Image, ImageDraw

import raypipe as rp


def test_the_shortest_program_reads_a_page(pages: Path) -> None:
    assert rp.read_text(pages / "a_letter.png").split("\n") == drawn.LETTER


def test_a_line_of_hundreds_of_letters_is_read(tmp_path: Path) -> None:
    text = " ".join([*drawn.LETTER[1:3], *drawn.LEFT, *drawn.RIGHT])
    drawn.page([text], (7600, 200), 40).crop((0, 40, 7600, 110)).save(tmp_path / "line.png")
    assert rp.read_text(tmp_path / "line.png") == text


def test_empty_boxes_to_tick_hold_no_text(tmp_path: Path) -> None:
    page = Image.new("RGB", (1240, 1000), "white")
    for x in (150, 600):
        for y in range(100, 900, 120):
            ImageDraw.Draw(page).rectangle((x, y, x + 36, y + 36), outline="black", width=3)
    page.save(tmp_path / "boxes.png")
    assert rp.read_text(tmp_path / "boxes.png") == ""
