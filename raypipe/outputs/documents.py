"""Result rows to one file a document: plain text, JSON with lines, words, boxes and confidences, or an HTML page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from raypipe.errors import ConfigError
from raypipe.outputs.html import as_html
from raypipe.types import Row

SUFFIXES = {"text": ".txt", "json": ".json", "html": ".html"}
"""The formats, with the suffix of their files."""
PAGE_BREAK = "\f"
PAGE_FIELDS = ("pagenum", "text", "confidence", "lines", "exception")


def documents(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The pages of each document together, in order. Only documents of several pages are held until complete."""
    open_documents: dict[str, list[Row]] = {}
    for row in rows:
        pages = open_documents.setdefault(row["path"], [])
        pages.append(row)
        if len(pages) == (row["total_pages"] or 1):
            yield _in_order(open_documents.pop(row["path"]))
    yield from map(_in_order, open_documents.values())


def _in_order(pages: list[Row]) -> list[Row]:
    return sorted(pages, key=lambda page: int(page["pagenum"]))


def write(rows: Iterable[Row], folder: Path, formats: Iterable[str]) -> None:
    """Writes each document to `folder/FORMAT/NAME.SUFFIX` in each of the formats in `SUFFIXES`.

    Raises:
        ConfigError: Some could not be written; all others are.
    """
    failures = []
    for pages in documents(rows):
        for name in formats:
            path = folder / name / f"{pages[0]['name']}{SUFFIXES[name]}"
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_render(pages, name), encoding="utf-8")
            except OSError as error:
                failures.append(str(error))
    if failures:
        raise ConfigError(f"{len(failures)} files could not be written: {failures[0]}.", f"See {folder}/results/.")


def _render(pages: list[Row], name: str) -> str:
    if name == "text":
        return as_text(pages)
    if name == "json":
        return as_json(pages)
    return as_html(pages, "/".join([".."] * (1 + str(pages[0]["name"]).count("/"))))


def as_text(pages: list[Row]) -> str:
    """The text of a document, its pages separated by form feeds."""
    return PAGE_BREAK.join(f"{page.get('text') or ''}\n" for page in pages)


def as_json(pages: list[Row]) -> str:
    """A document as JSON: its path and pages, each with size, text, lines, words and confidences."""
    return json.dumps(
        {
            "path": pages[0]["path"],
            "pages": [
                {
                    **{name: page.get(name) for name in PAGE_FIELDS},
                    "width": (page.get("image") or {}).get("width"),
                    "height": (page.get("image") or {}).get("height"),
                }
                for page in pages
            ],
        },
        ensure_ascii=False,
        indent=1,
    )
