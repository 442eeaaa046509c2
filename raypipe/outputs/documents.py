"""Finished pages to one file per document, in each of the chosen formats."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

from raypipe.errors import OutputError
from raypipe.files import write_file
from raypipe.outputs import formats
from raypipe.outputs.base import Document, Format
from raypipe.types import Page


def documents(pages: Iterable[Page]) -> Iterator[list[Page]]:
    """The pages of each document together, in order. Only those of several pages are held until complete."""
    open_documents: dict[str, list[Page]] = {}
    for page in pages:
        found = open_documents.setdefault(page.path, [])
        found.append(page)
        if len(found) == page.total_pages:
            yield _in_order(open_documents.pop(page.path))
    yield from map(_in_order, open_documents.values())


def _in_order(pages: list[Page]) -> list[Page]:
    return sorted(pages, key=lambda page: page.pagenum)


def write(pages: Iterable[Page], folders: Mapping[str, Path], changed: Container[str] | None = None) -> None:
    """Writes documents in several formats: those that changed, and those whose file is not there.

    Args:
        pages: Pages of all documents.
        folders: Where the files of each format go, by its name. Files are named after their documents.
        changed: The paths of documents with new pages; None: all.

    Raises:
        ConfigError: There is no such format.
        OutputError: Some files could not be written; all others are.
    """
    wanted = {formats.find(name): folder for name, folder in folders.items()}
    failures = []
    for document_pages in documents(pages):
        for each, folder in wanted.items():
            try:
                if _is_due(document_pages, each, folder, changed):
                    _write(document_pages, each, folder)
            except Exception as error:  # Whatever a format does, the other files are written.
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                failures.append(f"{each.name} of {document_pages[0].name}: {reason}")
    if failures:
        raise OutputError(
            f"{len(failures)} of the files could not be written, first {failures[0]}.",
            "Everything that was read is in the results.",
        )


def _is_due(pages: list[Page], each: Format, folder: Path, changed: Container[str] | None) -> bool:
    return changed is None or pages[0].path in changed or not _file(pages, each, folder).exists()


def _file(pages: list[Page], each: Format, folder: Path) -> Path:
    return folder.absolute() / f"{pages[0].name}{each.suffix}"


def _write(pages: list[Page], each: Format, folder: Path) -> None:
    file = _file(pages, each, folder)
    document = Document(path=pages[0].path, name=pages[0].name, pages=pages, folder=file.parent)
    write_file(str(file), each.encode(document))
