"""TIFF: the raster format whose pictures are the pages of a document.

A file is a chain of directories, one per page, each with the places of its page's data: TIFF 6.0, section 2, and
BigTIFF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from raypipe.errors import Code, PageError
from raypipe.files.ranged import File
from raypipe.images import fax, foreign, raster, tiff_samples
from raypipe.images.base import Kind, Size, Wanted, described, rendered
from raypipe.images.tiff_page import VALUE_BYTES, Layout, is_raw_photo, lacks_sizes, single
from raypipe.types import Pixels

SUBFILE_TYPE, OLD_SUBFILE_TYPE, WIDTH, HEIGHT = 254, 255, 256, 257
COPY_OR_MASK, ONE_OF_SEVERAL, OLD_COPY = 0b101, 0b010, 2
"""Values of the first two tags for a reduced copy of another picture or a mask, and for a page: TIFF 6.0, section 8."""
BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
FEWEST_COPIES = 2
"""Fewest pictures, each half as large as the one before, that count as copies although nothing says that they are."""
SIZES_MISSING = "it does not say how large its strips are"
DIRECTORY_BYTES = 512
"""Bytes read for a directory at first: most have 10 to 25 entries of 12."""


def matches(data: bytes) -> bool:
    """Whether bytes begin like a TIFF file."""
    return data[:4] in BEGINNINGS


def page_count(file: File) -> int:
    """Pages of a TIFF: the directories in its chain, without reduced copies of pages. Nothing else is read.

    Pillow's own count searches a list for each page, which takes minutes for many thousands of pages.
    """
    chain = Chain(file)
    while chain.extend():
        pass
    return 1 if _is_pyramid(chain.pages) else len(chain.pages)


class Found(NamedTuple):
    """A page: its file, its number in it, and what had to be mended."""

    data: bytes
    number: int
    warning: str = ""


def _page(file: File, layout: Layout, directory: Directory, origin: str) -> Found:
    """A page in a file of its own, mended if it is damaged; if only a decoder of the whole file finds it, in that."""
    if is_raw_photo(file, layout, directory.place, directory.is_copy):
        what, remedy = foreign.RAW_PHOTO
        raise PageError(
            Code.IMAGE_UNKNOWN, f"{origin} is {what}, with at most a small preview that can be read.", remedy
        )
    alone = single(file, layout, directory.place)
    if alone is None:
        return Found(file.read_at(0, file.size), directory.number)
    warning = SIZES_MISSING if lacks_sizes(file, layout, directory.place) else ""
    if mended := fax.mended(alone):
        alone, lost = mended
        warning = "; ".join(filter(None, (warning, f"{100 * lost:.1f} % of its rows are damaged or missing")))
    return Found(alone, 0, warning)


class Directory(NamedTuple):
    """A directory: its number in the chain, its place in the file, and the values of its first tags."""

    number: int
    place: int
    says: dict[int, int]

    @property
    def is_copy(self) -> bool:
        """Whether it says that it is a reduced copy of another picture, or a mask."""
        return bool(self.says.get(SUBFILE_TYPE, 0) & COPY_OR_MASK) or self.says.get(OLD_SUBFILE_TYPE) == OLD_COPY


class Chain:
    """The directories of a file, as far as they are known.

    Attributes:
        layout: How the file writes numbers.
        pages: The directories of pages; those of reduced copies and masks only if there are no others.
    """

    def __init__(self, file: File) -> None:
        self._read = file.read_alone  # Directories lie apart; the data around them are read with their pages.
        start = self._read(0, 16)
        self.layout = Layout.of(start)
        self._next = self.layout.number(start[self.layout.offset_bytes : 2 * self.layout.offset_bytes])
        self.pages: list[Directory] = []
        self._others: list[Directory] = []
        self._seen: set[int] = set()

    def extend(self) -> bool:
        """Follows the chain to its next directory; False at its end, or if it leads back or out of the file."""
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
        directory = Directory(len(self._seen) - 1, place, _first_tags(data, layout))
        (self._others if directory.is_copy else self.pages).append(directory)
        self._next = layout.number(found)
        return True

    def find(self, page: int, origin: str) -> Directory:
        """The directory of a page.

        Raises:
            PageError: `page_missing`; `image_damaged`, there is not even a first page.
        """
        while len(self.pages) <= page and self.extend():
            pass
        if not self.pages:
            raise PageError(Code.IMAGE_DAMAGED, f"{origin} has no page that can be read.", "Copy it from its source.")
        if page >= len(self.pages):
            raise PageError(Code.PAGE_MISSING, f"{origin} has no page {page + 1}.", f"It has {len(self.pages)}.")
        return self.pages[page]


def _first_tags(directory: bytes, layout: Layout) -> dict[int, int]:
    """The tags of a directory about its kind and size, with their values. Tags are in order."""
    found = {}
    for start in range(layout.count_bytes, len(directory) - layout.entry_bytes, layout.entry_bytes):
        tag = layout.number(directory[start : start + 2])
        if tag > HEIGHT:
            break
        value_at = start + 4 + layout.offset_bytes
        size = VALUE_BYTES.get(layout.number(directory[start + 2 : start + 4]), 0)
        found[tag] = layout.number(directory[value_at : value_at + size])
    return found


def _is_pyramid(pages: Sequence[Directory]) -> bool:
    """Whether all pages except the first are reduced copies of it that are not marked as such."""
    if len(pages) <= FEWEST_COPIES or any(page.says.get(SUBFILE_TYPE, 0) & ONE_OF_SEVERAL for page in pages):
        return False
    sizes = [(page.says.get(WIDTH, 0), page.says.get(HEIGHT, 0)) for page in pages]
    return all(
        0 < side // 2 <= half <= (side + 1) // 2
        for larger, smaller in pairwise(sizes)
        for side, half in zip(larger, smaller, strict=True)
    )


class TiffPages:
    """An open TIFF, each page of which is read separately; see `Opener` and `Document`.

    Its methods raise a PageError: `image_unknown`, `image_damaged` or `page_missing`.
    """

    def __init__(self, file: File, origin: str) -> None:
        self._file, self._origin = file, origin
        self._chain = Chain(file)
        self._latest: tuple[int, Found] | None = None

    def describe(self, page: int, wanted: Wanted) -> Size:
        """See `Document`."""
        data, number, warning = self._alone(page)
        if tiff_samples.needed(data, number):
            size = tiff_samples.describe(data, self._origin, number)
        else:
            size = raster.describe(data, self._origin, number, wanted)
        return replace(size, warning="; ".join(filter(None, (warning, size.warning))))

    def render(self, page: int, size: Size, gray: bool) -> Pixels:
        """See `Document`."""
        data, number, _ = self._alone(page)
        if tiff_samples.needed(data, number):
            return tiff_samples.render(data, self._origin, number, gray)
        return raster.render(data, self._origin, number, size, gray)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _alone(self, page: int) -> Found:
        """A file with only this page; the latest is kept, since decoding follows describing."""
        if self._latest is None or self._latest[0] != page:
            directory = self._chain.find(page, self._origin)
            self._latest = page, _page(self._file, self._chain.layout, directory, self._origin)
        return self._latest[1]


KIND = Kind(
    name="tiff",
    suffixes=frozenset((".tif", ".tiff")),
    matches=matches,
    describe=partial(described, TiffPages),
    render=partial(rendered, TiffPages),
    page_count=page_count,
    open=TiffPages,
)
