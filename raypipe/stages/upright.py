"""Upside-down text: found by reading some of it the other way round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from raypipe.geometry import Floats
from raypipe.layout.chains import Indices
from raypipe.layout.standing import quarters
from raypipe.recognition.base import Reading
from raypipe.types import Crops, Line, Pixels

GLANCE, LOOKS = 2, 12
"""How many of the longest lines are read the other way round: a few and, unless they read worse, more to decide."""
MARGIN = 0.1
"""Text is turned if its mean probability rises by this much to one that is not doubtful."""
WIDE_MARGIN, MANY = 0.08, 100
"""Text of `MANY` characters is also turned if its mean probability rises by `WIDE_MARGIN`. Of the hardest 70 pages of a
set of wills and letters, most of them in a language other than that of the word list, none read better upside down; a
single line sometimes does."""
LEAST = 4
"""With fewer characters nothing is decided."""
ODD, SURE = 0.75, 0.85
"""A line is also examined on its own if its mean probability is below `ODD` of the doubtful one, where that of the
others is at least `SURE`: one of 100 lines, of 36 photos and scans."""
TALL, LOW = frozenset("bdfhklt0123456789"), frozenset("gjpqy")
"""Letters that reach far above the line, as capitals do, and far below it. In every language with Latin letters the
former are several times as frequent; upside-down text reads as if the latter were as frequent."""
LETTERS, DOUBT = 0.15, 1.5
"""Each factor of e in the ratio of these letters counts as much as `LETTERS` of mean probability. Text is also turned
if both together rise by `DOUBT` over the root of the number of characters. Of pages of four lines, made of lines of
letters and wills that are hard to read, 4 % stay upside down, and no upright one is turned."""

Read = Callable[[Sequence[Pixels]], list[Reading]]


def righted(
    crops: Crops, readings: Sequence[Reading], read: Read, doubtful: float, apart: Sequence[int] = ()
) -> tuple[Crops, list[Reading]]:
    """The pictures of a page and their readings, upside-down ones turned by 180 degrees, except those kept `apart`.

    Horizontal and vertical lines are examined separately, and so is each line that runs in another direction than most
    of the page's, since notes in the margin stand one way on the left and the other way on the right, and each that
    reads badly on a page that reads well. Nothing is done if the mean probability of the first reading is not below
    `doubtful`.
    """
    table, found, pictures = crops.segment_table().copy(), list(readings), crops.pictures()
    is_turned = False
    for group in (*_groups(crops, table, apart), *_odd(readings, doubtful, apart)):
        if not len(group) or certainty([found[n] for n in group]) >= doubtful:
            continue
        widest = group[np.argsort([-crops.widths[n] for n in group], kind="stable")]
        reread = read([turned_over(pictures[n]) for n in widest[:GLANCE]])
        if _gain(reread, [found[n] for n in widest[:GLANCE]]) < 0:
            continue
        reread += read([turned_over(pictures[n]) for n in widest[GLANCE:LOOKS]])
        before = [found[n] for n in widest[:LOOKS]]
        if not better(reread, before, doubtful) and not _stands(reread, before):
            continue
        is_turned = True
        others = read([turned_over(pictures[n]) for n in widest[LOOKS:]])
        for n, reading in zip(widest.tolist(), [*reread, *others], strict=True):
            found[n], pictures[n] = reading, turned_over(pictures[n])
            table[table[:, 0] == n] = _turned(table[table[:, 0] == n], crops.widths[n])
    if not is_turned:
        return crops, found
    pixels = b"".join(picture.tobytes() for picture in pictures)
    return replace(crops, pixels=pixels, segments=table.tobytes()), found


def _groups(crops: Crops, table: Floats, apart: Sequence[int]) -> Iterator[Indices]:
    """The horizontal pictures, the vertical ones, and each of those that run in another direction than most."""
    stands = np.zeros(len(crops.widths), np.bool_)
    stands[table[:, 0].astype(int)] = quarters(table[:, 7]) % 2 == 1
    lying, standing = (np.setdiff1d(np.flatnonzero(side), apart) for side in (~stands, stands))
    widths = np.array(crops.widths)
    fewer = standing if widths[standing].sum() < widths[lying].sum() else lying
    yield from (lying, standing)
    if len(fewer) > 1:
        yield from fewer[:, None]


def _odd(readings: Sequence[Reading], doubtful: float, apart: Sequence[int]) -> list[Indices]:
    """Each picture that reads badly while the others read well."""
    chosen = [n for n in range(len(readings)) if len(readings[n].text) >= LEAST and n not in apart]
    odd = {n for n in chosen if certainty([readings[n]]) < ODD * doubtful}
    if not odd or certainty([readings[n] for n in chosen if n not in odd]) < SURE:
        return []
    return [np.array([n]) for n in sorted(odd)]


def better(over: Sequence[Reading], before: Sequence[Reading], doubtful: float) -> bool:
    """Whether pictures read better when turned over."""
    characters, gain = sum(len(reading.text) for reading in over), certainty(over) - certainty(before)
    if characters >= MANY and gain >= WIDE_MARGIN:
        return True
    return characters >= LEAST and gain >= MARGIN and certainty(over) >= doubtful


def _stands(over: Sequence[Reading], before: Sequence[Reading]) -> bool:
    """Whether pictures read more like upright text when turned over, judged by their letters, too."""
    characters = sum(len(reading.text) for reading in over)
    return characters >= LEAST and _gain(over, before) >= DOUBT / np.sqrt(characters)


def _gain(over: Sequence[Reading], before: Sequence[Reading]) -> float:
    """By how much pictures read better when turned over."""
    return certainty(over) - certainty(before) + LETTERS * (_reach(over) - _reach(before))


def _reach(readings: Sequence[Reading]) -> float:
    """How many more letters reach above the line than below it, as the logarithm of a ratio."""
    letters = [letter for reading in readings for letter in reading.text]
    tall = sum(letter in TALL or letter.isupper() for letter in letters)
    return float(np.log((tall + 1) / (sum(letter in LOW for letter in letters) + 1)))


def certainty(readings: Sequence[Reading]) -> float:
    """The mean probability of all characters, 0 if there are none."""
    probabilities = [p for reading in readings for p in reading.probabilities]
    return float(np.mean(probabilities)) if probabilities else 0.0


def turn_of(lines: Sequence[Line]) -> int:
    """Degrees, clockwise, by which most of a page's text was turned to be read: 0, 90, 180 or 270."""
    widths = np.zeros(4)
    np.add.at(widths, quarters(np.array([line.angle for line in lines], np.float32)), [line.width for line in lines])
    return int(-widths.argmax() % 4) * 90


def turned_over(picture: Pixels) -> Pixels:
    """A picture turned over, by 180 degrees."""
    return np.ascontiguousarray(picture[::-1, ::-1])


def _turned(segments: Floats, width: int) -> Floats:
    """The segments (m, 8) of a picture of this width after it is turned over."""
    turned = segments.copy()
    turned[:, 1], turned[:, 2] = width - segments[:, 2], width - segments[:, 1]
    turned[:, 7] = np.where(segments[:, 7] > 0, segments[:, 7] - 180, segments[:, 7] + 180)
    return turned[::-1]
