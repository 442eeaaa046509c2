"""Writing that shines through from the reverse of a sheet: faint, and read better in a mirror."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from raypipe.recognition.base import Reading
from raypipe.stages.upright import Read, better, certainty, turned_over
from raypipe.types import Crops, Pixels

FAINT, FAINTER = 0.25, 0.4
"""Ink on the front is darker than this: its contrast with the paper as a share of the paper's brightness, and as a
share of the contrast of lines that are read without doubt. Fainter writing is also read mirrored, and kept unless it
reads better so."""
ENOUGH = 8
"""This many lines that are read without doubt show how dark the ink on the front is."""
GLANCE = 4
"""This many faint lines, the widest, are read mirrored in each way, and the others if these read better so."""
MIRRORS = np.fliplr, np.flipud
"""A sheet may have been turned over either edge: its reverse is mirrored, or stands on its head as well."""
AS_FAINT = 1.3
"""Writing with less than this many times the contrast of lines known to be from the reverse is as faint as those."""
RUN = 3
"""Shorter runs of letters, or a full stop, are not called faint beside dark ones."""
INK, PAPER = 2, 90
"""Percentiles of a picture's brightness that stand for its ink and its paper."""


def from_reverse(crops: Crops, readings: Sequence[Reading], read: Read, doubtful: float) -> list[int]:
    """The pictures of a page that show writing on the reverse, by their numbers.

    Only faint writing is examined, with a reading whose mean probability is below `doubtful`, so that other pages cost
    nothing.
    """
    doubted = [n for n, reading in enumerate(readings) if reading.text and certainty([reading]) < doubtful]
    pictures = crops.pictures() if doubted else []
    faint = _faint(pictures, readings, doubted)
    if not faint:
        return []
    widest = sorted(faint, key=lambda n: -crops.widths[n])
    before = [readings[n] for n in widest]
    for view in MIRRORS:
        seen = _seen(view, pictures, widest[:GLANCE], read)
        if certainty(seen) <= certainty(before[:GLANCE]):
            continue
        seen += _seen(view, pictures, widest[GLANCE:], read)
        if not better(seen, before, doubtful):
            continue
        if better(seen, _seen(turned_over, pictures, widest, read), doubtful):
            compared = zip(widest, seen, before, strict=True)
            return sorted(n for n, other, own in compared if certainty([other]) > certainty([own]))
    return []


def front_alone(crops: Crops, readings: Sequence[Reading], reverse: Sequence[int], doubtful: float) -> list[Reading]:
    """The readings of a page without those of the reverse, if there are any, and without parts that are as faint.

    Parts stay whose probability is more than half-way from `doubtful`, see `from_reverse`, to 1.
    """
    if not reverse:
        return list(readings)
    pictures, sure = crops.pictures(), (1 + doubtful) / 2
    limit = AS_FAINT * float(np.median([contrast(pictures[n]) for n in reverse]))
    found = [_dark(picture, reading, limit, sure) for picture, reading in zip(pictures, readings, strict=True)]
    for n in reverse:
        found[n] = Reading("", [], [])
    return found


def _dark(picture: Pixels, reading: Reading, limit: float, sure: float) -> Reading:
    """A reading without its runs of letters that have less contrast than the limit and are not sure."""
    text, centres = reading.text, reading.centres
    half = max(float(np.median(np.diff(centres))) / 2, 1) if len(centres) > 1 else picture.shape[1] / 2
    parts = [picture[:, max(int(centre - half), 0) : int(centre + half) + 1] for centre in centres]
    pale = [letter == " " or contrast(part) < limit for letter, part in zip(text, parts, strict=True)]
    kept: list[int] = []
    for is_pale, run in groupby(range(len(text)), key=pale.__getitem__):
        place = list(run)
        letters = [reading.probabilities[n] for n in place if text[n] != " "]
        if not is_pale or len(letters) < min(RUN, len(text)) or np.mean(letters) >= sure:
            kept += place
        else:
            kept += [n for n in place if text[n] == " "][-1:]
    return reading if len(kept) == len(text) else part(reading, kept)


def part(reading: Reading, kept: list[int]) -> Reading:
    """Some characters of a reading, without spaces at its ends, and the alternatives of words that are whole."""
    text = reading.text
    while kept and text[kept[-1]] == " ":
        kept = kept[:-1]
    while kept and text[kept[0]] == " ":
        kept = kept[1:]
    place = {n: new for new, n in enumerate(kept)}
    whole = {n for n in reading.alternatives if all(m in place for m in range(n, n + len(text[n:].split(" ")[0])))}
    return replace(reading.only(kept), alternatives={place[n]: reading.alternatives[n] for n in whole})


def _faint(pictures: Sequence[Pixels], readings: Sequence[Reading], doubted: Sequence[int]) -> list[int]:
    """Those of the doubted pictures whose writing is much fainter than the front's."""
    found = {n: contrast(pictures[n]) for n in doubted}
    limit = FAINT
    if any(FAINT <= each < FAINTER for each in found.values()):  # No ink of the front has more contrast than 1.
        sure = [n for n, reading in enumerate(readings) if reading.text and n not in found][:ENOUGH]
        limit = max(FAINT, FAINTER * float(np.median([contrast(pictures[n]) for n in sure]))) if sure else FAINT
    return [n for n in doubted if found[n] < limit]


def _seen(
    view: Callable[[Pixels], Pixels], pictures: Sequence[Pixels], chosen: Sequence[int], read: Read
) -> list[Reading]:
    """The readings of some pictures as a view shows them."""
    return read([np.ascontiguousarray(view(pictures[n])) for n in chosen])


def contrast(picture: Pixels) -> float:
    """How much darker the ink of a line picture is than its paper, 0 to 1."""
    ink, paper = np.percentile(picture.mean(2), [INK, PAPER])
    return float((paper - ink) / max(paper, 1))
