"""hOCR (kba.github.io/hocr-spec/1.2): pages, an area in each, lines and words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from xml.etree import ElementTree

import numpy as np

from raypipe.geometry import bounds
from raypipe.outputs.base import Document, Format, TextColumn
from raypipe.types import Line, Page, Word


def render(document: Document) -> str:
    """A whole hOCR document."""
    pages = document.pages
    numbers = [page.pagenum for page in pages]
    if len(set(numbers)) < len(numbers):  # Pages of several documents: their places in the answer tell them apart.
        numbers = list(range(len(pages)))
    is_one_of_many = len(pages) > 1
    found = zip(numbers, pages, strict=True)
    body = "\n".join(_page(page, number, document.confidences, is_one_of_many) for number, page in found)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml">'
        f'<head><meta charset="utf-8"/><title>{escape(document.name)}</title>'
        '<meta name="ocr-system" content="raypipe"/>'
        '<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_line ocrx_word"/></head>'
        f"\n<body>\n{body}\n</body></html>\n"
    )


def _page(page: Page, number: int, confidences: bool, is_one_of_many: bool = False) -> str:
    return hocr(page.lines, number, page.width or 0, page.height or 0, confidences, is_one_of_many)


def hocr(
    lines: Sequence[Line], page: int, width: int, height: int, confidences: bool, is_one_of_many: bool = False
) -> str:
    """The page as one `ocr_page` element.

    Args:
        lines: Lines in reading order.
        page: Page number, for the element's id.
        width, height: Size of the page in pixels.
        confidences: Add `x_wconf`, 0 to 100, to each word.
        is_one_of_many: Whether the document has other pages: the ids inside the page then carry its number, too.
    """
    own = f"{page}_" if is_one_of_many else ""
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


FORMAT = Format(
    name="hocr",
    suffix=".hocr",
    media_type="text/vnd.hocr+html",
    render=render,
    column=TextColumn(text=lambda page, confidences: _page(page, page.pagenum, confidences)),
)
