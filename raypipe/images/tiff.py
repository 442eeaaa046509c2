"""TIFF: the raster format whose pictures are the pages of a document.

A file is a chain of directories, one a page, each with the places of its page's data: TIFF 6.0, section 2, and BigTIFF.
"""

from __future__ import annotations

import io
import struct
from itertools import accumulate
from typing import Literal, NamedTuple

from raypipe.errors import Code, PageError
from raypipe.images import raster, tiff_samples
from raypipe.images.base import File, Kind, Size, Wanted
from raypipe.ranged import RangedFile
from raypipe.types import Pixels

CLASSIC, BIG = 42, 43
"""Versions: with offsets of 32 and of 64 bits."""
LONG = 4
VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value of each type."""
INTEGERS = {1: "B", 3: "H", LONG: "I", 13: "I", 16: "Q", 18: "Q"}
"""How `struct` calls the types of offsets and counts."""
PLACES = {273: 279, 324: 325}
"""The tags of offsets of strips and tiles, and those of their counts of bytes."""
ELSEWHERE = {330, 513, 514, 34665, 34853, 40965}
"""Tags whose values are offsets of something else: other pictures, EXIF data, old JPEG streams."""
OLD_JPEG = 513
SUBFILE_TYPE, OLD_SUBFILE_TYPE = 254, 255
COPY_OR_MASK, OLD_COPY = 0b101, 2
"""What these say of a reduced copy of another picture of the file, and of a mask: TIFF 6.0, section 8."""
DIRECTORY_BYTES = 512
"""Bytes read for a directory at first: most have 10 to 25 entries of 12."""


def matches(data: bytes) -> bool:
    """Whether bytes begin like a TIFF file."""
    return data[:2] in (b"II", b"MM")


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


def page_count(file: File) -> int:
    """Pages of a TIFF: as many as its chain of directories has, without reduced copies of pages. Reads nothing else.

    Pillow's own count searches a list for each page: a file of many thousands would take minutes.
    """
    chain = Chain(file)
    while chain.extend():
        pass
    return len(chain.pages)


def describe(data: bytes, origin: str, page: int, wanted: Wanted) -> Size:
    """The size of a page; see `Kind.describe`.

    Raises:
        PageError: `image_unknown` or `page_missing`.
    """
    return _describe(data, origin, Chain(io.BytesIO(data)).find(page, origin).number, wanted)


def render(data: bytes, origin: str, page: int, size: Size, gray: bool) -> Pixels:
    """Decodes a page; see `Kind.render`.

    Raises:
        PageError: `image_unknown` or `page_missing`.
    """
    return _render(data, origin, Chain(io.BytesIO(data)).find(page, origin).number, size, gray)


def _describe(data: bytes, origin: str, number: int, wanted: Wanted) -> Size:
    if tiff_samples.needed(data, number):
        return tiff_samples.describe(data, origin, number)
    return raster.describe(data, origin, number, wanted)


def _render(data: bytes, origin: str, number: int, size: Size, gray: bool) -> Pixels:
    if tiff_samples.needed(data, number):
        return tiff_samples.render(data, origin, number, gray)
    return raster.render(data, origin, number, size, gray)


class Directory(NamedTuple):
    """Where a directory is: its number in the chain, and its place in the file."""

    number: int
    place: int


class Chain:
    """A file's directories, as far as they are known.

    Args:
        file: The file.

    Attributes:
        layout: How the file writes numbers.
        pages: Those of pages. Of reduced copies of them, and of masks, only if there is nothing else.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        start = self._read(0, 16)
        self.layout = Layout.of(start)
        self._next = self.layout.number(start[self.layout.offset_bytes : 2 * self.layout.offset_bytes])
        self.pages: list[Directory] = []
        self._others: list[Directory] = []
        self._seen: set[int] = set()

    def _read(self, place: int, count: int) -> bytes:
        if isinstance(self._file, RangedFile):  # Directories lie apart: what is around them comes with their pages.
            return self._file.read_alone(place, count)
        self._file.seek(place)
        return self._file.read(count)

    def extend(self) -> bool:
        """Follows the chain to its next directory; False at its end, and where it leads back or out of the file."""
        place, layout = self._next, self.layout
        is_new = place and place not in self._seen
        data = self._read(place, DIRECTORY_BYTES) if is_new else b""
        if len(data) < layout.count_bytes:
            self.pages = self.pages or self._others
            return False
        end = layout.count_bytes + layout.number(data[: layout.count_bytes]) * layout.entry_bytes
        if end + layout.offset_bytes > len(data):
            found = self._read(place + end, layout.offset_bytes)
        else:
            found = data[end : end + layout.offset_bytes]
        self._seen.add(place)
        found_pages = self._others if _is_copy(data, layout) else self.pages
        found_pages.append(Directory(len(self._seen) - 1, place))
        self._next = layout.number(found)
        return True

    def find(self, page: int, origin: str) -> Directory:
        """The directory of a page.

        Raises:
            PageError: `page_missing`; `image_damaged`, there is not even a first one.
        """
        while len(self.pages) <= page and self.extend():
            pass
        if not self.pages:
            raise PageError(Code.IMAGE_DAMAGED, f"{origin} has no page that can be read.", "Copy it from its source.")
        if page >= len(self.pages):
            raise PageError(Code.PAGE_MISSING, f"{origin} has no page {page + 1}.", f"It has {len(self.pages)}.")
        return self.pages[page]


def _is_copy(directory: bytes, layout: Layout) -> bool:
    """Whether a directory says that it is a reduced copy of another picture, or a mask. Its tags are in order."""
    for start in range(layout.count_bytes, len(directory) - layout.entry_bytes, layout.entry_bytes):
        tag = layout.number(directory[start : start + 2])
        if tag > OLD_SUBFILE_TYPE:
            return False
        value_at = start + 4 + layout.offset_bytes
        size = VALUE_BYTES.get(layout.number(directory[start + 2 : start + 4]), 0)
        value = layout.number(directory[value_at : value_at + size])
        if (tag == SUBFILE_TYPE and value & COPY_OR_MASK) or (tag == OLD_SUBFILE_TYPE and value == OLD_COPY):
            return True
    return False


class Entry(NamedTuple):
    """An entry of a directory: the type of its values, how many they are, and their bytes."""

    type: int
    values: int
    data: bytes


class TiffPages:
    """An open TIFF of which each page is read alone; see `Document`.

    Args:
        file: The file, which is closed with the document.
        origin: Its name for messages.
    """

    def __init__(self, file: RangedFile, origin: str) -> None:
        self._file, self._origin = file, origin
        self._chain = Chain(file)
        self._latest: tuple[int, bytes, int] | None = None

    def describe(self, page: int, wanted: Wanted) -> Size:
        """The size of a page.

        Raises:
            PageError: `image_unknown` or `page_missing`.
        """
        data, number = self._alone(page)
        return _describe(data, self._origin, number, wanted)

    def render(self, page: int, size: Size, gray: bool) -> Pixels:
        """Decodes a page.

        Raises:
            PageError: `image_unknown` or `page_missing`.
        """
        data, number = self._alone(page)
        return _render(data, self._origin, number, size, gray)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _alone(self, page: int) -> tuple[bytes, int]:
        """A file with a page, and the page's number in it; the latest is kept, as decoding follows describing."""
        if self._latest is None or self._latest[0] != page:
            number, place = self._chain.find(page, self._origin)
            alone = single(self._file, self._chain.layout, place)
            whole = self._file.read_at(0, self._file.size) if alone is None else b""
            self._latest = (page, whole, number) if alone is None else (page, alone, 0)
        return self._latest[1:]


def single(file: RangedFile, layout: Layout, place: int) -> bytes | None:
    """A page as a TIFF file of its own, of which only this page's directory and data are read.

    Args:
        file: The file.
        layout: How it writes numbers.
        place: Where the page's directory is.

    Returns:
        None: only a decoder of the whole file finds the page's data.
    """
    entries = _entries(file, layout, place)
    if OLD_JPEG in entries:
        return None
    for places, counts in PLACES.items():
        if places in entries and counts in entries:
            starts, sizes = (_integers(entries[tag], layout) for tag in (places, counts))
            if len(starts) != len(sizes) or sum(sizes) > file.size:
                return None
            strips = _parts(file, starts, sizes)
            return _file_of(
                {tag: each for tag, each in entries.items() if tag not in ELSEWHERE}, strips, places, layout
            )
    return None


def _parts(file: RangedFile, starts: list[int], sizes: list[int]) -> list[bytes]:
    """Parts of a file, which are read together if little lies between them."""
    first = min(starts, default=0)
    span = max(map(sum, zip(starts, sizes, strict=True)), default=0) - first
    if span > 2 * sum(sizes):
        return [file.read_at(start, size) for start, size in zip(starts, sizes, strict=True)]
    data = file.read_at(first, span)
    return [data[start - first : start - first + size] for start, size in zip(starts, sizes, strict=True)]


def _entries(file: RangedFile, layout: Layout, place: int) -> dict[int, Entry]:
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
            found[tag] = Entry(kind, values, value)
    return found


def _integers(entry: Entry, layout: Layout) -> list[int]:
    code, sign = INTEGERS.get(entry.type), "<" if layout.order == "little" else ">"
    if code is None or len(entry.data) < entry.values * VALUE_BYTES[entry.type]:
        return []
    return list(struct.unpack(f"{sign}{entry.values}{code}", entry.data))


def _file_of(entries: dict[int, Entry], strips: list[bytes], places: int, layout: Layout) -> bytes:
    """A TIFF of one page: its header, its directory, the values that do not fit in there, its data."""
    order, sign = (b"II", "<") if layout.order == "little" else (b"MM", ">")

    def longs(numbers: list[int]) -> Entry:
        return Entry(LONG, len(numbers), struct.pack(f"{sign}{len(numbers)}I", *numbers))

    tags = sorted(entries)
    entries = entries | {PLACES[places]: longs([len(strip) for strip in strips]), places: longs([0] * len(strips))}
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


KIND = Kind(
    name="tiff",
    suffixes=frozenset((".tif", ".tiff")),
    matches=matches,
    describe=describe,
    render=render,
    page_count=page_count,
    open=TiffPages,
)
