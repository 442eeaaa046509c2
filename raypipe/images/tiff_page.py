"""A page of a TIFF as a file of its own: its directory with its values, and its data."""

from __future__ import annotations

import struct
from bisect import bisect_right
from itertools import accumulate
from typing import Literal, NamedTuple

from raypipe.files.ranged import File

CLASSIC, BIG = 42, 43
"""Versions: with offsets of 32 and of 64 bits."""
TEXT, LONG = 2, 4
VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value of each type."""
INTEGERS = {1: "B", 3: "H", LONG: "I", 13: "I", 16: "Q", 18: "Q"}
"""The codes in `struct` of the types of offsets and counts."""
PLACES = {273: 279, 324: 325}
"""The tags of offsets of strips and tiles, and those of their counts of bytes."""
ELSEWHERE = {330, 513, 514, 34665, 34853, 40965}
"""Tags whose values are offsets of other things: pictures, EXIF data, old JPEG streams."""
LAST_OF_PIXELS = 532
"""Tags up to this one say how to decode pixels; those of text, and most that follow, do not."""
SUBDIRECTORIES, OLD_JPEG, DNG_VERSION = 330, 513, 50706


class Layout(NamedTuple):
    """How a file writes its numbers.

    Attributes:
        order: Byte order.
        offset_bytes, count_bytes, entry_bytes: Sizes of an offset, of the number of entries, and of an entry.
    """

    order: Literal["little", "big"]
    offset_bytes: int
    count_bytes: int
    entry_bytes: int

    @classmethod
    def of(cls, start: bytes) -> Layout:
        """The layout, from the first four bytes of a file."""
        order: Literal["little", "big"] = "little" if start[:2] == b"II" else "big"
        return cls(order, 8, 8, 20) if int.from_bytes(start[2:4], order) == BIG else cls(order, 4, 2, 12)

    def number(self, data: bytes) -> int:
        """An unsigned integer."""
        return int.from_bytes(data, self.order)


class Entry(NamedTuple):
    """An entry of a directory: the type of its values, how many they are, and their bytes."""

    type: int
    values: int
    data: bytes


def single(file: File, layout: Layout, place: int) -> bytes | None:
    """The page whose directory is at a place, as a TIFF of its own, for which only its directory and data are read.

    Returns:
        The file; None: only a decoder of the whole file finds the page's data.
    """
    entries = _entries(file, layout, place)
    if OLD_JPEG in entries:
        return None
    for places in PLACES:
        if places in entries:
            starts = _integers(entries[places], layout)
            sizes = _sizes(entries, places, starts, layout, file.size)
            # A truncated page is left to the decoder of whole files, which reports it.
            ends = map(sum, zip(starts, sizes, strict=False))
            if len(starts) != len(sizes) or max(sum(sizes), *ends) > file.size:
                return None
            kept = {tag: each for tag, each in entries.items() if tag not in ELSEWHERE}
            return file_of(kept, _parts(file, starts, sizes), places, layout)
    return None


def lacks_sizes(file: File, layout: Layout, place: int) -> bool:
    """Whether the directory at a place does not say how many bytes its strips or tiles have."""
    entries = _entries(file, layout, place)
    return any(places in entries and counts not in entries for places, counts in PLACES.items())


def is_raw_photo(file: File, layout: Layout, place: int, is_copy: bool) -> bool:
    """Whether a directory is that of a camera's raw photo: of a DNG, or a reduced copy of a picture below it."""
    entries = _entries(file, layout, place)
    return DNG_VERSION in entries or (is_copy and SUBDIRECTORIES in entries)


def _sizes(entries: dict[int, Entry], places: int, starts: list[int], layout: Layout, end: int) -> list[int]:
    """The size of each strip; if a file does not give it, a strip reaches to the next one, and the last to the end."""
    if counts := entries.get(PLACES[places]):
        return _integers(counts, layout)
    ends = [*sorted(starts), end]
    return [max(ends[bisect_right(ends, start, hi=len(starts))] - start, 0) for start in starts]


def _parts(file: File, starts: list[int], sizes: list[int]) -> list[bytes]:
    """Parts of a file, read together if little lies between them."""
    first = min(starts, default=0)
    span = max(map(sum, zip(starts, sizes, strict=True)), default=0) - first
    if span > 2 * sum(sizes):
        return [file.read_at(start, size) for start, size in zip(starts, sizes, strict=True)]
    data = file.read_at(first, span)
    return [data[start - first : start - first + size] for start, size in zip(starts, sizes, strict=True)]


def _entries(file: File, layout: Layout, place: int) -> dict[int, Entry]:
    count = layout.number(file.read_at(place, layout.count_bytes))
    data = file.read_at(place + layout.count_bytes, count * layout.entry_bytes)
    found: dict[int, Entry] = {}
    for start in range(0, len(data) - layout.entry_bytes + 1, layout.entry_bytes):
        entry = data[start : start + layout.entry_bytes]
        tag, kind = layout.number(entry[:2]), layout.number(entry[2:4])
        values = layout.number(entry[4 : 4 + layout.offset_bytes])
        size, inline = values * VALUE_BYTES.get(kind, 0), entry[4 + layout.offset_bytes :]
        if size:
            value = inline[:size] if size <= len(inline) else file.read_at(layout.number(inline), size)
            if len(value) == size:
                found[tag] = Entry(kind, values, value)
            elif kind != TEXT and tag <= LAST_OF_PIXELS:  # Without a part of its palette, a page has other colours.
                raise OSError(f"the TIFF is truncated: it ends within its tag {tag}")
    return found


def _integers(entry: Entry, layout: Layout) -> list[int]:
    code, sign = INTEGERS.get(entry.type), "<" if layout.order == "little" else ">"
    if code is None or len(entry.data) < entry.values * VALUE_BYTES[entry.type]:
        return []
    return list(struct.unpack(f"{sign}{entry.values}{code}", entry.data))


def file_of(entries: dict[int, Entry], strips: list[bytes], places: int, layout: Layout) -> bytes:
    """A TIFF of one page: its header, its directory, the values that do not fit into that, and its data."""
    order, sign = (b"II", "<") if layout.order == "little" else (b"MM", ">")

    def longs(numbers: list[int]) -> Entry:
        return Entry(LONG, len(numbers), struct.pack(f"{sign}{len(numbers)}I", *numbers))

    entries = entries | {PLACES[places]: longs([len(strip) for strip in strips]), places: longs([0] * len(strips))}
    tags = sorted(entries)
    values_at = 8 + 2 + 12 * len(tags) + 4
    data_at = values_at + sum(len(each.data) + len(each.data) % 2 for each in entries.values() if len(each.data) > 4)
    starts = list(accumulate(map(len, strips), initial=data_at))[:-1]
    entries[places] = longs(starts)
    directory, values = [struct.pack(f"{sign}H", len(tags))], list[bytes]()
    for tag in tags:
        kind, count, data = entries[tag]
        if len(data) > 4:
            inline = struct.pack(f"{sign}I", values_at + sum(map(len, values)))
            values.append(data + b"\0" * (len(data) % 2))
        else:
            inline = data.ljust(4, b"\0")
        directory.append(struct.pack(f"{sign}HHI", tag, kind, count) + inline)
    header = order + struct.pack(f"{sign}HI", CLASSIC, 8)
    return b"".join([header, *directory, bytes(4), *values, *strips])
