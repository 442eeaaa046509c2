"""The objects of a PDF, which PDFium does not give: pikepdf opens the document, too, where they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from raypipe.files.ranged import File

if TYPE_CHECKING:
    from pikepdf import Pdf

ODD = (RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError)
"""What pikepdf raises besides its own errors where objects of a damaged document are not what they should be."""


@contextmanager
def opened(source: File, passwords: Iterable[str]) -> Iterator[Pdf]:
    """A document with its objects.

    Raises:
        PdfError: It is locked, and none of the passwords opens it; or it is too damaged.
    """
    from pikepdf import PasswordError, Pdf, PdfError

    for password in ("", *passwords):
        try:
            document = Pdf.open(cast(Any, source), password=password, suppress_warnings=True)
        except PasswordError:
            continue
        with document:
            yield document
        return
    raise PdfError("it is locked")
