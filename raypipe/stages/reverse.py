"""Writing that shines through from the reverse of a sheet: faint, and read better in a mirror."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from raypipe.recognition.base import Reading
from raypipe.stages.upright import Read, better, certainty
from raypipe.types import Crops, Pixels

FAINT, FAINTER = 0.25, 0.4
"""Ink of the front is darker: this is its contrast with the paper, as a share of the paper's brightness, and as a share
of the contrast of what is read without doubt. Fainter writing is looked at in a mirror, and kept unless it reads better
there."""
ENOUGH = 8
"""So many lines that are read without doubt show how dark the ink of the front is."""
GLANCE = 4
"""As many faint lines, the widest, are looked at in each mirror, and the others where these read better there."""
MIRRORS = np.fliplr, np.flipud
"""A sheet may have been turned over either edge: its reverse is mirrored, or stands on its head as well."""
INK, PAPER = 2, 90
"""Percentiles of a picture's brightness that stand for its ink and its paper."""


def from_reverse(crops: Crops, readings: Sequence[Reading], read: Read, doubtful: float) -> list[int]:
    """The pictures of a page that show writing on the reverse, by their numbers.

    Only faint writing with a doubtful reading is looked at, so that other pages cost nothing.

    Args:
        crops: The pictures.
        readings: One for each.
        read: Reads pictures.
        doubtful: Mean probability below which a reading is doubtful.
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
        if better(seen, _seen(_on_its_head, pictures, widest, read), doubtful):
            compared = zip(widest, seen, before, strict=True)
            return sorted(n for n, other, own in compared if certainty([other]) > certainty([own]))
    return []


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


def _on_its_head(picture: Pixels) -> Pixels:
    return picture[::-1, ::-1]


def contrast(picture: Pixels) -> float:
    """How much darker the ink of a line picture is than its paper, 0 to 1."""
    ink, paper = np.percentile(picture.mean(2), [INK, PAPER])
    return float((paper - ink) / max(paper, 1))
