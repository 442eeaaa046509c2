"""Pages that can hardly be read, such as those in another script than Latin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raypipe.plurals import counted
from raypipe.recognition.base import Reading
from raypipe.types import Crops, Line, confidence_of

LONG, SPARSE, MOST = 3, 0.5, 0.5
"""Hardly a letter was read if there are fewer than `SPARSE` for each height of a line that is at least `LONG` heights
long, in `MOST` of the length of such lines. Of 1,746 lines by hand and in type the one with the fewest has 0.8; pages
in Cyrillic and Chinese have 0.06 to 0.6."""
LETTERS, UNSURE = 50, 0.28
"""Hardly a word is sure if the mean confidence of at least `LETTERS` characters is below `UNSURE`. Pages in Arabic,
Hindi, Georgian and Tamil have 0.16 to 0.22; 20 lines by hand in a language that was not told have at least 0.37, and
0.32 where the network has not learned such hands."""
SCRIPTS = "raypipe reads Latin letters, digits and marks"


def unread(crops: Crops, readings: Sequence[Reading]) -> str:
    """What is to be said of a page, of its pictures and readings, if hardly a letter was read; empty: nothing."""
    lengths = np.array(crops.widths) / crops.height
    letters = np.array([len(reading.text.replace(" ", "")) for reading in readings])
    long = lengths >= LONG
    sparse = long & (letters < SPARSE * lengths)
    if not sparse.any() or lengths[sparse].sum() < MOST * lengths[long].sum():
        return ""
    return f"hardly a letter was read in {np.count_nonzero(sparse)} of {counted(len(readings), 'line')}: {SCRIPTS}"


def unsure(lines: Sequence[Line]) -> str:
    """What is to be said of a page, of its lines, if hardly a word is sure; empty: nothing."""
    if sum(len(line.text) for line in lines) < LETTERS:
        return ""
    confidence = confidence_of(lines)
    return f"hardly a word is sure, the mean confidence is {confidence:.2f}: {SCRIPTS}" if confidence < UNSURE else ""
