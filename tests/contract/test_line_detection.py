"""The lines that CRAFT's refiner finds on the example pages, whose text is known line by line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import raypipe as rp
from raypipe.types import Region

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TRUTH = dict(row.split("\t", 1) for row in (EXAMPLES / "truth.tsv").read_text(encoding="utf-8").splitlines())


def regions(page: str | Path | Image.Image, tmp_path: Path) -> list[Region]:
    if isinstance(page, Image.Image):
        page.save(tmp_path / "page.png")
        page = tmp_path / "page.png"
    detector = rp.ImageTextDetector.pretrained("image_text_detector_v2_opt", with_refiner=True, use_gpu=False)
    (found,) = rp.Pipeline([rp.BinaryToImage(), detector]).run(page)
    assert found.exception is None or found.exception == ""
    return found.regions


@pytest.mark.parametrize("name", ["letter_1.jpg", "printed_report.png"])
def test_a_line_is_a_region(name: str, tmp_path: Path) -> None:
    lines = TRUTH[name].split("\\n")
    found = regions(EXAMPLES / name, tmp_path)
    assert len(found) == len(lines)
    # Regions come in the order of the text, and a longer line is a longer region.
    lengths = np.corrcoef([len(line) for line in lines], [region.width / region.height for region in found])[0, 1]
    assert lengths > 0.9


def test_lines_of_a_turned_page_have_its_angle(tmp_path: Path) -> None:
    with Image.open(EXAMPLES / "letter_2.jpg") as picture:
        turned = picture.rotate(-9, expand=True, fillcolor="white")
        level = [region.angle for region in regions(picture, tmp_path)]
    found = regions(turned, tmp_path)
    assert len(found) == len(level) == len(TRUTH["letter_2.jpg"].split("\\n"))
    long = [region.angle for region in found if region.width > 8 * region.height]
    assert len(long) > 5
    assert abs(np.median(long) - np.median(level) - 9) < 1
