"""PDFs whose page tree says a wrong number of pages, which PDFium believes: it finds too few, or fails on others.

An update, as programs append it to a file when they save changes, says the right one: ISO 32000-1, 7.5.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from raypipe.files.ranged import SMALL_BYTES, File
from raypipe.plurals import counted

if TYPE_CHECKING:
    from pikepdf import Pdf

MOST_DEPTH = 50
"""Nodes above a page; a tree that leads back to itself has more."""
MOST_REMOTE = 200
"""Nodes that are looked at in a file on a network, each of which may take a request."""
END = 2048
"""Bytes at the end of a file among which is the place of its last table of objects."""
TABLE_AT = re.compile(rb"startxref\s+(\d+)")
KEPT = ("/Root", "/Info", "/ID", "/Encrypt")
"""What an update's trailer repeats."""


def recounted(source: File, passwords: Iterable[str]) -> tuple[bytes, str] | None:
    """An update with the number of a document's pages as it is, and in words what the document said.

    Returns:
        None: The number is right, or it is not known: another fault keeps qpdf from telling, or the document is on a
            network and its tree has many branches, or it is linearized, of which qpdf looks at every object.
    """
    from pikepdf import PasswordError, Pdf, PdfError

    if "://" in source.name and source.size > SMALL_BYTES and b"/Linearized" in source.read_at(0, END):
        return None
    for password in ("", *passwords):
        try:
            opened = Pdf.open(cast(Any, source), password=password, suppress_warnings=True, attempt_recovery=False)
            with opened as document:
                top = document.Root.Pages
                looks = iter(range(MOST_REMOTE)) if "://" in source.name else count()
                said, found = int(top.Count), _pages(top, MOST_DEPTH, looks)
                if said <= 0 or said == found or not found:  # PDFium itself counts where none are said.
                    return None
                top.Count = found
                return _update(source, document), f"its page tree claims {counted(said, 'page')}, but has {found:,}"
        except PasswordError:
            continue
        except (PdfError, RuntimeError, ValueError, TypeError, KeyError, AttributeError):
            return None
    return None


def _pages(node: Any, depth: int, looks: Iterator[int]) -> int:
    """The pages below a node, of whose children only the first is looked at if it says that all of them are pages."""
    children = node.get("/Kids")
    if children is None:
        return 1
    if not depth or next(looks, None) is None:
        raise ValueError("the page tree leads back to itself, or has too many branches")
    if node.get("/Count") == len(children) and len(children) and "/Kids" not in children[0]:
        return len(children)
    return sum(_pages(child, depth - 1, looks) for child in children)


def _update(source: File, document: Pdf) -> bytes:
    """The top of a changed page tree, and a table of objects of the same kind as the file's own.

    Raises:
        ValueError: The end of the file does not say where that is.
    """
    top, end = document.Root.Pages, source.read_at(max(source.size - END, 0), END)
    start = max(source.read_at(0, END).find(b"%PDF-"), 0)  # Places are counted from the header.
    *_, previous = map(int, TABLE_AT.findall(end))
    number, generation = top.objgen
    node = b"\n%d %d obj\n%s\nendobj\n" % (number, generation, top.unparse(resolved=True))
    node_at, table_at = source.size - start + 1, source.size - start + len(node)
    trailer = document.trailer
    size = int(trailer.Size)
    kept = b" ".join(b"%s %s" % (key.encode(), trailer[key].unparse()) for key in KEPT if key in trailer)
    if source.read_at(start + previous, 16).lstrip().startswith(b"xref"):
        entry = b"xref\n%d 1\n%010d %05d n \n" % (number, node_at, generation)
        table = entry + b"trailer\n<< /Size %d /Prev %d %s >>" % (size, previous, kept)
    else:
        places = [(node_at, generation), (table_at, 0)]
        entries = b"".join(b"\1" + at.to_bytes(8, "big") + of.to_bytes(2, "big") for at, of in places)
        head = b"/Type /XRef /W [1 8 2] /Index [%d 1 %d 1] /Size %d /Prev %d" % (number, size, size + 1, previous)
        head += b" /Length %d %s" % (len(entries), kept)
        table = b"%d 0 obj\n<< %s >>\nstream\n%s\nendstream\nendobj" % (size, head, entries)
    return node + table + b"\nstartxref\n%d\n%%%%EOF\n" % table_at
