"""What flows through a pipeline: rows, the records in them, and the finished page.

A row is a page: a dict from column name to value. Inside a process the values are the records below; `columns.py`
says how they are stored between processes and in files. Coordinates are pixels of the file's picture (after
EXIF orientation, and of faxes with square dots) at its full resolution, whatever scale it was decoded at and however it
was turned to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from raypipe.plurals import counted

Row = dict[str, Any]
Boxes = npt.NDArray[np.float32]
"""Rotated boxes, float32 (n, 5): centre x, centre y, width, height in pixels, angle in degrees.

The width runs along the text; a positive angle turns it clockwise on the screen, as in OpenCV.
"""
Pixels = npt.NDArray[np.uint8]
"""A picture, uint8: (height, width) grey or (height, width, 3) in the order blue, green, red."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of a page with text: Visual NLP's Coordinate struct.

    For a rotated region `x`, `y` is its centre; otherwise its top left corner.
    """

    index: int = 0
    page: int = 0
    x: float
    y: float
    width: float
    height: float
    score: float = 1.0
    label: str = ""
    angle: float = 0.0
    rotated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another reading of a word, and the probability that it is right."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A recognized word: its text, mean character probability and rotated box.

    `x` and `y` are the centre of the box, and its width runs along the text; all are pixels. A positive `angle`, in
    degrees, turns it clockwise. `alternatives` are other readings of it, the most probable first, if they were asked
    for.
    """

    text: str
    confidence: float
    x: float
    y: float
    width: float
    height: float
    angle: float
    alternatives: list[Alternative] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A recognized line: its text, mean character probability, rotated box (as that of a `Word`) and words.

    Lines with the same `row` are side by side on the page (the fields of a form) and share a line of the text.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """A character and its upright box, top left corner first: an entry of Visual NLP's PageMatrix."""

    c: str
    x: float
    y: float
    width: float
    height: float
    fontSize: int  # noqa: N815 - Visual NLP's name
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMatrix:
    """The characters of a page, as Visual NLP's positions have them."""

    mapping: list[Character]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crops:
    """Line pictures of a page, packed for transfer from the detector's process to the recognizer's.

    Attributes:
        pixels: All pictures as bytes, one after the other, each uint8 (height, width, 3), BGR.
        height: The common height in pixels.
        widths: One width per picture.
        segments: float32 (m, 8) as bytes. A picture shows one or more boxes of the page side by side. Each has:
            its picture, its first and last pixel column there, and centre x, centre y, width, height and angle on the
            page.
        dividers: float32 (k, 5) as bytes: boxes around what divides columns on the page, such as rules.
    """

    pixels: bytes
    height: int
    widths: list[int]
    segments: bytes
    dividers: bytes = b""

    def pictures(self) -> list[Pixels]:
        """The pictures, as read-only views of `pixels`."""
        flat = np.frombuffer(self.pixels, np.uint8).reshape(-1, 3)
        ends = np.cumsum(self.widths, dtype=np.int64) * self.height
        return [
            flat[end - width * self.height : end].reshape(self.height, width, 3)
            for end, width in zip(ends, self.widths, strict=True)
        ]

    def segment_table(self) -> npt.NDArray[np.float32]:
        """The segments as float32 (m, 8)."""
        return np.frombuffer(self.segments, np.float32).reshape(-1, 8)

    def divider_boxes(self) -> Boxes:
        """The dividers as float32 (k, 5)."""
        return np.frombuffer(self.dividers, np.float32).reshape(-1, 5)


def regions_from_boxes(boxes: Boxes, scores: Sequence[float], page: int) -> list[Region]:
    """Rotated boxes (n, 5) as regions, numbered in their order."""
    return [
        Region(index=index, page=page, score=float(score), rotated=True, **place_of(box))
        for index, (box, score) in enumerate(zip(boxes.tolist(), scores, strict=True))
    ]


def place_of(box: Iterable[float]) -> dict[str, Any]:
    """The fields of a record that say where it is, from its box (5,)."""
    return dict(zip(("x", "y", "width", "height", "angle"), box, strict=True))


def boxes_of(records: Sequence[Word | Line]) -> Boxes:
    """The boxes (n, 5) of lines or words."""
    return np.array([(r.x, r.y, r.width, r.height, r.angle) for r in records], np.float32).reshape(-1, 5)


def confidence_of(records: Sequence[Word | Line]) -> float:
    """The mean character probability of words or lines, of which there is at least one."""
    weights = [len(record.text) for record in records]
    return float(np.average([record.confidence for record in records], weights=weights))


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


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The roles of a pipeline's columns, whatever their names.

    Attributes:
        columns: The column that plays a role, by the role's name; a role missing here is played by the column of
            its name.
        further: Columns without a role, which outputs keep under their own names.
    """

    columns: Mapping[str, str]
    further: tuple[str, ...] = ()


USUAL = Roles(columns={"regions": "text_regions", "picture": "image_with_regions"})
"""The roles of the stages' columns under their default names."""


class PageRecord(Mapping[str, Any]):
    """A finished page: its columns by name (`page["text"]`), and as attributes, whatever their names.

    `raypipe.Page` is one that can be written in any output format.

    Args:
        row: The columns.
        roles: Which of them play `text`, `lines` and so on.
    """

    def __init__(self, row: Row, roles: Roles = USUAL) -> None:
        self._row, self._roles = row, roles

    def __getitem__(self, column: str) -> Any:
        return self._row[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)

    def __repr__(self) -> str:
        state = self.exception or counted(len(self.text), "character")
        return f"Page({self.path!r}, pagenum={self.pagenum}, {state})"

    @property
    def path(self) -> str:
        """Where the page came from."""
        return str(self._row["path"])

    @property
    def name(self) -> str:
        """The document's name, after which its files are named."""
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
    def image(self) -> Any:
        """The page's picture, an `Image`; None if it was not opened or not kept."""
        return self._playing("image")

    @property
    def width(self) -> int | None:
        """Width of the upright page in pixels; None if the picture was not opened or not kept."""
        return self._side("width")

    @property
    def height(self) -> int | None:
        """Height of the upright page in pixels; None if the picture was not opened or not kept."""
        return self._side("height")

    def _side(self, name: str) -> int | None:
        return getattr(self.image, name) if self.image else self._row.get(name)

    @property
    def text(self) -> str:
        """The recognized text, with one line per row of the page; empty if there is none."""
        return str(self._playing("text") or "")

    @property
    def language(self) -> str | None:
        """Code of the language whose words guided the reading, such as `en`; None if unknown, or several."""
        return self._playing("language")

    @property
    def lines(self) -> list[Line]:
        """The recognized lines in reading order."""
        return list(self._playing("lines") or [])

    @property
    def text_source(self) -> str:
        """Where the text is from: `ocr`, what was read in the picture, or `layer`, what a PDF itself holds."""
        return str(self._playing("text_source") or "ocr")

    @property
    def turned(self) -> int:
        """Degrees, clockwise, by which the page was turned to be read: 0, 90, 180 or 270.

        Boxes are in the pixels of the file as it is, after EXIF orientation; see `upright_lines` for the others.
        """
        return int(self._playing("turned") or 0)

    @property
    def upright_lines(self) -> list[Line]:
        """The lines, with boxes in the pixels of the page as it was read, which is turned by `turned`.

        Raises:
            ValueError: The page was turned and its size is not known, since its picture was not kept.
        """
        if not self.turned:
            return self.lines
        if self.width is None or self.height is None:
            raise ValueError(f"The size of {self.path} is not known: keep its picture, with keep_input=True.")
        return [_turned(line, self.turned, self.width, self.height) for line in self.lines]

    @property
    def regions(self) -> list[Region]:
        """The detected regions."""
        return list(self._playing("regions") or [])

    @property
    def confidence(self) -> float | None:
        """Mean character probability of the page, 0 to 1; None if there is no text."""
        values = self._playing("confidence") or []
        return float(values[0]) if values else None

    @property
    def overlay(self) -> str | None:
        """Path or URI of the picture with its regions, if one was saved."""
        return self._playing("overlay")

    @property
    def picture(self) -> bytes | None:
        """The picture with its regions, encoded, if one was drawn and not saved."""
        return self._playing("picture")

    @property
    def exception(self) -> str | None:
        """What went wrong: stage, code, message and remedy; None if nothing did."""
        return self._row.get("exception")

    @property
    def reading_seconds(self) -> float | None:
        """How long its stages took, divided equally among pages that were read together; None if unknown."""
        value = self._playing("reading_seconds")
        return None if value is None else float(value)

    @property
    def further(self) -> dict[str, Any]:
        """The columns of your own stages that outputs keep, by name."""
        return {name: self._row[name] for name in self._roles.further if name in self._row}

    def _playing(self, role: str) -> Any | None:
        return self._row.get(self._roles.columns.get(role, role))


R = TypeVar("R", Line, Word)


def _turned(record: R, degrees: int, width: float, height: float) -> R:
    """A line or word on a page of this size when the page is turned clockwise by 90, 180 or 270 degrees."""
    x, y = record.x, record.y
    x, y = {90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}[degrees]
    angle = (record.angle + degrees + 180) % 360 - 180
    if isinstance(record, Line):
        words = [_turned(word, degrees, width, height) for word in record.words]
        return replace(record, x=x, y=y, angle=angle, words=words)
    return replace(record, x=x, y=y, angle=angle)
