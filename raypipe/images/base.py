"""What a kind of file is: how it is recognized, and how it becomes pages and pixels."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from raypipe.errors import COPY_AGAIN, Code, PageError, reason_of
from raypipe.files.ranged import File, HeldFile
from raypipe.types import Boxes, Pixels, Word

ELONGATED = 3
"""A picture more than this many times longer than wide is read in parts, so its longer side counts only up to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How to decode a page, where its kind of file leaves a choice.

    Attributes:
        reduce_above: Decode a JPEG at 1/2, 1/4 or 1/8 if its longer side keeps at least this many pixels, of which no
            more than `ELONGATED` times the shorter side count; 0: never.
        omit_bits: Most bits of a progressive JPEG's coefficients to leave out, where it is finer than a picture of
            `reduce_above` pixels has to be.
        resolution: Dots per inch at which to draw a page that has no pixels itself; None: what its content needs.
        layer: Whether the text that the file itself holds is wanted.
    """

    reduce_above: int = 0
    omit_bits: int = 0
    resolution: int | None = None
    layer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLayer:
    """The text that a file itself holds for a page.

    Attributes:
        words: Its words, in the order of the file and in pixels of the upright page at full resolution.
        lines: (n, 5), for each word the box that is as high as its line.
        doubt: Why it is not reliable, in words; empty: it is reliable.
        unread: What on the page is not read if the layer is used; empty: nothing.
    """

    words: list[Word]
    lines: Boxes
    doubt: str = ""
    unread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What is known about a page before it is decoded.

    Attributes:
        width, height: Size of the upright page in pixels, at full resolution.
        resolution: Dots per inch, 0 if the file does not say.
        reduction: 1, 2, 4 or 8: how much smaller it is decoded.
        omitted_bits: Least significant bits of a progressive JPEG's coefficients that are left out.
        warning: What in the file is damaged or missing, although it can be read; empty: nothing.
        layer: The page's own text, if it has any and it is wanted.
    """

    width: int
    height: int
    resolution: int = 0
    reduction: int = 1
    omitted_bits: int = 0
    warning: str = ""
    layer: TextLayer | None = None


class Document(Protocol):
    """An open document of several pages, which reads no more of its file than it needs. One thread at a time uses it.

    Its exceptions become the page's exception, as with `Kind.describe`.
    """

    def describe(self, page: int, wanted: Wanted) -> Size:
        """The size of a page, see `Kind.describe`."""

    def render(self, page: int, size: Size, gray: bool) -> Pixels:
        """Decodes a page, see `Kind.render`."""

    def close(self) -> None:
        """Closes the document and its file."""


Opener: TypeAlias = Callable[[File, str], Document]
"""Opens a file, given with its name for messages; the file is closed with the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of file that holds pages.

    `describe` and `render` take the encoded file, its name for messages and the page's number from 0. Their exceptions
    become the page's exception: a `PageError` unchanged, all others as `image_damaged` or `image_truncated`.

    Attributes:
        name: Its name in the registry.
        suffixes: Suffixes of such files, in lower case, including the dot: folders and globs list these.
        matches: Whether a file is of this kind, from its bytes or the first 1,024 of them.
        describe: The size of a page, from the file's header: limits are checked before anything is decoded.
        render: Decodes a page of that size, upright: uint8, (h, w) grey if the last argument says so, else (h, w, 3)
            BGR.
        page_count: Counts the pages of an open file; None: such a file is one page, so that the number is always 0.
        open: Opens a file, given with its name for messages, so that each page reads only a part of it; None: the whole
            file is read for each page.
    """

    name: str
    suffixes: frozenset[str]
    matches: Callable[[bytes], bool]
    describe: Callable[[bytes, str, int, Wanted], Size]
    render: Callable[[bytes, str, int, Size, bool], Pixels]
    page_count: Callable[[File], int] | None = None
    open: Opener | None = None


def described(open_file: Opener, data: bytes, origin: str, page: int, wanted: Wanted) -> Size:
    """`Kind.describe`, with a file that is in memory opened as others are."""
    with closing(open_file(HeldFile(data), origin)) as document:
        return document.describe(page, wanted)


def rendered(open_file: Opener, data: bytes, origin: str, page: int, size: Size, gray: bool) -> Pixels:
    """`Kind.render`, with a file that is in memory opened as others are."""
    with closing(open_file(HeldFile(data), origin)) as document:
        return document.render(page, size, gray)


@contextmanager
def page_errors(origin: str, page: int) -> Iterator[None]:
    """Turns whatever a decoder raises on a damaged file into a `PageError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (PageError, MemoryError):
        raise
    except Exception as error:  # Pillow's plugins raise almost anything: struct.error, KeyError, RuntimeError ...
        words = reason_of(error)
        is_cut = any(each in words.lower() for each in ("truncated", "broken data stream", "end of file"))
        code = Code.IMAGE_TRUNCATED if is_cut else Code.IMAGE_DAMAGED
        raise PageError(code, f"{origin}, page {page + 1}, cannot be decoded: {words}.", COPY_AGAIN) from error
