"""hOCR (kba.github.io/hocr-spec/1.2): pages, an area with a paragraph in each, lines and words.

The paragraph is for readers such as OCRmyPDF's, which look for lines only there.
"""

from __future__ import annotations

import math
from xml.etree.ElementTree import Comment, Element, SubElement, tostring

from raypipe.outputs.base import Document, Format, TextColumn
from raypipe.outputs.places import Box, Size, baseline_of, box_of, comment, is_from_right, legal, numbered, size_of
from raypipe.types import Line, PageRecord

STANDING = 45
"""Lines at a steeper angle, in degrees, have a text angle instead of a baseline."""
_CAPABILITIES = "ocr_page ocr_carea ocr_par ocr_line ocrx_word"


def render(document: Document) -> str:
    """A whole hOCR document."""
    pages = document.pages
    capabilities = f"{_CAPABILITIES} ocrp_wconf" if document.confidences else _CAPABILITIES
    root = Element("html", {"xmlns": "http://www.w3.org/1999/xhtml"})
    if document.language:
        root.set("lang", document.language)
    head = SubElement(root, "head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "title").text = legal(document.name)
    SubElement(head, "meta", {"name": "ocr-system", "content": "raypipe"})
    SubElement(head, "meta", {"name": "ocr-number-of-pages", "content": str(len(pages))})
    SubElement(head, "meta", {"name": "ocr-capabilities", "content": capabilities})
    body = SubElement(root, "body")
    for number, page in numbered(pages):
        found = page_element(page, number, document.confidences, len(pages) > 1)
        if page.language and page.language != document.language:
            found.set("lang", page.language)
        found.tail = "\n"
        body.append(found)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n{tostring(root, encoding="unicode")}\n'


def page_element(page: PageRecord, number: int, confidences: bool, is_one_of_many: bool = False) -> Element:
    """A page as one `ocr_page` element, whose id has its number, from 0; a comment in it says why the page failed.

    With confidences, each word has its `x_wconf`, 0 to 100. If the document has other pages, the ids inside the page
    carry its number, too.
    """
    size, own = size_of(page), f"{number}_" if is_one_of_many else ""
    root = Element("div", _attributes("ocr_page", f"page_{number}", f"{_bbox(size.box)}; ppageno {number}"))
    if page.exception:
        root.append(Comment(comment(page.exception)))
    area = SubElement(root, "div", _attributes("ocr_carea", f"block_{own}1", _bbox(size.box)))
    paragraph = SubElement(area, "p", _attributes("ocr_par", f"par_{own}1", _bbox(size.box)))
    count = 0
    for n, line in enumerate((line for line in page.lines if line.words), 1):
        span = SubElement(paragraph, "span", _attributes("ocr_line", f"line_{own}{n}", _line(line, size)))
        if is_from_right(line.text):
            span.set("dir", "rtl")
        for word in line.words:
            count += 1
            title = _bbox(box_of(word, size))
            if confidences:
                title += f"; x_wconf {round(100 * word.confidence)}"
            element = SubElement(span, "span", _attributes("ocrx_word", f"word_{own}{count}", title))
            element.text = legal(word.text)
            element.tail = " "
    return root


def _attributes(kind: str, identifier: str, title: str) -> dict[str, str]:
    return {"class": kind, "id": identifier, "title": title}


def _line(line: Line, size: Size) -> str:
    """The properties of a line: its box, its baseline or angle, and its height across the text."""
    box = box_of(line, size)
    if abs(line.angle) > STANDING:
        direction = f"textangle {-line.angle % 360:g}"
    else:  # A line through the box: its slope, and its height above the bottom at the left edge.
        slope = math.tan(math.radians(line.angle))
        (x, y), _ = baseline_of(line, size)
        direction = f"baseline {slope:.4g} {round(y + slope * (box.left - x)) - box.bottom}"
    return f"{_bbox(box)}; {direction}; x_size {line.height:.4g}"


def _bbox(box: Box) -> str:
    return f"bbox {box.left} {box.top} {box.right} {box.bottom}"


FORMAT = Format(
    name="hocr",
    suffix=".hocr",
    media_type="text/vnd.hocr+html",
    render=render,
    column=TextColumn(
        text=lambda page, confidences: tostring(page_element(page, page.pagenum, confidences), encoding="unicode")
    ),
)
