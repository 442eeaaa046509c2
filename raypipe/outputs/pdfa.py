"""Searchable PDF/A-2b (ISO 19005-2), as archives keep it."""

from __future__ import annotations

import io

from raypipe.outputs.base import Document, Format
from raypipe.outputs.pdf import searchable

LEVEL = "2b"


def render(document: Document) -> bytes:
    """The document as searchable PDF/A, checked by pikepdf.

    Raises:
        ConfigError: The pictures were not kept, and cannot be read again.
        PageError: `file_missing`.
        pikepdf.pdfa.PdfaError: It has what PDF/A does not allow, such as a font that is not embedded.
    """
    from pikepdf import pdfa

    file = io.BytesIO()
    pdfa.save(searchable(document), file, LEVEL)
    return file.getvalue()


FORMAT = Format(name="pdfa", suffix=".pdf", media_type="application/pdf", render=render)
