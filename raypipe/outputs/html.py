"""A document as one HTML page for viewing: each page's overlay picture beside its text, with doubtful words marked."""

from __future__ import annotations

import base64
import os
from html import escape
from pathlib import Path
from urllib.parse import quote

from raypipe.files.paths import split_options
from raypipe.keys import public
from raypipe.outputs.base import Document, Format
from raypipe.types import PageRecord, Word

DOUBTFUL = 0.8
"""Words of a lower confidence are marked."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; color-scheme: light dark; }
section { display: flex; flex-wrap: wrap; gap: 2rem; border-top: 1px solid; padding: 1rem 0; }
img { max-width: min(48rem, 100%); height: auto; }
mark { border-radius: .2em; }
"""


def render(document: Document) -> str:
    """A whole HTML document."""
    title = escape(document.name)
    body = "\n".join(section(page, document) for page in document.pages)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def section(page: PageRecord, document: Document) -> str:
    """A page of a document: its picture, if there is one, beside its text."""
    number = page.pagenum + 1
    if page.exception:
        return f'<section><p role="alert">Page {number}: {escape(page.exception)}</p></section>'
    source = picture_url(page, document)
    picture = f'<img src="{source}" alt="Page {number} with its regions" loading="lazy">' if source else ""
    words = ([_word(word, document.confidences) for word in line.words] for line in page.lines)
    lines = "<br>\n".join(map(" ".join, words))
    language = f' lang="{escape(page.language)}"' if page.language else ""
    return f"<section>{picture}<p{language}>{lines}</p></section>"


def picture_url(page: PageRecord, document: Document) -> str | None:
    """The URL of the page's overlay in the rendered document; None if there is none to show."""
    if not document.pictures:
        return None
    if page.picture:
        kind = "png" if page.picture.startswith(b"\x89PNG") else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(page.picture).decode()}"
    if not page.overlay or document.folder is None:
        return None
    if ("://" in page.overlay) != ("://" in document.folder):
        return escape(page.overlay)
    overlay, folder = (split_options(public(place))[0] for place in (page.overlay, document.folder))
    return quote(Path(os.path.relpath(overlay, folder)).as_posix(), safe="/%" if "://" in overlay else "/")


def _word(word: Word, confidences: bool) -> str:
    shown, doubtful = escape(word.text), confidences and word.confidence < DOUBTFUL
    return f'<mark title="confidence {word.confidence:.2f}">{shown}</mark>' if doubtful else shown


FORMAT = Format(name="html", suffix=".html", media_type="text/html", render=render, pictures=True)
