"""The objects of a PDF, which PDFium does not give: pikepdf opens the document, too, where they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from raypipe.files.ranged import File
from raypipe.images import passwords

if TYPE_CHECKING:
    from pikepdf import Pdf

ODD = (RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError)
"""What pikepdf raises besides its own errors where objects of a damaged document are not what they should be."""


class Objects:
    """A document that is opened when its objects are first needed, and then stays open for further pages.

    Opening it takes longer than most else, as pikepdf reads the whole table of objects.
    """

    def __init__(self, source: File, origin: str) -> None:
        self._source, self._origin = source, origin
        self._document: Pdf | None = None
        self._is_damaged = False

    def document(self) -> Pdf:
        """The document with its objects.

        Raises:
            PdfError: It is locked, and none of the passwords opens it; or it is too damaged.
        """
        if self._document is None:
            self._document, self._is_damaged = self._opened(), False
        return self._document

    def untouched(self) -> Pdf:
        """As `document`, opened anew if it is damaged: of each object, pikepdf says only once what is wrong."""
        if self._document is not None and (self.warnings() or self._is_damaged):
            self.close()
        return self.document()

    def warnings(self) -> list[str]:
        """What pikepdf has said of the document since the last call."""
        found = [str(each) for each in self.document().get_warnings()]
        self._is_damaged |= bool(found)
        return found

    def _opened(self) -> Pdf:
        from pikepdf import PasswordError, Pdf, PdfError

        for password in ("", *passwords.of(self._origin)):
            try:
                return Pdf.open(cast(Any, self._source), password=password, suppress_warnings=True)
            except PasswordError:
                continue
        raise PdfError("it is locked")

    def close(self) -> None:
        """Closes the document, but not its file."""
        if self._document is not None:
            self._document.close()
            self._document = None
