"""Lines to hOCR (kba.github.io/hocr-spec/1.2): a page, an area, lines and words."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import numpy as np

from raypipe.geometry import bounds
from raypipe.types import Line, Word


def hocr(
    lines: Sequence[Line], page: int, width: int, height: int, confidences: bool, among_others: bool = False
) -> str:
    """The page as one `ocr_page` element.

    Args:
        lines: Lines in reading order.
        page: Page number, for the element's id.
        width, height: Size of the page in pixels.
        confidences: Add `x_wconf`, 0 to 100, to each word.
        among_others: The page stands in a document with others: the ids inside it carry its number too.
    """
    own = f"{page}_" if among_others else ""
    whole = f"bbox 0 0 {width} {height}"
    root = _element(None, "div", "ocr_page", f"page_{page}", whole)
    area = _element(root, "div", "ocr_carea", f"block_{own}1", whole)
    count = 0
    for number, line in enumerate((line for line in lines if line.words), 1):
        span = _element(area, "span", "ocr_line", f"line_{own}{number}", _box(line, width, height))
        for word in line.words:
            count += 1
            title = _box(word, width, height)
            if confidences:
                title += f"; x_wconf {round(100 * word.confidence)}"
            _element(span, "span", "ocrx_word", f"word_{own}{count}", title).text = word.text
    return ElementTree.tostring(root, encoding="unicode")


def _element(
    parent: ElementTree.Element | None, tag: str, kind: str, identifier: str, title: str
) -> ElementTree.Element:
    attributes = {"class": kind, "id": identifier, "title": title}
    if parent is None:
        return ElementTree.Element(tag, attributes)
    return ElementTree.SubElement(parent, tag, attributes)


def _box(item: Line | Word, width: int, height: int) -> str:
    box = bounds(np.array([[item.x, item.y, item.width, item.height, item.angle]], np.float32))[0]
    left, top, right, bottom = np.clip(np.rint(box), 0, [width, height, width, height]).astype(int)
    return f"bbox {left} {top} {right} {bottom}"
