"""TIFF: the raster format whose pictures are the pages of a document."""

from __future__ import annotations

from typing import IO, Literal

from raypipe.images import raster
from raypipe.images.base import Kind

BIG_TIFF = 43
"""Version of a TIFF with offsets of 64 bits."""


def matches(data: bytes) -> bool:
    """Whether bytes begin like a TIFF file."""
    return data[:2] in (b"II", b"MM")


def page_count(file: IO[bytes]) -> int:
    """Pages of a TIFF: as many as its chain of directories has. Reads nothing else.

    Pillow's own count searches a list for each page: a file of many thousands would take minutes.
    """
    start = file.read(16)
    order: Literal["little", "big"] = "little" if start[:2] == b"II" else "big"
    big = int.from_bytes(start[2:4], order) == BIG_TIFF
    offset_bytes, count_bytes, entry_bytes = (8, 8, 20) if big else (4, 2, 12)
    place, seen = int.from_bytes(start[offset_bytes : 2 * offset_bytes], order), set[int]()
    while place and place not in seen:
        file.seek(place)
        entries = file.read(count_bytes)
        if len(entries) < count_bytes:
            break
        seen.add(place)
        file.seek(place + count_bytes + int.from_bytes(entries, order) * entry_bytes)
        place = int.from_bytes(file.read(offset_bytes), order)
    return len(seen)


KIND = Kind(
    name="tiff",
    suffixes=frozenset((".tif", ".tiff")),
    matches=matches,
    describe=raster.describe,
    render=raster.render,
    page_count=page_count,
)
