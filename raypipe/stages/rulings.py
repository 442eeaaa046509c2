"""Combs that are drawn: ticks, dividers or boxes at even distances on one rule, each cell with a letter or empty."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats, bounds, crop, turn
from raypipe.layout.lines import page_angle, turned
from raypipe.types import Boxes, Pixels

SCALE = 32
"""Regions are scaled to this height, in pixels, before rulings are looked for around them."""
ABOVE, BELOW = 1.5, 1.5
"""How far above and below a region's centre rulings are looked for, in heights of the region."""
RULE = 0.2, 1.2
"""How far below the middle of a region a rule is looked for first, in heights of the region."""
FEET = 0.03, 0.17
"""How far above a rule ticks are looked for first, in heights of the region: letters seldom reach down so far."""
SEEN = 128
"""How far left and right of a region's middle ticks are looked for first, in pixels."""
MAX_WIDTH = 4096
"""The width in which rulings are looked for around a region, in pixels."""
FAINT = 14
"""A ruling is at least this much darker than the paper beside it, of 255."""
THIN, STROKE, DOTS = 7, 9, 7
"""Rulings are thinner than `THIN` pixels, ticks at least `STROKE` pixels long, and the dots of a dotted ruling closer
than `DOTS` pixels."""
PITCH = 20, 80
"""The least and greatest distance of two ticks, in pixels."""
UNEVEN = 0.07
"""The distances of ticks differ by at most one pixel plus this share of their median."""
SAME_END = 3
"""Ticks end within this many pixels of each other, and of the rule on which they stand."""
LIKE = 0.7
"""At least this share of the ticks begin at one height; letters may touch the others."""
SPACE = 2.6
"""Cells are at most this many letter heights wide: wider ones belong to a table."""
COVERED = 0.9
"""A rule covers at least this share of the distance between the outer ticks."""
MARGIN = 0.2
"""The paper around each letter, as a share of the height of the tallest."""
APART = 0.1
"""A cell whose ink has a gap wider than this share of a letter's height holds more than one letter."""
TOUCHED = 0.25
"""Letters touch at most this share of the ticks."""

Mask = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


class Band(NamedTuple):
    """A part of a page: its gray picture, the level place of its upper left corner, and page pixels per pixel of it."""

    gray: Mask
    left: float
    top: float
    scale: float


def drawn(pixels: Pixels, boxes: Boxes) -> tuple[list[Boxes], Boxes]:
    """The letters of drawn combs, and the other regions, on a page uint8 (h, w, 3) with regions (n, 5).

    Returns:
        The letters (m, 5) of each word in a comb, in reading direction; and the regions (k, 5) without their parts in
        combs.
    """
    angle = page_angle(boxes)
    level, slope = turned(boxes, -angle), math.tan(math.radians(angle))
    words: list[Boxes] = []
    places: list[Floats] = []
    seen = np.zeros(len(boxes), np.bool_)
    gray: Mask | None = None
    for n, box in enumerate(level):
        if not seen[n] and _has_ticks(pixels, boxes[n], slope):
            seen |= (np.abs(level[:, 1] - box[1]) < box[3] / 2) & (np.abs(level[:, 3] - box[3]) < box[3] / 4)
            gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8) if gray is None else gray
            for comb in _combs(_band(gray, box, angle)):
                if not any(_meet(comb.place, place) for place in places):
                    words += [turned(word, angle) for word in comb.words]
                    places.append(comb.place)
    if not places:
        return [], boxes
    return words, turned(_outside(level, places), angle)


def _meet(one: Floats, other: Floats) -> bool:
    """Whether two places, each its left, top, right and lower edge, overlap."""
    return bool((np.maximum(one[:2], other[:2]) < np.minimum(one[2:], other[2:])).all())


def _has_ticks(pixels: Pixels, box: Floats, slope: float) -> bool:
    """Whether there may be ticks on a rule below the middle of a region; cheap, and seldom mistaken."""
    x, y, width, height = (round(float(side)) for side in box[:4])
    half, top = max(min(width, height) // 4, DOTS), max(y + round(RULE[0] * height), 0)
    part = pixels[top : max(y + round(RULE[1] * height), 0), max(x - half, 0) : max(x + half, 0), 1]
    if min(part.shape) < THIN:
        return False
    rows = cv2.blur(part, (max(DOTS * height // SCALE, DOTS), 1)).max(1)
    far = int(rows.max()) - rows.astype(np.int64)
    rules = [rule for rule in _thin(rows, height) if 4 * far[rule] > far.max()]  # Nothing is much darker there.
    return any(_is_ticked(pixels, x, top + rule, height, slope) for rule in rules)


def _is_ticked(pixels: Pixels, x: int, rule: int, height: int, slope: float) -> bool:
    """Whether strokes stand evenly on this row of a page left and right of a column, for regions of this height."""
    reach = SEEN * height // SCALE
    columns = np.arange(max(x - reach, 0), min(x + reach, pixels.shape[1]))
    above = rule - np.linspace(*FEET, THIN)[:, None] * height
    rows = np.clip(above + slope * (columns - x), 0, len(pixels) - 1).astype(np.int64)
    strokes = pixels[rows, columns, 1]
    long = np.maximum(strokes[:2].mean(0), strokes[2:].mean(0)).astype(np.uint8)
    pitch = np.diff(_thin(long, height)) * SCALE / height
    even = np.abs(np.diff(pitch)) <= 1 + SCALE / height + UNEVEN * pitch[1:]
    return bool((even & (pitch[1:] >= PITCH[0] - 2) & (pitch[1:] <= PITCH[1] + 2)).any())


def _thin(line: Mask, height: int) -> list[int]:
    """Where thin strokes across a line (n,) of brightness begin, for regions of this height."""
    across = np.ones((1, max(THIN * height // SCALE, 3) | 1), np.uint8)
    dark = cv2.morphologyEx(line[None], cv2.MORPH_BLACKHAT, across)[0]
    found = np.flatnonzero(dark >= FAINT + float(cv2.mean(dark)[0]))
    starts: list[int] = found[np.diff(found, prepend=-3) > 2].tolist()
    return starts


def _band(gray: Mask, box: Floats, angle: float) -> Band:
    """The band of a page (h, w) that extends a region to the left and right, up to the page's edges."""
    scale = float(box[3]) / SCALE
    top, height = float(box[1]) - ABOVE * float(box[3]), (ABOVE + BELOW) * float(box[3])
    corners = turn(np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32) * np.array(gray.shape[1::-1]), -angle)
    reach = MAX_WIDTH / 2 * scale
    left, right = max(float(corners[:, 0].min()), box[0] - reach), min(float(corners[:, 0].max()), box[0] + reach)
    middle = np.array([[(left + right) / 2, top + height / 2, right - left, height, 0]], np.float32)
    return Band(crop(gray, turned(middle, angle)[0], round((ABOVE + BELOW) * SCALE), MAX_WIDTH), left, top, scale)


class Comb(NamedTuple):
    """The letters (n, 5) of each word of a comb, and the comb's left, top, right and lower edge (4,), all level."""

    words: list[Boxes]
    place: Floats


def _combs(band: Band) -> Iterator[Comb]:
    strokes, rules = _rulings(band.gray)
    stats = cv2.connectedComponentsWithStats(strokes, connectivity=8, ltype=cv2.CV_16U)[2][1:].astype(np.int64)
    stats = stats[(stats[:, 2] < THIN) & (stats[:, 1] > 0)]
    ends = stats[:, 1] + stats[:, 3]
    for end in _levels(ends):
        ticks = stats[np.abs(ends - end) <= SAME_END]
        ticks = ticks[np.argsort(ticks[:, 0])]
        runs = _even(ticks[:, 0] + ticks[:, 2] // 2, np.asarray(rules[_under(end)].any(0)))
        while runs:
            run = runs.pop(0)
            if comb := _comb(band, ticks[run], rules):
                yield comb
                runs = [other for other in runs if other[-1] <= run[0] or other[0] >= run[-1]]


def _rulings(gray: Mask) -> tuple[Mask, Mask]:
    """Masks of the upright strokes and of the level rules of a band."""
    found = []
    for across, dots, length in (
        ((1, THIN), (DOTS, 1), (STROKE, 1)),
        ((THIN, 1), (1, DOTS), (1, PITCH[0])),
    ):
        thin = cv2.morphologyEx(gray, cv2.MORPH_BLACKHAT, np.ones(across, np.uint8))
        mask = (thin >= FAINT).view(np.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones(dots, np.uint8))
        found.append(np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones(length, np.uint8)), np.uint8))
    return found[0], found[1]


def _levels(ends: Ints) -> list[int]:
    """Where at least three strokes end."""
    count = np.bincount(ends, minlength=1)
    near = np.convolve(count, np.ones(2 * SAME_END + 1, np.int64), "same")
    levels: list[int] = []
    for end in np.argsort(-near, kind="stable").tolist():
        if near[end] < 3:
            break
        if all(abs(end - other) > 2 * SAME_END for other in levels):
            levels.append(end)
    return levels


def _under(end: int) -> slice:
    """The rows of a band that may hold the rule on which ticks end: ticks seem to stop a little above it."""
    return slice(max(end - SAME_END, 0), end + 2 * SAME_END)


def _even(x: Ints, ruled: npt.NDArray[np.bool_]) -> list[Ints]:
    """Runs of at least three strokes at even distances on one rule, whose columns are given; the longest first."""
    runs: list[Ints] = []
    covered = np.append(0, np.cumsum(ruled))[x]
    apart = x - x[:, None]
    near = (apart >= PITCH[0]) & (apart <= PITCH[1]) & (covered - covered[:, None] > COVERED * apart)
    known: set[tuple[int, int]] = set()
    for n, m in np.argwhere(near).tolist():
        run = [n, m]
        while (run[-2], run[-1]) not in known:
            known.add((run[-2], run[-1]))
            wrong = np.abs(apart[run[-1]] - apart[n, m])
            nearest = int(wrong.argmin())
            if wrong[nearest] > 1 + UNEVEN * apart[n, m] or not near[run[-1], nearest]:
                break
            run.append(nearest)
        if len(run) > 2:
            runs.append(np.array(run))
    return sorted(runs, key=len, reverse=True)


def _comb(band: Band, ticks: Ints, rules: Mask) -> Comb | None:
    """The comb of these ticks, rows of (x, y, width, height); None if it is not certain to be one."""
    x = (ticks[:, 0] + ticks[:, 2] // 2).tolist()
    top, end = np.sort(np.stack([ticks[:, 1], ticks[:, 1] + ticks[:, 3]]), 1)[:, len(ticks) // 2].tolist()
    if np.count_nonzero(np.abs(ticks[:, 1] - top) <= SAME_END) < LIKE * len(ticks):
        return None
    covered = rules[:, x[0] : x[-1] + 1].mean(1) > COVERED
    base = _under(end).start + np.flatnonzero(covered[_under(end)])
    middle = round(ABOVE * SCALE)
    if not len(base) or base[0] <= middle or covered[top + THIN : base[0] - THIN].any():
        return None
    above = middle - SCALE * 3 // 4
    letters = _letters(_ink(band.gray[above : base[0] - 1], covered[above : base[0] - 1]), x)
    if letters is None:
        return None
    letters[:, 1:4:2] += above
    place = np.array([x[0], above, x[-1], end], np.float32) * band.scale
    corner = np.array([band.left, band.top] * 2 + [0], np.float32)
    return Comb([_boxes(word * band.scale + corner) for word in _words(letters)], place + corner[:4])


def _ink(gray: Mask, covered: npt.NDArray[np.bool_]) -> Mask:
    """A mask of the ink of a part of a band, without rules."""
    step, _ = cv2.threshold(gray, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    ink = (2 * gray.astype(np.int16) < step + np.median(gray)).astype(np.uint8)  # Hairlines of letters are ink, too.
    ink[np.convolve(covered, np.ones(5), "same") > 0] = 0
    return np.asarray(cv2.medianBlur(ink, 3), np.uint8)


def _letters(ink: Mask, x: list[int]) -> Floats | None:
    """The left, top, right and lower edge of the letter in each cell between ticks, and the paper beside it, (n, 5).

    None: it is no comb. The values of an empty cell are nan.
    """
    touched = [ink[:, tick - 4 : tick - 2].any() or ink[:, tick + 3 : tick + 5].any() for tick in x]
    if np.mean(touched) > TOUCHED:
        return None
    letters = np.full((len(x) - 1, 5), np.nan, np.float32)
    for n, (left, right) in enumerate(zip(x, x[1:], strict=False)):
        cell = ink[:, left + 3 : right - 2]
        columns, rows = np.flatnonzero(cell.any(0)), np.flatnonzero(cell.any(1))
        if len(columns):
            if np.diff(columns).max(initial=0) > APART * (rows[-1] - rows[0]) + 1:
                return None
            beside = min(columns[0], cell.shape[1] - 1 - columns[-1])
            letters[n] = left + 3 + columns[0], rows[0], left + 4 + columns[-1], rows[-1] + 1, beside
    height = letters[:, 3] - letters[:, 1]
    filled = np.count_nonzero(~np.isnan(height))
    if filled < 2 or x[1] - x[0] > SPACE * np.nanmedian(height) or np.nanmin(height) < np.nanmax(height) / 2:
        return None
    return letters


def _words(letters: Floats) -> list[Floats]:
    """Letters (n, 5) as words: the runs between empty cells."""
    filled = np.flatnonzero(~np.isnan(letters[:, 0]))
    return [letters[some] for some in np.split(filled, np.flatnonzero(np.diff(filled) > 1) + 1)]


def _boxes(edges: Floats) -> Boxes:
    """The letters of a word (see `_letters`) as level boxes (n, 5) of one height, with some paper around each."""
    top, bottom = edges[:, 1].min(), edges[:, 3].max()
    margin = MARGIN * (bottom - top)
    x, width = edges[:, 0:3:2].mean(1), edges[:, 2] - edges[:, 0] + 2 * np.minimum(margin, edges[:, 4])
    same = np.ones(len(edges), np.float32)
    return np.stack([x, same * (top + bottom) / 2, width, same * (bottom - top + 2 * margin), 0 * same], 1)


def _outside(level: Boxes, places: list[Floats]) -> Boxes:
    """Level regions without their parts in combs, whose places are (left, top, right, bottom)."""
    for left, top, right, bottom in places:
        start, end = bounds(level)[:, [0, 2]].T
        here = (level[:, 1] > top) & (level[:, 1] < bottom) & (start < right) & (end > left)
        parts = [level[~here]]
        for low, high in ((start, np.minimum(end, left)), (np.maximum(start, right), end)):
            kept = here & (high - low > level[:, 3] / 2)
            part = level[kept]
            part[:, 0], part[:, 2] = (low + high)[kept] / 2, (high - low)[kept]
            parts.append(part)
        level = np.concatenate(parts)
    return level
