"""A document as one HTML page to look at: each page's overlay picture beside its text, doubtful words marked."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

from raypipe.types import Row

DOUBTFUL = 0.8
"""Words of a lower confidence are marked."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; color-scheme: light dark; }
section { display: flex; flex-wrap: wrap; gap: 2rem; border-top: 1px solid; padding: 1rem 0; }
img { max-width: min(48rem, 100%); height: auto; }
mark { border-radius: .2em; }
"""


def as_html(pages: list[Row], to_root: str) -> str:
    """A whole HTML document.

    Args:
        pages: The rows of a document.
        to_root: Relative path from the file's folder to the output folder, for the pictures.
    """
    title = escape(str(pages[0]["name"]))
    body = "\n".join(_section(page, to_root) for page in pages)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def _section(page: Row, to_root: str) -> str:
    number = int(page["pagenum"]) + 1
    if page.get("exception"):
        return f'<section><p role="alert">Page {number}: {escape(page["exception"])}</p></section>'
    picture = ""
    if page.get("overlay"):
        place = page["overlay"].rindex(f"/overlays/{page['name']}")
        source = f"{to_root}{quote(page['overlay'][place:])}"
        picture = f'<img src="{source}" alt="Page {number} with its regions" loading="lazy">'
    lines = "<br>\n".join(_line(line) for line in page.get("lines") or [])
    return f"<section>{picture}<p>{lines}</p></section>"


def _line(line: dict[str, Any]) -> str:
    return " ".join(_word(word["text"], word["confidence"]) for word in line["words"])


def _word(text: str, confidence: float) -> str:
    shown = escape(text)
    return shown if confidence >= DOUBTFUL else f'<mark title="confidence {confidence:.2f}">{shown}</mark>'
