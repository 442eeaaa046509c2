"""Pages as JSON, one per line, for loading into tables and for programs that work line by line."""

from __future__ import annotations

import json

from raypipe.outputs.base import Document, Format
from raypipe.outputs.json import page_values


def render(document: Document) -> str:
    """A line for each page: the path of its document, and the same values as in `json`."""
    pages = ({"path": document.path, **page_values(page, document.confidences)} for page in document.pages)
    return "".join(json.dumps(page, ensure_ascii=False, separators=(",", ":")) + "\n" for page in pages)


FORMAT = Format(name="jsonl", suffix=".jsonl", media_type="application/jsonl", render=render, lines=True)
