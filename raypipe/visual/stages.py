"""Stages that only Visual NLP's programs need: what its stages do beyond raypipe's."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from xml.etree import ElementTree

import pyarrow as pa
from pydantic import Field
from typing_extensions import override

from raypipe.columns import CONFIDENCE, INTEGER, LINES, POSITIONS, RECOGNIZED, REGIONS, TEXT, Column, arrow_of
from raypipe.errors import PageError
from raypipe.images.image import BGR, IMAGE, Image
from raypipe.outputs.formats import text_columns
from raypipe.outputs.positions import positions
from raypipe.stages.base import Stage, Step, Worker
from raypipe.stages.draw import ImageDrawRegions, ImageFormat, RegionDrawer, encode
from raypipe.types import PageRecord, Pixels, Region, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A piece of text: Spark NLP's Annotation struct. `begin` and `end` are its first and last character."""

    annotatorType: str  # noqa: N815 - Spark NLP's name
    begin: int
    end: int
    result: str
    metadata: dict[str, str] = field(default_factory=dict)
    embeddings: list[float] = field(default_factory=list)


ANNOTATIONS = Column(
    pa.list_(arrow_of(Annotation)),
    decode=lambda values: [Annotation(**{**each, "metadata": dict(each["metadata"])}) for each in values],
    encode=lambda annotations: [{**asdict(each), "metadata": [*each.metadata.items()]} for each in annotations],
    empty=list,
)
"""Annotations of a page."""


def full_size(image: Image) -> Image:
    """A picture, to be decoded at its full resolution."""
    exact = image.reduction == 1 and not image.omitted_bits
    return image if exact else replace(image, reduction=1, omitted_bits=0, cached=None)


def picture_of(pixels: Pixels, like: Image, image_format: str = "png") -> Image:
    """Pixels as a picture that was made from another one."""
    return Image(
        origin=like.origin,
        page=0,
        width=pixels.shape[1],
        height=pixels.shape[0],
        mode=like.mode,
        resolution=like.resolution,
        data=encode(pixels, image_format),
        in_memory=True,
    )


class PageNumberer(Worker["PageNumber"]):
    """Copies each page's number."""

    @override
    def process_page(self, row: Row) -> None:
        row[self.spec.output_col] = row["pagenum"]


class PageNumber(Stage):
    """Copies a page's number to a column of another name."""

    output_col: str = Field("pagenum", description="number of the page in its document, from 0")

    @override
    def steps(self) -> tuple[Step, ...]:
        return (Step(stage=self, worker=PageNumberer, reads={"pagenum": INTEGER}, writes={self.output_col: INTEGER}),)


class RegionPainter(RegionDrawer):
    """Draws over each page, at its full resolution."""

    @override
    def process_page(self, row: Row) -> None:
        image = full_size(row[self.spec.input_col])
        row[self.spec.output_col] = replace(picture_of(self.drawn(image, row), image, self.spec.image_format), mode=BGR)


class DrawRegions(ImageDrawRegions):
    """raypipe's stage, whose result is a picture for further stages, as large as the page."""

    image_format: ImageFormat = Field("png", description="how the result is encoded")

    @property
    @override
    def name(self) -> str:
        return "ImageDrawRegions"

    @override
    def steps(self) -> tuple[Step, ...]:
        (step,) = super().steps()
        return (replace(step, worker=RegionPainter, writes={self.output_col: replace(IMAGE, role=None)}),)


class HocrReader(Worker["HocrTokens"]):
    """Extracts the words from each page's hOCR."""

    @override
    def process_page(self, row: Row) -> None:
        row[self.spec.output_col] = tokens(row[self.spec.input_col] or "")


class HocrTokens(Stage):
    """Turns hOCR into annotations: one for each word, with its place on the page."""

    input_col: str = Field("hocr", description="hOCR of the page")
    output_col: str = Field("token", description="its words")

    @property
    @override
    def name(self) -> str:
        return "HocrTokenizer"

    @override
    def steps(self) -> tuple[Step, ...]:
        reads, writes = {self.input_col: TEXT}, {self.output_col: ANNOTATIONS}
        return (Step(stage=self, worker=HocrReader, reads=reads, writes=writes),)


def tokens(hocr: str) -> list[Annotation]:
    """The words of hOCR, with `x`, `y` (top left), `width`, `height`, `confidence` and `word` in their metadata.

    Raises:
        PageError: It is not well-formed, or a word has no place.
    """
    if not hocr:
        return []
    try:
        words = [each for each in ElementTree.fromstring(hocr).iter() if each.get("class") == "ocrx_word"]
        titled = [("".join(word.itertext()), _properties(word.get("title", ""))) for word in words]
        boxes = [[int(value) for value in properties["bbox"].split()] for _, properties in titled]
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise PageError("hocr_damaged", f"The hOCR cannot be parsed: {error}.", "Give a column of hOCR.") from error
    annotations: list[Annotation] = []
    begin = 0
    for number, ((text, properties), (left, top, right, bottom)) in enumerate(zip(titled, boxes, strict=True)):
        place = {"x": left, "y": top, "width": right - left, "height": bottom - top, "word": number}
        metadata = {name: str(value) for name, value in place.items()}
        metadata["confidence"] = properties.get("x_wconf", "0")
        end = begin + len(text) - 1
        annotations.append(Annotation(annotatorType="token", begin=begin, end=end, result=text, metadata=metadata))
        begin = end + 2
    return annotations


def _properties(title: str) -> dict[str, str]:
    """The properties in an hOCR title, such as `bbox 0 0 9 9; x_wconf 90`, by name."""
    return {name: value for name, _, value in (each.strip().partition(" ") for each in title.split(";"))}


class AnnotationPlacer(Worker["AnnotationRegions"]):
    """Extracts the places of each page's annotations."""

    @override
    def process_page(self, row: Row) -> None:
        row[self.spec.output_col] = [_region(each) for each in row[self.spec.input_col]]


class AnnotationRegions(Stage):
    """Turns annotations with places in their metadata into regions."""

    input_col: str = Field("token", description="annotations")
    output_col: str = Field("token_regions", description="their regions")

    @property
    @override
    def name(self) -> str:
        return "ImageDrawAnnotations"

    @override
    def steps(self) -> tuple[Step, ...]:
        reads, writes = {self.input_col: ANNOTATIONS}, {self.output_col: REGIONS}
        return (Step(stage=self, worker=AnnotationPlacer, reads=reads, writes=writes),)


def _region(annotation: Annotation) -> Region:
    try:
        x, y, width, height = (float(annotation.metadata[name]) for name in ("x", "y", "width", "height"))
    except KeyError as error:
        raise PageError(
            "annotation_without_place",
            f"The annotation {annotation.result!r} has no {error} in its metadata.",
            "Give annotations of HocrTokenizer.",
        ) from error
    return Region(x=x, y=y, width=width, height=height)


class WordChooser(Worker["ConfidentWords"]):
    """Removes doubtful words."""

    @override
    def process_page(self, row: Row) -> None:
        spec, column = self.spec, text_columns()[self.spec.output_format]
        lines = []
        for line in row[spec.lines_col]:
            words = [word for word in line.words if 100 * word.confidence >= spec.threshold]
            if words:
                lines.append(replace(line, words=words, text=" ".join(word.text for word in words)))
        row[spec.lines_col] = lines
        page = PageRecord({**row, "lines": lines, "image": row[spec.input_col]})
        row[spec.output_col] = column.text(page, spec.include_confidence)


class ConfidentWords(Stage):
    """Removes words whose confidence is below a threshold, from the lines and from the text made of them."""

    input_col: str = "image"
    lines_col: str = "lines"
    output_col: str = "text"
    output_format: str = "text"
    include_confidence: bool = False
    keep_input: bool = True
    threshold: float = Field(0, ge=0, le=100, description="least confidence of a word, 0 to 100")

    @override
    def steps(self) -> tuple[Step, ...]:
        # Read, and changed in place: columns that a step writes are empty when it begins.
        changed = {self.lines_col: LINES, self.output_col: RECOGNIZED}
        drops = () if self.keep_input else (self.input_col,)
        reads = {**changed, self.input_col: IMAGE}
        return (Step(stage=self, worker=WordChooser, reads=reads, writes={}, drops=drops),)


class TesseractWriter(Worker["TesseractColumns"]):
    """Fills in what Tesseract's stage gives."""

    @override
    def process_page(self, row: Row) -> None:
        spec = self.spec
        values = row[spec.shares_col]
        row[spec.confidence_col] = 100 * values[0] if values else None
        row[spec.positions_col] = positions(row[spec.lines_col])


class TesseractColumns(Stage):
    """Gives a page what Tesseract's stage gives, whatever its text looks like.

    Its positions, and its confidence as one number, 0 to 100, which is null if it is not included or nothing is read.
    """

    lines_col: str = "lines"
    positions_col: str = "positions"
    shares_col: str = "confidence_share"
    confidence_col: str = "confidence"

    @override
    def steps(self) -> tuple[Step, ...]:
        reads = {self.lines_col: LINES, self.shares_col: CONFIDENCE}
        writes = {self.positions_col: POSITIONS, self.confidence_col: Column(pa.float64())}
        return (Step(stage=self, worker=TesseractWriter, reads=reads, writes=writes),)
