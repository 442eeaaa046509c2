"""The places of a reading's words in its line picture: around the ink between the gaps."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from raypipe.recognition.base import Reading
from raypipe.types import Pixels

FAINT = 0.7
"""Pixels are ink if they are darker than the paper by this share of Otsu's threshold between the two."""
RULING, THIN, TILT = 1.5, 0.15, 5
"""Ink is a ruling if it runs along the line for `RULING` heights of the picture, within `TILT` pixels, wherever it is
no higher than `THIN` of the picture."""
FLAT, LOW = 0.3, 0.6
"""Ink whose height is at most `FLAT` of its width is the rest of a ruling if it touches the left or right edge, or lies
below `LOW` of the picture, where there are no dashes."""
EDGE = 0.25
"""Ink that touches the upper or lower edge and stays within this share of the picture belongs to another line."""
BOX, SQUARE, STRAIGHT = 0.3, 0.2, 0.9
"""A box to tick is at least `BOX` of the picture high and wide, its sides differ by at most `SQUARE`, and each side is
drawn over at least `STRAIGHT` of its length."""
SPECK = 0.008
"""A spot smaller than this share of the picture's height squared, a dot or dirt, makes no word higher, and makes it
wider only if a character is there."""
REACH = 1.0
"""Ink further from a word's characters than this many times the distance of two of them does not belong to the word."""
MARGIN = 0.05
"""Paper around the ink, as a share of the picture's height: as much as people leave who draw boxes around words."""

Mask = npt.NDArray[np.uint8]


class Spot(NamedTuple):
    """Connected ink: its box, right and lower edge excluded, and its number of pixels."""

    left: int
    top: int
    right: int
    bottom: int
    pixels: int


class Place(NamedTuple):
    """Where a word is: between `left` and `right`, its characters centred from `first` to `last`, `pitch` apart."""

    left: float
    right: float
    first: float
    last: float
    pitch: float

    def is_near(self, spot: Spot, pitches: float) -> bool:
        """Whether ink reaches to within this many pitches of the characters."""
        reach = pitches * self.pitch
        return spot.right > self.first - reach and spot.left < self.last + reach


class Extent(NamedTuple):
    """A word of a reading: its first character and the one after its last, and its box in pixels of the picture."""

    start: int
    end: int
    left: float
    top: float
    right: float
    bottom: float


def extents(picture: Pixels, reading: Reading) -> list[Extent]:
    """The words of a picture uint8 (height, width, 3), BGR, along which the text runs, and of its reading."""
    height, width = picture.shape[:2]
    words = [match.span() for match in re.finditer(r"\S+", reading.text)]
    centres = reading.centres
    pitch = float(np.median(np.diff(centres))) if len(centres) > 1 else width / 2
    mask = ink(picture)
    parts = [(centres[end - 1], centres[start]) for (_, end), (start, _) in pairwise(words)]
    edges = [0.0, *_cuts(mask, parts), float(width)]
    places = [
        Place(left, right, centres[start], centres[end - 1], pitch)
        for (left, right), (start, end) in zip(pairwise(edges), words, strict=False)  # One pair if there are no words.
    ]
    found, margin = [], MARGIN * height
    for (start, end), place, spots in zip(words, places, _shared_out(spots_of(mask), places), strict=True):
        if spots:
            left, top, right, bottom = _around(spots, place, SPECK * height**2)
        else:
            left, right = max(centres[start] - pitch / 2, place.left), min(centres[end - 1] + pitch / 2, place.right)
            top, bottom = 0, height
        box = max(left - margin, 0), max(top - margin, 0), min(right + margin, width), min(bottom + margin, height)
        found.append(Extent(start, end, *box))
    return found


def ink(picture: Pixels) -> Mask:
    """The ink of a line picture (height, width, 3), 1 where there is some, uint8 (height, width), without rulings."""
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    some = np.sort(gray[::4, ::8], axis=None)
    if 2 * int(some[len(some) // 2]) < int(some[len(some) // 32]) + int(some[-1 - len(some) // 32]):
        gray = cv2.bitwise_not(gray)  # White on black.
    height = len(gray)
    side = height // 2 | 1
    paper = cv2.morphologyEx(gray, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    contrast = cv2.subtract(paper, gray)
    step, _ = cv2.threshold(contrast, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    mask = (contrast > FAINT * step).view(np.uint8)
    thick = cv2.dilate(mask, np.ones((TILT, 1), np.uint8))
    rulings = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, round(RULING * height)), np.uint8))
    rulings &= 1 - cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((round(THIN * height) + 1, 1), np.uint8))
    rulings[:, mask.all(0)] = 1
    return np.asarray(mask & (1 - rulings), np.uint8)


def spots_of(mask: Mask) -> list[Spot]:
    """The connected ink of a picture, without boxes to tick, rests of rulings and ink of other lines."""
    stats = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_16U)[2]
    spots = (Spot(x, y, x + width, y + height, pixels) for x, y, width, height, pixels in stats[1:].tolist())
    return [spot for spot in spots if not (_is_other(spot, *mask.shape) or _is_box(spot, mask))]


def _is_other(spot: Spot, height: int, width: int) -> bool:
    """Whether ink belongs to another line, or is the rest of a ruling."""
    if spot.top == 0 or spot.bottom == height:
        return spot.bottom <= EDGE * height or spot.top >= (1 - EDGE) * height
    if spot.bottom - spot.top > FLAT * (spot.right - spot.left):
        return False
    return spot.left == 0 or spot.right == width or spot.top >= LOW * height


def _is_box(spot: Spot, mask: Mask) -> bool:
    """Whether ink is a box to tick: empty, with four straight sides, unlike a letter."""
    width, height = spot.right - spot.left, spot.bottom - spot.top
    if min(width, height) < BOX * len(mask) or abs(width - height) > SQUARE * max(width, height):
        return False
    if 2 * spot.pixels > width * height:
        return False
    part, thick = mask[spot.top : spot.bottom, spot.left : spot.right], max(height // 8, 1)
    sides = part[:thick].any(0), part[-thick:].any(0), part[:, :thick].any(1), part[:, -thick:].any(1)
    return all(np.count_nonzero(side) >= STRAIGHT * np.size(side) for side in sides)


def _cuts(mask: Mask, parts: Sequence[tuple[float, float]]) -> Iterator[float]:
    """The columns that separate words: the middle of the widest gap between two characters, given by their centres."""
    profile = mask.sum(0)
    bare = np.flatnonzero(np.diff(profile > 0, prepend=True, append=True)).tolist()
    starts, ends = bare[::2], bare[1::2]
    for first, last in parts:
        start = min(int(first), len(profile) - 1)
        end = max(int(last) + 1, start + 1)
        near = range(bisect_right(ends, start), bisect_right(starts, end - 1))
        if near:
            widest = max(near, key=lambda n: ends[n] - starts[n])
            yield min(max((starts[widest] + ends[widest]) / 2, start), end)
        else:
            yield float(start + profile[start:end].argmin())


def _shared_out(spots: Sequence[Spot], places: Sequence[Place]) -> list[list[Spot]]:
    """The spots of each word: those that lie in its place by at least half, or by the width of a character."""
    found: list[list[Spot]] = [[] for _ in places]
    lefts = [place.left for place in places]
    for spot in spots:
        for n in range(max(bisect_right(lefts, spot.left) - 1, 0), bisect_right(lefts, spot.right - 1)):
            place = places[n]
            inside = min(spot.right, place.right) - max(spot.left, place.left)
            if inside >= min((spot.right - spot.left) / 2, place.pitch) and place.is_near(spot, REACH):
                found[n].append(spot)
    return found


def _around(spots: Sequence[Spot], place: Place, speck: float) -> tuple[float, float, float, float]:
    """The box around a word's ink."""
    large = [spot for spot in spots if spot.pixels >= speck] or spots
    wide = [spot for spot in spots if spot.pixels >= speck or place.is_near(spot, 0.5)] or spots
    left, right = min(spot.left for spot in wide), max(spot.right for spot in wide)
    top, bottom = min(spot.top for spot in large), max(spot.bottom for spot in large)
    return max(left, place.left), top, min(right, place.right), bottom
