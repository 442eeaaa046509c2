"""From finished pages to files of documents, in each of the chosen formats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from raypipe.errors import PageError, RaypipeError, reason_of
from raypipe.files.paths import join, write_file
from raypipe.keys import public
from raypipe.outputs import formats
from raypipe.outputs.base import Document, Format
from raypipe.types import PageRecord

FORESEEN = (RaypipeError, PageError, OSError)
"""Errors whose messages are enough; any other is named by its class, too."""


def whole(pages: Iterable[PageRecord]) -> list[list[PageRecord]]:
    """The documents whose pages are all there, each with its pages in order."""
    found = defaultdict[str, dict[int, PageRecord]](dict)
    for page in pages:
        found[page.path][page.pagenum] = page
    return [
        [numbered[n] for n in sorted(numbered)]
        for numbered in found.values()
        if len(numbered) >= max(page.total_pages or 1 for page in numbered.values())
    ]


def write(
    documents: Iterable[Sequence[PageRecord]],
    folders: Mapping[str, str],
    save: Callable[[str, str, bytes], None] | None = None,
) -> list[str]:
    """Writes documents in several formats. If one format fails, the other files are still written.

    Args:
        documents: The pages of each.
        folders: Path or URI of the folder of each format, by the format's name. Files are named after documents.
        save: Called instead of writing a file, with the name of the format, the name of the file in its folder, and the
            bytes.

    Returns:
        Which files could not be written, and why.

    Raises:
        ConfigError: There is no such format.
    """
    wanted = {formats.find(name): folder for name, folder in folders.items()}
    failures = []
    for pages in documents:
        for form, folder in wanted.items():
            for part in [[page] for page in pages] if form.one_page else [pages]:
                try:
                    name, data = _file(part, form, folder)
                    save(form.name, name, data) if save else write_file(join(folder, name), data)
                except Exception as error:  # Another package's format may raise anything; the other files are written.
                    kind = "" if isinstance(error, FORESEEN) else f"{type(error).__name__}: "
                    failures.append(public(f"{form.name} of {pages[0].name}: {kind}{reason_of(error)}"))
    return failures


def _file(pages: Sequence[PageRecord], each: Format, folder: str) -> tuple[str, bytes]:
    """The name of a file in its format's folder, and its bytes."""
    first = pages[0]
    number = f".{first.pagenum}" if each.one_page and first.total_pages > 1 else ""
    name = f"{first.name}{number}{each.suffix}"
    within = join(folder, name).rpartition("/")[0]
    return name, each.encode(Document(path=first.path, name=first.name, pages=pages, folder=within))
