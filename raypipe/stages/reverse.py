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
INK, PAPER = 2, 90
"""Percentiles of a picture's brightness that stand for its ink and its paper."""


def from_reverse(crops: Crops, readings: Sequence[Reading], read: Read, doubtful: float) -> list[int]:
    """The pictures of a page that show writing on the reverse, by their numbers.

    Only faint writing with a doubtful reading is looked at, so that other pages cost nothing. A sheet may have been
    turned over either edge: its reverse is mirrored, or stands on its head as well.

    Args:
        crops: The pictures.
        readings: One for each.
        read: Reads pictures.
        doubtful: Mean probability below which a reading is doubtful.
    """
    is_sure = {n: certainty([reading]) >= doubtful for n, reading in enumerate(readings) if reading.text}
    if all(is_sure.values()):
        return []
    pictures = crops.pictures()
    sure = [contrast(pictures[n]) for n in is_sure if is_sure[n]]
    limit = max(FAINT, FAINTER * float(np.median(sure))) if sure else FAINT
    faint = [n for n in is_sure if not is_sure[n] and contrast(pictures[n]) < limit]
    if not faint:
        return []
    front = [[readings[n] for n in faint], _seen(_on_its_head, pictures, faint, read)]
    for view in (np.fliplr, np.flipud):
        seen = _seen(view, pictures, faint, read)
        if all(better(seen, other, doubtful) for other in front):
            return [n for n, other in zip(faint, seen, strict=True) if certainty([other]) > certainty([readings[n]])]
    return []


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
