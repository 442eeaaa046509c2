"""What an output format is, and what it renders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from raypipe.errors import ConfigError
from raypipe.types import Line, PageMatrix, PageRecord


class UnfitError(ConfigError):
    """A document that has what a format does not allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The pages of a document, in order. A server's answer may hold those of several documents.

    Attributes:
        path: Where the document came from.
        name: Its name, after which its files are named.
        pages: The pages.
        confidences: Whether confidences are included.
        pictures: Whether the pages' overlays are included.
        folder: Path or URI of the rendered file's folder, to which its links are relative; None if it is not written.
    """

    path: str
    name: str
    pages: Sequence[PageRecord]
    confidences: bool = True
    pictures: bool = True
    folder: str | None = None

    @property
    def language(self) -> str | None:
        """The language of most of its pages, the first of several; None if it is not known of any."""
        known = [page.language for page in self.pages if page.language]
        return max(known, key=known.count, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextColumn:
    """The meaning of a value of ImageToText's `output_format`.

    Attributes:
        text: Makes the text column from a page and whether to include confidences.
        positions: Makes the positions column from the page's lines; None leaves it empty.
    """

    text: Callable[[PageRecord, bool], str]
    positions: Callable[[Sequence[Line]], list[PageMatrix]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format for documents: as files of `raypipe run`, and as answers of a server.

    Attributes:
        name: Its name; its files are in a folder of this name.
        suffix: The suffix of its files, including the dot.
        media_type: Its media type in HTTP. Text is UTF-8.
        render: Renders a whole file or answer. Errors are reported with the name of the document.
        one_page: Whether a file or answer of it holds one page; documents of several pages then become several files.
        originals: Whether it is made of the documents' own pages, not only of what was read on them.
        lines: Whether each line of its files stands by itself, so that one file may hold many documents.
        pictures: Whether it shows the pages' overlays.
        column: How it fills ImageToText's text column; None: it cannot.
    """

    name: str
    suffix: str
    media_type: str
    render: Callable[[Document], str | bytes]
    one_page: bool = False
    originals: bool = False
    lines: bool = False
    pictures: bool = False
    column: TextColumn | None = None

    def encode(self, document: Document) -> bytes:
        """The rendered document as bytes."""
        rendered = self.render(document)
        return rendered.encode() if isinstance(rendered, str) else rendered
