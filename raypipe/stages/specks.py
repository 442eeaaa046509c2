"""Punch holes, dirt and drawings, which are read as a character or two."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from raypipe.recognition.base import Reading
from raypipe.stages.upright import certainty
from raypipe.types import Crops, Pixels

FEW = 2
"""A speck is read as at most this many characters."""
THICK = 0.5
"""A speck is at least this share of its longer side thick: a disc and a square are 1, a bold I about 0.3, and the
letters of handwriting 0.07 to 0.16."""

CHANCE, LONE = 0.1, 0.7
"""What is read is a guess if its mean probability is below `CHANCE` of the doubtful one, or `LONE` if it is a single
character. Of 36 photos and scans this holds for four lines, none of which was read right; letters that stand alone, by
hand, have at least 1.03 of the doubtful one."""
BLANK, LETTERS = 0.5, 24
"""A page of at most `LETTERS` characters is blank if each of its lines has a mean probability below `BLANK` of the
doubtful one. Of 1,581 lines and words, by hand and in type, this holds for 23, of which one was read right."""
SAME, RULED = 8, 1.25
"""A ruling of dashes or of boxes is read as `SAME` or more times one character, at less than `RULED` of the doubtful
probability."""


def specks(crops: Crops, readings: Sequence[Reading], doubtful: float) -> list[int]:
    """The pictures of a page that show a filled spot and no writing, by their numbers.

    Only readings of one or two characters are examined whose mean probability is below `doubtful`, so that other pages
    cost nothing.
    """
    short = [n for n, reading in enumerate(readings) if 0 < len(reading.text) <= FEW]
    doubted = [n for n in short if certainty([readings[n]]) < doubtful]
    pictures = crops.pictures() if doubted else []
    return [n for n in doubted if thickness(pictures[n]) >= THICK]


def guesses(readings: Sequence[Reading], doubtful: float) -> list[int]:
    """The readings of a page that mean nothing, by their numbers, as those of ornaments, rulings and bare paper."""
    said = [n for n, reading in enumerate(readings) if reading.text]
    found = [n for n in said if _is_guess(readings[n], doubtful)]
    others = [readings[n] for n in said if n not in found]
    few = sum(len(reading.text) for reading in others) <= LETTERS
    return said if few and all(certainty([other]) < BLANK * doubtful for other in others) else found


def _is_guess(reading: Reading, doubtful: float) -> bool:
    same = len(reading.text) >= SAME and len(set(reading.text)) == 1
    return certainty([reading]) < (RULED if same else LONE if len(reading.text) == 1 else CHANCE) * doubtful


def thickness(picture: Pixels) -> float:
    """How thick the largest dark spot of a picture is, as a share of its longer side: 0 to 1.

    It is 0 if there is no spot, or if it reaches all four edges, as the ground around white letters does.
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    dark = cv2.threshold(gray, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)[1]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    if len(stats) < 2:
        return 0.0
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    width, height = stats[largest, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].tolist()
    if (height, width) == gray.shape:
        return 0.0
    spot = np.pad((labels == largest).astype(np.uint8), 1)
    inside = cv2.distanceTransform(spot, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return min(2 * float(inside.max()) / float(max(width, height)), 1.0)
