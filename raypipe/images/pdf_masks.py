"""Pictures of a PDF page that are drawn through masks finer than they are.

So programs store scans in few bytes: a coarse picture of the paper, and on it one of the ink's colours, whose mask has
the letters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from raypipe.images.pdf_content import DEEPEST
from raypipe.images.pdf_objects import ODD, Objects

Sides: TypeAlias = tuple[int, int]
"""Width and height in pixels."""


def finer_masks(objects: Objects, number: int) -> dict[Sides, Sides]:
    """The sizes of the masks that are finer than their pictures on the page of a number, by those of the pictures.

    Returns:
        None of a document that is locked or damaged.
    """
    from pikepdf import PdfError

    try:
        found = _finer(objects.document().pages[number].resources, DEEPEST)
        return dict(sorted(found, key=lambda each: each[1]))
    except (PdfError, *ODD):
        return {}


def _finer(resources: Any, depth: int) -> Iterator[tuple[Sides, Sides]]:
    """The sizes of the pictures among resources that have a finer mask, and of these masks."""
    from pikepdf import Stream

    for each in resources.get("/XObject", {}).values():
        if each.get("/Subtype") == "/Form" and depth:
            yield from _finer(each.get("/Resources", {}), depth - 1)
        for mask in (each.get("/SMask"), each.get("/Mask")):  # A /Mask may be an array of colours, too.
            if isinstance(mask, Stream) and _size(mask) > _size(each):
                yield _size(each), _size(mask)


def _size(picture: Any) -> Sides:
    return int(picture.Width), int(picture.Height)
