"""CCITT group 4, the compression of scanned black and white: decoders draw what they make of damaged data, and go on.

ITU-T T.6 leaves an encoder no choice, so what is compressed again gives the same bytes, up to where they are damaged.
"""

from __future__ import annotations

import io
import struct
from bisect import bisect_left
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from raypipe.images.raster import UPRIGHT
from raypipe.images.tiff_page import LONG, Entry, Layout, file_of

WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, FILL_ORDER, PLACES, ORIENTATION, ROWS, SIZES, OPTIONS = (
    256, 257, 259, 262, 266, 273, 274, 278, 279, 293
)  # fmt: skip
KEPT = (282, 283, 296, ORIENTATION)
"""Tags of the resolution and the orientation."""
GROUP_4 = 4
END = 4
"""Bytes at the end of compressed data that may differ: they hold the mark of the end, which may be missing."""
FEWEST = 8
"""Rows that must be the same, or else the data are taken for some of another kind."""
SAME = 0.005
"""Share of the bytes by which the data of an encoder that does not keep to the standard may be longer or shorter."""
MOST_LOST = 0.9
"""Share of the rows of a page that may be damaged."""
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Bytes with their bits the other way round, as some files hold them."""

Bits = npt.NDArray[np.bool_]


@lru_cache(maxsize=2)  # A page in memory is looked at when it is described, and again when it is decoded.
def mended(data: bytes) -> tuple[bytes, float] | None:
    """A TIFF of one page with white in place of the rows that are damaged, and their share; None: there are none.

    Raises:
        OSError: Nearly all rows are.
    """
    try:
        with PillowImage.open(io.BytesIO(data), formats=("TIFF",)) as picture:
            tags = dict(getattr(picture, "tag_v2", {}))
            is_known = tags.get(COMPRESSION) == GROUP_4 and not tags.get(OPTIONS) and PLACES in tags
            if not is_known or picture.mode != "1":  # Others have tiles in place of strips.
                return None
            pixels = _as_stored(np.array(picture), tags.get(ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError):  # Decoding it says why.
        return None
    rows = min(tags.get(ROWS, len(pixels)), len(pixels))
    strips = [data[place : place + size] for place, size in zip(tags[PLACES], tags[SIZES], strict=True)]
    if tags.get(FILL_ORDER) == 2:
        strips = [strip.translate(_MIRRORED) for strip in strips]
    parts = [pixels[start : start + rows] for start in range(0, len(pixels), rows)]
    is_inverted = not tags.get(PHOTOMETRIC)
    lost = 0
    for strip, part in zip(strips, parts, strict=False):
        good = good_rows(strip, ~part if is_inverted else part, is_group_4=True)
        lost += len(part) - good
        part[good:] = True
    if not lost:
        return None
    if lost > MOST_LOST * len(pixels):
        raise OSError(f"{100 * lost / len(pixels):.1f} % of its rows are damaged")
    file = io.BytesIO()
    kept = {tag: tags[tag] for tag in KEPT if tag in tags}
    PillowImage.fromarray(pixels).save(file, "TIFF", compression="group4", tiffinfo=kept)
    return file.getvalue(), lost / len(pixels)


def _as_stored(pixels: Bits, orientation: int) -> Bits:
    """The rows as the file has them: Pillow turns them upright."""
    back = UPRIGHT.get({6: 8, 8: 6}.get(orientation, orientation))
    return np.asarray(back(pixels.astype(np.uint8)), bool) if back else pixels


def good_rows(strip: bytes, rows: Bits, is_group_4: bool = False) -> int:
    """How many of the rows that were decoded of a strip are as they should be: all, if that is unknown.

    Args:
        strip: The compressed data.
        rows: What was decoded of them, (height, width), as the data have it: false is white.
        is_group_4: Whether the data are said to be of this compression, and not of one like it.
    """
    again = _compressed(rows)
    if _begins(strip, again):
        return len(rows)
    if not is_group_4 and not _begins(strip, _compressed(rows[:FEWEST])):
        return len(rows)
    good = bisect_left(range(1, len(rows) + 1), True, key=lambda n: not _begins(strip, _compressed(rows[:n])))
    is_cut = len(_compressed(rows[: good + 1])) >= len(strip)
    return good if is_cut or abs(len(again) - len(strip)) > SAME * len(strip) else len(rows)


def is_damaged(data: bytes, width: int, height: int) -> bool:
    """Whether the compressed data of a picture of this size are damaged; false if they are of another kind."""
    values = {WIDTH: width, HEIGHT: height, COMPRESSION: GROUP_4, PHOTOMETRIC: 1, ROWS: height}
    entries = {tag: Entry(LONG, 1, struct.pack("<I", value)) for tag, value in values.items()}
    try:
        page = file_of(entries, [data], PLACES, Layout.of(b"II*\0"))
        with PillowImage.open(io.BytesIO(page), formats=("TIFF",)) as picture:
            rows = np.array(picture)
    except (OSError, SyntaxError, ValueError):
        return not any(data)
    return good_rows(data, rows) < height


def _begins(strip: bytes, compressed: bytes) -> bool:
    """Whether data begin with what rows give that are compressed alone."""
    return strip.startswith(compressed[:-END])


def _compressed(rows: Bits) -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(rows).save(file, "TIFF", compression="group4", tiffinfo={ROWS: len(rows)})
    with PillowImage.open(file) as picture:
        tags: Any = getattr(picture, "tag_v2", {})
    (place,), (size,) = tags[PLACES], tags[SIZES]
    return file.getvalue()[place : place + size]
