"""What an output format is, and what it renders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from raypipe.types import Line, Page, PageMatrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The pages of a document, in order. An answer of a server may hold those of several.

    Attributes:
        path: Where the document came from.
        name: Its name, after which its files are called.
        pages: The pages.
        confidences: Whether confidences are told.
        pictures: Whether the overlays of pages are shown.
        folder: The folder of the rendered file, from which its links lead to other files; None where it becomes no
            file.
    """

    path: str
    name: str
    pages: Sequence[Page]
    confidences: bool = True
    pictures: bool = True
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextColumn:
    """What a value of ImageToText's `output_format` stands for.

    Attributes:
        text: Makes the text column from a page and whether confidences are told.
        positions: Makes the positions column from the page's lines; None leaves it empty.
    """

    text: Callable[[Page, bool], str]
    positions: Callable[[Sequence[Line]], list[PageMatrix]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A form in which documents are given out: as files of `raypipe run`, and as answers of a server.

    Attributes:
        name: What users call it; its files lie in a folder of this name.
        suffix: What their names end with, the dot included.
        media_type: What HTTP calls it. Text is UTF-8.
        render: Makes the whole of a file or answer. Errors are reported with the name of the document.
        column: How it fills ImageToText's text column; None: it cannot.
    """

    name: str
    suffix: str
    media_type: str
    render: Callable[[Document], str | bytes]
    column: TextColumn | None = None

    def encode(self, document: Document) -> bytes:
        """The rendered document as bytes."""
        rendered = self.render(document)
        return rendered.encode() if isinstance(rendered, str) else rendered
