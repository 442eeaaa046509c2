"""PAGE XML 2019-07-15 (primaresearch.org/schema/PAGE): regions, lines, baselines and words, for transcription tools.

A PAGE file holds one page: documents of several pages become several files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from raypipe.outputs.base import Document, Format
from raypipe.outputs.blocks import blocks
from raypipe.outputs.places import Box, Size, baseline_of, box_of, is_from_right, legal, outline_of, points_of, size_of
from raypipe.types import Line, PageRecord

_NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
LANGUAGES = {
    "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "en": "English", "es": "Spanish", "et": "Estonian",
    "fi": "Finnish", "fr": "French", "ga": "Irish", "hr": "Croatian", "hu": "Hungarian", "is": "Icelandic",
    "it": "Italian", "lt": "Lithuanian", "lv": "Latvian", "nb": "Norwegian Bokmål", "nl": "Dutch", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "sk": "Slovak", "sl": "Slovene", "sv": "Swedish", "tr": "Turkish",
}  # fmt: skip
"""The schema's names of the languages that our models read."""


def render(document: Document) -> str:
    """A page as a PAGE document, in pixels of the file's picture. A page that failed is empty and says why."""
    (page,) = document.pages
    root = Element("PcGts", {"xmlns": _NAMESPACE, "xmlns:xsi": _INSTANCE})
    root.set("xsi:schemaLocation", f"{_NAMESPACE} {_NAMESPACE}/pagecontent.xsd")
    metadata = SubElement(root, "Metadata")
    SubElement(metadata, "Creator").text = "raypipe"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    SubElement(metadata, "Created").text = SubElement(metadata, "LastChange").text = now
    if page.exception:
        SubElement(metadata, "Comments").text = legal(page.exception)
    size = size_of(page)
    attributes = {"imageFilename": legal(document.name), "imageWidth": str(size.width), "imageHeight": str(size.height)}
    if document.confidences and page.confidence is not None:
        attributes["conf"] = f"{page.confidence:.4f}"
    if page.language:
        attributes["primaryLanguage"] = LANGUAGES.get(page.language, "other")
    _regions(SubElement(root, "Page", attributes), page, size, document.confidences)
    indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _regions(parent: Element, page: PageRecord, size: Size, confidences: bool) -> None:
    found = blocks(page.lines)
    if not found:
        return
    order = SubElement(SubElement(parent, "ReadingOrder"), "OrderedGroup", {"id": "order"})
    for n, lines in enumerate(found):
        SubElement(order, "RegionRefIndexed", {"index": str(n), "regionRef": f"region_{n}"})
        region = SubElement(parent, "TextRegion", {"id": f"region_{n}"})
        SubElement(region, "Coords", {"points": points_of(_around(lines, size))})
        for m, line in enumerate(lines):
            _line(region, line, f"{n}_{m}", size, confidences)
        _text(region, "\n".join(line.text for line in lines), None)


def _line(region: Element, line: Line, key: str, size: Size, confidences: bool) -> None:
    element = SubElement(region, "TextLine", {"id": f"line_{key}"})
    if is_from_right(line.text):
        element.set("readingDirection", "right-to-left")
    SubElement(element, "Coords", {"points": points_of(outline_of(line, size))})
    SubElement(element, "Baseline", {"points": points_of(baseline_of(line, size))})
    for n, word in enumerate(line.words):
        found = SubElement(element, "Word", {"id": f"word_{key}_{n}"})
        SubElement(found, "Coords", {"points": points_of(outline_of(word, size))})
        _text(found, word.text, word.confidence if confidences else None)
    _text(element, line.text, line.confidence if confidences else None)


def _text(parent: Element, text: str, confidence: float | None) -> None:
    attributes = {} if confidence is None else {"conf": f"{confidence:.4f}"}
    SubElement(SubElement(parent, "TextEquiv", attributes), "Unicode").text = legal(text)


def _around(lines: Sequence[Line], size: Size) -> list[tuple[int, int]]:
    """The corners of the upright box around lines."""
    boxes = np.array([box_of(line, size) for line in lines])
    box = Box(*boxes[:, :2].min(0).tolist(), *boxes[:, 2:].max(0).tolist())
    return [(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)]


FORMAT = Format(name="page", suffix=".xml", media_type="application/vnd.prima.page+xml", render=render, one_page=True)
