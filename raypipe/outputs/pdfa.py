"""Searchable PDF/A-2b (ISO 19005-2), for archives."""

from __future__ import annotations

import io

from raypipe.outputs.base import Document, Format, UnfitError
from raypipe.outputs.pdf import searchable

LEVEL = "2b"
REMEDY = "Choose the format pdf, or first print the document to a PDF that has its fonts in it."


def render(document: Document) -> bytes:
    """The document as searchable PDF/A, checked by pikepdf.

    Raises:
        ConfigError: The pictures were not kept and cannot be read again.
        UnfitError: The document has what PDF/A does not allow, such as a font that is not embedded.
        PageError: `file_missing`.
    """
    from pikepdf import pdfa

    file = io.BytesIO()
    try:
        pdfa.save(searchable(document, archival=True), file, LEVEL)
    except pdfa.PdfaError as error:
        reasons = dict.fromkeys(finding.message for finding in error.report.findings)
        raise UnfitError(f"{document.path} cannot become PDF/A: {'; '.join(reasons)}.", REMEDY) from error
    return file.getvalue()


FORMAT = Format(name="pdfa", suffix=".pdf", media_type="application/pdf", render=render, originals=True)
