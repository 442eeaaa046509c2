"""ALTO 4.4 (loc.gov/standards/alto): the layout and text of pages, for libraries and archives."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from raypipe.outputs.base import Document, Format
from raypipe.outputs.places import Box, Size, baseline_of, box_of, legal, numbered, outline_of, points_of, size_of
from raypipe.types import Line, PageRecord, Word

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_LOCATION = f"{_NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
UPRIGHT = 0.5
"""Lines and words that are tilted by more than this many degrees also have their outline."""


def render(document: Document) -> str:
    """A whole ALTO document: a page element for each page, in pixels of the file's picture.

    A page that failed is empty and says why in QUALITY_DETAIL.
    """
    root = Element("alto", {"xmlns": _NAMESPACE, "xmlns:xsi": _INSTANCE, "xsi:schemaLocation": _LOCATION})
    root.set("SCHEMAVERSION", "4.4")
    _describe(SubElement(root, "Description"), document)
    layout = SubElement(root, "Layout")
    for number, page in numbered(document.pages):
        _page(layout, page, number, document.confidences)
    indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _describe(parent: Element, document: Document) -> None:
    SubElement(parent, "MeasurementUnit").text = "pixel"
    SubElement(SubElement(parent, "sourceImageInformation"), "fileName").text = legal(document.name)
    processing = SubElement(parent, "Processing", {"ID": "raypipe"})
    SubElement(processing, "processingCategory").text = "contentGeneration"
    SubElement(SubElement(processing, "processingSoftware"), "softwareName").text = "raypipe"


def _page(layout: Element, page: PageRecord, number: int, confidences: bool) -> None:
    size = size_of(page)
    attributes = {"ID": f"page_{number}", "PHYSICAL_IMG_NR": str(number + 1), "PROCESSINGREFS": "raypipe"}
    attributes |= {"WIDTH": str(size.width), "HEIGHT": str(size.height)}
    if page.exception:
        attributes["QUALITY_DETAIL"] = legal(page.exception)
    if confidences and page.confidence is not None:
        attributes["PC"] = f"{page.confidence:.4f}"
    space = SubElement(SubElement(layout, "Page", attributes), "PrintSpace", _place(size.box))
    lines = [line for line in page.lines if line.words]
    if lines:
        block = SubElement(space, "TextBlock", {"ID": f"block_{number}", **_place(size.box)})
        if page.language:
            block.set("LANG", page.language)
        for n, line in enumerate(lines):
            _line(block, line, f"{number}_{n}", size, confidences)


def _line(block: Element, line: Line, key: str, size: Size, confidences: bool) -> None:
    attributes = {"ID": f"line_{key}", **_place(box_of(line, size)), "BASELINE": points_of(baseline_of(line, size))}
    element = SubElement(block, "TextLine", attributes)
    _shape(element, line, size)
    for n, word in enumerate(line.words):
        if n:
            SubElement(element, "SP")
        attributes = {"ID": f"word_{key}_{n}", **_place(box_of(word, size)), "CONTENT": legal(word.text)}
        if confidences:
            attributes["WC"] = f"{word.confidence:.4f}"
        _shape(SubElement(element, "String", attributes), word, size)


def _shape(element: Element, item: Line | Word, size: Size) -> None:
    if abs(item.angle) > UPRIGHT:
        SubElement(SubElement(element, "Shape"), "Polygon", {"POINTS": points_of(outline_of(item, size))})


def _place(box: Box) -> dict[str, str]:
    return {"HPOS": str(box.left), "VPOS": str(box.top), "WIDTH": str(box.width), "HEIGHT": str(box.height)}


FORMAT = Format(name="alto", suffix=".xml", media_type="application/alto+xml", render=render)
