"""What flows through a pipeline: rows, the records in them, and how each column is written in Arrow.

A row is a page: a dict from column name to value. Inside a process the values are the records below; between
processes and in files they are the Arrow types of their `Column`. Coordinates are pixels of the upright page
(after EXIF orientation) at its full resolution, whatever scale it was decoded at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Row = dict[str, Any]
Boxes = npt.NDArray[np.float32]
"""Rotated boxes, float32 (n, 5): centre x, centre y, width, height in pixels, angle in degrees.

The width runs along the text; a positive angle turns it clockwise on the screen, as in OpenCV.
"""
Pixels = npt.NDArray[np.uint8]
"""A picture, uint8: (height, width) grey or (height, width, 3) in the order blue, green, red."""


@dataclass(frozen=True, slots=True)
class Region:
    """A place with text on a page: Visual NLP's Coordinate struct.

    For a rotated region `x`, `y` is its centre; otherwise its top left corner.
    """

    index: int
    page: int
    x: float
    y: float
    width: float
    height: float
    score: float
    label: str
    angle: float
    rotated: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A recognized word: its text, mean character probability and rotated box (centre, size, angle)."""

    text: str
    confidence: float
    x: float
    y: float
    width: float
    height: float
    angle: float


@dataclass(frozen=True, slots=True)
class Line:
    """A recognized line: text, mean character probability, rotated box and words.

    Lines with the same `row` stand side by side on the page (the fields of a form) and share a line of the text.
    """

    text: str
    confidence: float
    x: float
    y: float
    width: float
    height: float
    angle: float
    row: int
    words: list[Word] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Crops:
    """Line pictures of a page, packed for the way from the detector's process to the recognizer's.

    Attributes:
        pixels: All pictures as bytes, one after the other, each uint8 (height, width, 3), BGR.
        height: The common height in pixels.
        widths: One width a picture.
        segments: float32 (m, 10) as bytes. A picture shows one or more boxes of the page side by side. Each has:
            its picture, its first and last pixel column there, centre x, centre y, width, height and angle on the
            page, and the numbers of its line and of its row of the text.
    """

    pixels: bytes
    height: int
    widths: list[int]
    segments: bytes

    def pictures(self) -> list[Pixels]:
        """The pictures, as read-only views of `pixels`."""
        flat = np.frombuffer(self.pixels, np.uint8).reshape(-1, 3)
        ends = np.cumsum(self.widths, dtype=np.int64) * self.height
        return [
            flat[end - width * self.height : end].reshape(self.height, width, 3)
            for end, width in zip(ends, self.widths, strict=True)
        ]

    def segment_table(self) -> npt.NDArray[np.float32]:
        """The segments as float32 (m, 10)."""
        return np.frombuffer(self.segments, np.float32).reshape(-1, 10)


@dataclass(frozen=True)
class Column:
    """How a column is stored: its Arrow type, the record it holds and the value it has when a page failed.

    Attributes:
        arrow: The Arrow type.
        decode: Turns a value of `to_pylist()` into what stages see.
        encode: The other way round.
        empty: Makes the value of a page that failed or has no text.
    """

    arrow: pa.DataType
    decode: Callable[[Any], Any] = lambda value: value
    encode: Callable[[Any], Any] = lambda value: value
    empty: Callable[[], Any] = lambda: None

    def to_arrow(self, values: Sequence[Any]) -> pa.Array:
        """The values of many rows as an Arrow array."""
        return pa.array([None if value is None else self.encode(value) for value in values], self.arrow)

    def from_arrow(self, array: pa.ChunkedArray) -> list[Any]:
        """The values of many rows from an Arrow array."""
        return [None if value is None else self.decode(value) for value in array.to_pylist()]


def _struct(record: Any) -> dict[str, Any]:
    # `dataclasses.asdict` copies values deeply, which takes five times as long.
    return {name: getattr(record, name) for name in record.__slots__}


def _structs(records: Sequence[Any]) -> list[dict[str, Any]]:
    return [_struct(record) for record in records]


def _line_structs(lines: Sequence[Line]) -> list[dict[str, Any]]:
    return [{**_struct(line), "words": _structs(line.words)} for line in lines]


def _line(value: dict[str, Any]) -> Line:
    return Line(**{**value, "words": [Word(**word) for word in value["words"]]})


_BOX = [(name, pa.float32()) for name in ("x", "y", "width", "height")]
_WORD = pa.struct([("text", pa.string()), ("confidence", pa.float32()), *_BOX, ("angle", pa.float32())])

TEXT = Column(pa.string(), empty=str)
NULLABLE_TEXT = Column(pa.string())
INTEGER = Column(pa.int32())
BYTES = Column(pa.binary())
CONFIDENCE = Column(pa.list_(pa.float32()), empty=list)
REGIONS = Column(
    pa.list_(
        pa.struct(
            [
                ("index", pa.int32()),
                ("page", pa.int32()),
                *_BOX,
                ("score", pa.float32()),
                ("label", pa.string()),
                ("angle", pa.float32()),
                ("rotated", pa.bool_()),
            ]
        )
    ),
    decode=lambda value: [Region(**region) for region in value],
    encode=_structs,
    empty=list,
)
LINES = Column(
    pa.list_(
        pa.struct(
            [
                ("text", pa.string()),
                ("confidence", pa.float32()),
                *_BOX,
                ("angle", pa.float32()),
                ("row", pa.int32()),
                ("words", pa.list_(_WORD)),
            ]
        )
    ),
    decode=lambda value: [_line(line) for line in value],
    encode=_line_structs,
    empty=list,
)
CROPS = Column(
    pa.struct(
        [
            ("pixels", pa.large_binary()),
            ("height", pa.int32()),
            ("widths", pa.list_(pa.int32())),
            ("segments", pa.binary()),
        ]
    ),
    decode=lambda value: Crops(**value),
    encode=_struct,
)
POSITIONS = Column(
    pa.list_(
        pa.struct(
            [
                (
                    "mapping",
                    pa.list_(pa.struct([("c", pa.string()), *_BOX, ("fontSize", pa.int32()), ("source", pa.string())])),
                )
            ]
        )
    ),
    empty=list,
)


def regions_from_boxes(boxes: Boxes, scores: Sequence[float], page: int) -> list[Region]:
    """Rotated boxes (n, 5) as regions, numbered in their order."""
    return [
        Region(index, page, x, y, width, height, float(score), "", angle, True)
        for index, ((x, y, width, height, angle), score) in enumerate(zip(boxes.tolist(), scores, strict=True))
    ]


def boxes_from_regions(regions: Sequence[Region]) -> Boxes:
    """Regions as rotated boxes (n, 5): upright ones, given by their top left corner, become centred."""
    return np.array(
        [
            (r.x, r.y, r.width, r.height, r.angle)
            if r.rotated
            else (r.x + r.width / 2, r.y + r.height / 2, r.width, r.height, 0.0)
            for r in regions
        ],
        np.float32,
    ).reshape(-1, 5)


class Page(Mapping[str, Any]):
    """A finished page: its columns by name (`page["text"]`) and, for the usual names, as attributes."""

    def __init__(self, row: Row) -> None:
        self._row = row

    def __getitem__(self, column: str) -> Any:
        return self._row[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)

    def __repr__(self) -> str:
        state = self.exception or f"{len(self.text)} characters"
        return f"Page({self.path!r}, pagenum={self.pagenum}, {state})"

    @property
    def path(self) -> str:
        """Where the page came from."""
        return str(self._row["path"])

    @property
    def name(self) -> str:
        """The document's name, after which its files are called."""
        return str(self._row["name"])

    @property
    def pagenum(self) -> int:
        """The page's number in its document, from 0."""
        return int(self._row["pagenum"])

    @property
    def total_pages(self) -> int:
        """Pages of its document."""
        return int(self._row.get("total_pages") or 1)

    @property
    def width(self) -> int | None:
        """Width of the upright page in pixels; None where the picture was not opened or not kept."""
        return self._side("width")

    @property
    def height(self) -> int | None:
        """Height of the upright page in pixels; None where the picture was not opened or not kept."""
        return self._side("height")

    def _side(self, name: str) -> int | None:
        image = self._row.get("image")
        return getattr(image, name) if image else self._row.get(name)

    @property
    def text(self) -> str:
        """The recognized text, a line of the page to a line; empty if there is none."""
        return str(self._row.get("text") or "")

    @property
    def lines(self) -> list[Line]:
        """The recognized lines in reading order."""
        return list(self._row.get("lines") or [])

    @property
    def regions(self) -> list[Region]:
        """The detected regions."""
        return list(self._row.get("text_regions") or [])

    @property
    def confidence(self) -> float | None:
        """Mean character probability of the page, 0 to 1; None where there is no text."""
        values = self._row.get("confidence") or []
        return float(values[0]) if values else None

    @property
    def overlay(self) -> str | None:
        """Path or URI of the picture with its regions, if one was saved."""
        return self._row.get("overlay")

    @property
    def picture(self) -> bytes | None:
        """The picture with its regions, encoded, if one was drawn and not saved."""
        return self._row.get("image_with_regions")

    @property
    def exception(self) -> str | None:
        """What went wrong: stage, code, message and remedy; None where nothing did."""
        return self._row.get("exception")
