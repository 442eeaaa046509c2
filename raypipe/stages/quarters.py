"""Short text that was taken to run the wrong way: found by reading some of it turned by a quarter.

The shape of a long line says which way it runs. A letter, a number or a short word is about as high as it is long; a
detector takes it to run as most of its page does, or seems to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from raypipe.layout.standing import LONG, quarters
from raypipe.recognition.base import Reading
from raypipe.stages.crops import joined
from raypipe.stages.upright import LEAST, LOOKS, SURE, Read, certainty, turned_over
from raypipe.types import Boxes, Crops

GAIN, GOOD = 0.15, 0.75
"""Text is turned if its mean probability rises by `GAIN` to `GOOD` or more. On 20 drawn charts, puzzles and plans, that
of short text that lies as it should falls when it is turned, and that of the others rises by 0.19 or more."""
WORD, WORDS = 3, 24
"""One letter may look like another on its side; so many are a word. `WORDS` pictures of a page are examined for words
that stand, the largest ones."""

Cut = Callable[[Boxes], Crops]


def laid_by_reading(
    crops: Crops, readings: Sequence[Reading], read: Read, cut: Cut, doubtful: float
) -> tuple[Crops, list[Reading]]:
    """The pictures of a page and their readings, short ones turned by a quarter if they read better so.

    Each that is higher than long is turned if it reads badly and then as a word, and so are all others that are no
    words without doubt, or none of them. Which way up they stand is left to `righted`.
    """
    doubted = [n for n in _largest(crops, 1) if readings[n].text and certainty([readings[n]]) < doubtful]
    chosen = [n for n in doubted[:WORDS] if _reads_better([n], crops, readings, read, cut, WORD)]
    unsure = [n for n in _largest(crops, LONG) if len(readings[n].text) < WORD or certainty([readings[n]]) < SURE]
    others = [n for n in unsure if n not in chosen]
    if _reads_better(others[:LOOKS], crops, readings, read, cut, LEAST):
        chosen += others
    if not chosen:
        return crops, list(readings)
    kept, turned = sorted({*range(len(readings))} - {*chosen}), cut(_by_a_quarter(crops, chosen))
    return joined(crops, kept, turned), [*(readings[n] for n in kept), *read(turned.pictures())]


def _largest(crops: Crops, longest: float) -> list[int]:
    """The pictures of nothing this many times longer than high, by their numbers, that of the largest region first."""
    table = crops.segment_table()
    longer = {*table[table[:, 5] >= longest * table[:, 6], 0].astype(int).tolist()}
    sizes = np.zeros(len(crops.widths))
    np.maximum.at(sizes, table[:, 0].astype(int), table[:, 5] * table[:, 6])
    return [n for n in np.argsort(-sizes, kind="stable").tolist() if n not in longer]


def _reads_better(
    chosen: Sequence[int], crops: Crops, readings: Sequence[Reading], read: Read, cut: Cut, least: int
) -> bool:
    """Whether pictures read better turned by a quarter, one way or the other, and have this many characters then."""
    before = certainty([readings[n] for n in chosen])
    if not chosen or before >= SURE:
        return False
    pictures = cut(_by_a_quarter(crops, chosen)).pictures()
    views = [read(pictures), read([turned_over(picture) for picture in pictures])]
    after = max(certainty(view) if sum(len(each.text) for each in view) >= least else 0.0 for view in views)
    return after >= max(GOOD, before + GAIN)


def _by_a_quarter(crops: Crops, chosen: Sequence[int]) -> Boxes:
    """The boxes of pictures, turned by a quarter: those that stand lie, and those that lie are read upwards."""
    table = crops.segment_table()
    boxes = table[np.isin(table[:, 0], chosen), 3:]
    stands = quarters(boxes[:, 4]) % 2 == 1
    turned = boxes[:, [0, 1, 3, 2, 4]]
    turned[:, 4] += np.where(stands, 90, -90)
    return turned
