"""A page that lies on its side or stands on its head is read alike by all three adapters and both detector families."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pytest
from adapters import EACH_ADAPTER_RAY_LATER

import raypipe as rp

TURNS = [0, 90, 180, 270]


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The letter, turned so that it must be turned by 0, 90, 180 and 270 degrees clockwise to be read."""
    folder = tmp_path_factory.mktemp("turned")
    for turn in TURNS:
        drawn.page(drawn.LETTER).rotate(turn, expand=True).save(folder / f"{turn}.png")
    return [folder / f"{turn}.png" for turn in TURNS]


@EACH_ADAPTER_RAY_LATER
def test_a_turned_page_is_read_alike(read: Any, turned: list[Path], ray_cluster: None) -> None:
    rows = read(rp.standard(), [{"path": str(path), "content": path.read_bytes()} for path in turned])
    assert [row["text"] for row in rows] == ["\n".join(drawn.LETTER)] * len(TURNS)
    assert [row["turned"] for row in rows] == TURNS


@pytest.mark.parametrize("angle", [45, -45, 135])
def test_a_page_midway_between_two_of_these_is_read(angle: float, tmp_path: Path) -> None:
    drawn.page(drawn.LETTER).rotate(angle, expand=True, fillcolor="white").save(tmp_path / "page.png")
    assert rp.read_text(tmp_path / "page.png").split("\n") == drawn.LETTER


@pytest.mark.parametrize(
    "detector", ["text_detector_db_opt", pytest.param("image_text_detector_v2_opt", marks=pytest.mark.slow)]
)
def test_boxes_are_given_on_the_file_and_on_the_page_as_it_was_read(detector: str, turned: list[Path]) -> None:
    found = list(rp.standard(detector).run(turned))
    assert [page.turned for page in found] == TURNS
    first = [(line.text, line.x, line.y) for line in found[0].lines]
    for page in found:
        upright = [(line.text, line.x, line.y) for line in page.upright_lines]
        assert [text for text, *_ in upright] == [text for text, *_ in first]
        assert np.allclose([place for _, *place in upright], [place for _, *place in first], atol=12)
        assert all(0 <= line.x <= (page.width or 0) and 0 <= line.y <= (page.height or 0) for line in page.lines)
