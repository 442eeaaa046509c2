"""Lines that the language must leave as the network read them."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from raypipe import presets
from raypipe.engine.session import Session
from raypipe.metrics import Metrics
from raypipe.recognition.base import RecognizerOptions
from raypipe.recognition.ctc.model import open_model
from raypipe.zoo import manifest

EXACT_LINES = Path(__file__).parents[1] / "data" / "exact_lines"


def test_exact_lines_are_not_corrected() -> None:
    """Numbers, dates, amounts, identifiers, addresses, names: at most 0.5 % of characters change for the worse."""
    distance = pytest.importorskip("rapidfuzz").distance.Levenshtein.distance
    rows = [row.split("\t") for row in (EXACT_LINES / "gt.tsv").read_text(encoding="utf-8").splitlines()]
    pictures = [cv2.imread(str(EXACT_LINES / "images" / name)) for name, _ in rows]
    model = manifest.resolve(presets.RECOGNIZER, "recognition", "en")
    wrong = []
    for way in ("greedy", "beam"):
        recognizer = open_model(model, RecognizerOptions("en", way), lambda path: Session(path, False, 1, Metrics()))
        readings = recognizer.read(pictures, 0)
        wrong.append([distance(text, reading.text) for (_, text), reading in zip(rows, readings, strict=True)])
    worse = sum(max(0, after - before) for before, after in zip(*wrong, strict=True))
    assert worse <= 0.005 * sum(len(text) for _, text in rows)
