"""PDFs whose page tree says a wrong number of pages, which PDFium believes: it finds too few, or fails on others."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, cast

from raypipe.files.ranged import SMALL_BYTES, File
from raypipe.plurals import counted

MOST_BYTES = 128 * 1024 * 1024
"""Size of the largest document that is written anew."""
MOST_DEPTH = 50
"""Nodes above a page; a tree that leads back to itself has more."""


def recounted(source: File, passwords: Iterable[str]) -> tuple[bytes, str] | None:
    """A document with the number of its pages as it is, without its lock, and in words what it said.

    Returns:
        None: The number is right, or it is not known: another fault keeps qpdf from telling, or the document is large,
            or on a network, where qpdf would take a request for each object.
    """
    from pikepdf import PasswordError, Pdf, PdfError

    if source.size > (SMALL_BYTES if "://" in source.name else MOST_BYTES):
        return None
    for password in ("", *passwords):
        try:
            opened = Pdf.open(cast(Any, source), password=password, suppress_warnings=True, attempt_recovery=False)
            with opened as document:
                top = document.Root.Pages
                said, found = int(top.Count), _pages(top, MOST_DEPTH)
                if said <= 0 or said == found or not found:  # PDFium itself counts where none are said.
                    return None
                top.Count = found
                file = io.BytesIO()
                document.save(file)
                return file.getvalue(), f"its page tree claims {counted(said, 'page')}, but has {found:,}"
        except PasswordError:
            continue
        except (PdfError, RuntimeError, ValueError, TypeError, KeyError, AttributeError):
            return None
    return None


def _pages(node: Any, depth: int) -> int:
    """The pages below a node, of whose children only the first is looked at if it says that all of them are pages."""
    children = node.get("/Kids")
    if children is None:
        return 1
    if not depth:
        raise ValueError("the page tree leads back to itself")
    if node.get("/Count") == len(children) and len(children) and "/Kids" not in children[0]:
        return len(children)
    return sum(_pages(child, depth - 1) for child in children)
