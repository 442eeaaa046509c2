"""JSON in the shape of Amazon Textract's DetectDocumentText, for programs that read its answers.

Reference: docs.aws.amazon.com/textract/latest/dg/API_DetectDocumentText.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from raypipe.errors import Failure
from raypipe.outputs.base import Document, Format
from raypipe.outputs.places import Box, Size, box_of, numbered, outline_of, size_of
from raypipe.types import Line, PageRecord, Word

DIGITS = 6
"""Places are given in millionths of the page."""


def render(document: Document) -> str:
    """A block for each page, line and word, in reading order; the warnings say why pages failed."""
    pages = [(number + 1, page) for number, page in numbered(document.pages)]
    values: dict[str, Any] = {
        "DocumentMetadata": {"Pages": len(pages)},
        "Blocks": [block for number, page in pages for block in _blocks(page, number, document)],
        "DetectDocumentTextModelVersion": "1.0",
    }
    failures = [(number, Failure.parse(page.exception)) for number, page in pages if page.exception]
    if failures:
        values["Warnings"] = [{"ErrorCode": failure.code, "Pages": [number]} for number, failure in failures]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _blocks(page: PageRecord, number: int, document: Document) -> Iterator[dict[str, Any]]:
    size = size_of(page)
    key = f"{document.path}#{number}"
    lines = [(f"{key}.{n}", line) for n, line in enumerate(line for line in page.lines if line.words)]
    children = [_id(name) for name, _ in lines]
    corners = [(0, 0), (size.width, 0), (size.width, size.height), (0, size.height)]
    yield _block("PAGE", key, number, _geometry(size.box, corners, size), children)
    for name, line in lines:
        words = [(f"{name}.{n}", word) for n, word in enumerate(line.words)]
        reading = _reading(line, document.confidences)
        yield _block("LINE", name, number, _place(line, size), [_id(each) for each, _ in words]) | reading
        for each, word in words:
            yield _block("WORD", each, number, _place(word, size), []) | _reading(word, document.confidences)


def _block(kind: str, key: str, page: int, geometry: dict[str, Any], children: list[str]) -> dict[str, Any]:
    block = {"BlockType": kind, "Id": _id(key), "Page": page, "Geometry": geometry}
    return {**block, "Relationships": [{"Type": "CHILD", "Ids": children}]} if children else block


def _id(key: str) -> str:
    return str(uuid5(NAMESPACE_URL, key.encode("utf-8", "replace").decode()))


def _reading(item: Line | Word, confidences: bool) -> dict[str, Any]:
    return {"Text": item.text, **({"Confidence": round(100 * item.confidence, 2)} if confidences else {})}


def _place(item: Line | Word, size: Size) -> dict[str, Any]:
    return _geometry(box_of(item, size), outline_of(item, size), size)


def _geometry(box: Box, outline: Sequence[tuple[int, int]], size: Size) -> dict[str, Any]:
    """A box and its outline, in shares of the page."""
    whole = np.maximum(size, 1)
    left, top = (np.array([box.left, box.top]) / whole).round(DIGITS).tolist()
    width, height = (np.array([box.width, box.height]) / whole).round(DIGITS).tolist()
    points = (np.array(outline) / whole).round(DIGITS).tolist()
    return {
        "BoundingBox": {"Width": width, "Height": height, "Left": left, "Top": top},
        "Polygon": [{"X": x, "Y": y} for x, y in points],
    }


FORMAT = Format(name="textract", suffix=".json", media_type="application/x-textract+json", render=render)
