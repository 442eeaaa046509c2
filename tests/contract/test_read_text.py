from __future__ import annotations

from pathlib import Path

import drawn

import raypipe as rp


def test_the_shortest_program_reads_a_page(pages: Path) -> None:
    assert rp.read_text(pages / "a_letter.png").split("\n") == drawn.LETTER
