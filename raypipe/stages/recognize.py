"""ImageToText: from the text regions of a picture to text.

Cutting lines out needs the picture and reading them needs the model: two steps that may run in different processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, ClassVar, NamedTuple, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator
from typing_extensions import override

from raypipe.columns import (
    CONFIDENCE,
    CROPS,
    LANGUAGE,
    LINES,
    LINES_WITH_ALTERNATIVES,
    NULLABLE_TEXT,
    POSITIONS,
    RECOGNIZED,
    REGIONS,
    TURNED,
    Column,
)
from raypipe.errors import ConfigError
from raypipe.images.image import IMAGE, Image
from raypipe.layout.lines import arrange, fold_of
from raypipe.layout.spreads import Spread, parted
from raypipe.outputs.formats import text_columns
from raypipe.recognition.base import (
    Decoder,
    PageReading,
    PageRecognizer,
    Reading,
    Recognizer,
    RecognizerOptions,
    read_pages,
)
from raypipe.recognition.ctc.lexicon import own_words
from raypipe.recognition.families import FAMILIES, batch_shapes, picture_size
from raypipe.stages import crops as line_pictures
from raypipe.stages import sample
from raypipe.stages.base import ModelName, ModelStage, Step, Worker
from raypipe.stages.folds import unfolded
from raypipe.stages.long import shortened
from raypipe.stages.quarters import laid_by_reading
from raypipe.stages.reverse import from_reverse, front_alone
from raypipe.stages.specks import guesses, specks
from raypipe.stages.text_layer import arranged
from raypipe.stages.unread import unread, unsure
from raypipe.stages.upright import Read, certainty, righted, turn_of
from raypipe.types import Boxes, Crops, Line, PageRecord, Row, boxes_from_regions, boxes_of, confidence_of
from raypipe.zoo import manifest
from raypipe.zoo.manifest import AUTO

CROPS_COLUMN = "crops"
GUTTER, PLACE = "gutter", Column(pa.float32())
"""The column that says where two pages meet."""
NEEDS = {
    "group_images": "regions_column",
    "border_width": "regions_column",
    "double_pages": "regions_column",
    "space_width": "group_images",
}
"""Parameters that have no effect without another one."""
NOTHING = Reading("", [], [])
MOST_ALTERNATIVES = 10
"""The search keeps few more different readings."""


class LineCropper(Worker["ImageToText"]):
    """Cuts the lines of each page out of its picture."""

    @override
    def setup(self) -> None:
        self._size = picture_size(self.spec.resolved)

    @override
    def warm_up(self) -> None:
        line_pictures.cut(
            sample.image(), sample.boxes(), *self._size, self.spec.border_width, self.spec.space_width, None
        )

    @override
    def process_page(self, row: Row) -> None:
        image: Image = row[self.spec.input_col]
        if image.lines is not None:
            row[CROPS_COLUMN] = line_pictures.none(self._size[0])
            return
        with self.metrics.timed("decode_seconds"):
            image.pixels()
        with self.metrics.timed("cut_seconds"):
            row[CROPS_COLUMN] = self._cut(image, row)

    def _cut(self, image: Image, row: Row) -> Crops:
        spec = self.spec
        regions = row[spec.regions_column] if spec.regions_column else None
        boxes = boxes_from_regions(regions or ()) if spec.regions_column else _whole(image)
        boxes = shortened(image, boxes)
        boxes = parted(boxes, fold_of(boxes, spec.spread(image)))
        spread = fold_of(boxes, spec.spread(image))
        layout = arrange(boxes, spec.line_tolerance, spread=spread) if spec.group_images else None
        border = spec.border_width if spec.regions_column else 0
        return line_pictures.cut(image, boxes, *self._size, border, spec.space_width, layout)


class Found(NamedTuple):
    """What is read on a page: its lines, the language whose words guided that, and why it can hardly be read, if so."""

    lines: list[Line]
    language: str | None
    warning: str = ""


class TextReader(Worker["ImageToText"]):
    """Reads the lines of all pages of a call together."""

    @override
    def setup(self) -> None:
        spec = self.spec
        model = spec.running
        threads = spec.task_parallelism or self.threads
        family = FAMILIES[model.family]
        given = {name: value for name in family.options if (value := getattr(spec, name)) is not None}
        options = RecognizerOptions(language=spec.language, **given)
        self._recognizer: Recognizer = family.open(
            model, options, lambda source: spec.session(source, threads, self.metrics, batch_shapes(model))
        )

    @override
    def warm_up(self) -> None:
        self._recognizer.read(sample.lines(picture_size(self.spec.resolved)[0]), self.spec.batch_size)

    @override
    def process(self, rows: Sequence[Row]) -> None:
        spec = self.spec
        pages = [row[CROPS_COLUMN].pictures() for row in rows]
        for row, page in zip(rows, read_pages(self._recognizer, spec.guide, pages, spec.batch_size), strict=True):
            image: Image = row[spec.input_col]
            if image.lines is not None:
                found = Found(arranged(image.lines, spec.spread(image)), spec.guide)
            else:
                found = self._lines(image, row[CROPS_COLUMN], page)
            self._fill(row, found)
            self._warn(row, image.origin, found.warning)

    def _laid(self, image: Image, crops: Crops, readings: list[Reading], read: Read) -> tuple[Crops, list[Reading]]:
        """The pictures of a page and their readings, those of regions that were cut out on their side turned."""
        spec = self.spec
        if not spec.regions_column or spec.group_images:
            return crops, readings
        size = picture_size(spec.resolved)

        def cut(boxes: Boxes) -> Crops:
            return line_pictures.cut(image, boxes, *size, 0, spec.space_width)

        return laid_by_reading(crops, readings, read, cut, self._recognizer.doubtful)

    def _lines(self, image: Image, cut: Crops, page: PageReading) -> Found:
        """What is read: upside-down lines are turned, specks, guesses and lines from the reverse are left out."""
        doubtful, size = self._recognizer.doubtful, self.spec.spread(image)
        read = partial(page.recognizer.read, batch_size=self.spec.batch_size)
        crops, readings = self._laid(image, cut, page.readings, read)
        spots = specks(crops, readings, doubtful)
        reverse = from_reverse(crops, readings, read, doubtful)
        crops, readings = righted(crops, readings, read, doubtful, [*reverse, *spots])
        language = page.language
        if crops is not cut and certainty(page.readings) < doubtful:
            language, readings = self._in_its_language(crops, readings, language)
        warning = unread(crops, readings)
        readings = front_alone(crops, readings, reverse, doubtful)
        for n in spots:
            readings[n] = NOTHING
        guessed = guesses(readings, doubtful) if self.spec.regions_column else []
        for n in guessed:
            readings[n] = NOTHING
        self.metrics.add("lines_from_reverse_total", len(reverse))
        self.metrics.add("specks_total", len(spots))
        self.metrics.add("guesses_total", len(guessed))
        tolerance = self.spec.line_tolerance
        lines = line_pictures.assemble(crops, readings, tolerance, size)
        lines = unfolded(lines, tolerance, size, crops.divider_boxes())
        return Found(lines, language, warning or unsure(lines))

    def _in_its_language(
        self, crops: Crops, readings: list[Reading], language: str | None
    ) -> tuple[str | None, list[Reading]]:
        """The language of a page that can be read since it was turned, and its readings in it."""
        if not isinstance(self._recognizer, PageRecognizer):
            return language, readings
        (page,) = self._recognizer.read_pages([crops.pictures()], self.spec.batch_size)
        return (language, readings) if page.language == language else (page.language, page.readings)

    def _warn(self, row: Row, origin: str, warning: str) -> None:
        """Adds to what is said of the page's file."""
        if warning:
            row[self.spec.warning_col] = " ".join(
                filter(None, (row.get(self.spec.warning_col), f"{origin}: {warning}."))
            )

    def _fill(self, row: Row, found: Found) -> None:
        spec, lines = self.spec, found.lines
        row[spec.lines_col] = lines
        row[spec.language_col] = _tag(found.language)
        row[spec.turned_col] = turn_of(lines)
        if spread := fold_of(boxes_of(lines), spec.spread(row[spec.input_col])):
            row[GUTTER] = spread.place
        column = text_columns()[spec.output_format]
        page = PageRecord({**row, "lines": lines, "image": row[spec.input_col]})
        row[spec.output_col] = column.text(page, spec.include_confidence)
        if column.positions:
            row[spec.positions_col] = column.positions(lines)
        if spec.include_confidence and lines:
            row[spec.confidence_col] = [confidence_of(lines)]
        self.metrics.add("lines_total", len(lines))


def _tag(language: str | None) -> str | None:
    """The language tag of documents (BCP 47); None for a script."""
    return language if language and len(language) in (2, 3) else None


def _whole(image: Image) -> Boxes:
    return np.array([[image.width / 2, image.height / 2, image.width, image.height, 0]], np.float32)


BorderWidth = Annotated[int, Field(ge=0, description="pixels of the page around a region that are read with it")]
IncludeConfidence = Annotated[bool, Field(description="fill in the confidence column")]


class ImageToText(ModelStage):
    """Reads the text of a picture's regions, or of the whole picture as one line."""

    task: ClassVar = "recognition"
    families: ClassVar = FAMILIES

    model: ModelName = "ocr_small_handwritten_v2_opt"
    language: str = Field(
        AUTO,
        description="language whose words guide the reading, if there is a list of them; `auto`: that of each page, "
        "English where it is in doubt; `latin`: texts in several languages",
    )
    decoder: Decoder | None = Field(
        None,
        description="beam: known words of the language guide the reading, if there is a list of them; greedy: letters "
        "alone; None: beam (CTC models)",
    )
    lexicon: str | None = Field(None, description="text file with your own names and terms, for beam search")
    alternatives: int | None = Field(
        None,
        ge=1,
        le=MOST_ALTERNATIVES,
        description="most other readings to give for each word, with their confidences, by beam search; None: none",
    )
    input_col: str = Field("image", description="the picture")
    regions_column: str | None = Field(
        "text_regions", description="the regions to read; None: the whole picture is one line"
    )
    output_col: str = Field("text", description="the text")
    lines_col: str = Field("lines", description="lines and words with confidences and boxes")
    positions_col: str = Field("positions", description="characters with boxes, for text_with_positions")
    confidence_col: str = Field("confidence", description="mean character probability of the page")
    turned_col: str = Field(
        "turned", description="degrees, clockwise, by which the page was turned to be read: 0, 90, 180 or 270"
    )
    language_col: str = Field(
        "language",
        description="code of the language whose words guided the reading, such as en; null: unknown, or latin",
    )
    warning_col: str = Field(
        "warning",
        description="what is there already, and that a page can hardly be read, as in another script than Latin; null "
        "if nothing",
    )
    group_images: bool = Field(False, description="read the regions of a line as one picture")
    line_tolerance: int = Field(
        15,
        ge=0,
        description="regions up to this many pixels apart vertically may share a line; 0: only if they overlap",
    )
    double_pages: bool = Field(
        False,
        description="of two pages in a picture, such as an open book, read the left one first; the column gutter says "
        "where they meet, in pixels from the left, and is null for one page",
    )
    border_width: BorderWidth = 0
    space_width: int = Field(10, ge=0, description="pixels of paper added between the regions of a grouped line")
    output_format: str = Field(
        "text",
        description="what the text column holds",
        json_schema_extra=lambda schema: schema.update(enum=list(text_columns())),
    )
    include_confidence: IncludeConfidence = True
    batch_size: int = Field(
        0,
        ge=0,
        description="most line pictures per call of the model; 0: 64 on a GPU; on a CPU, 8 for TrOCR and 1 for "
        "others, where more is slower",
    )
    use_caching: bool | None = Field(
        None, description="reuse keys and values of earlier tokens: the same text, faster; None: yes (TrOCR)"
    )
    num_beams: int | None = Field(
        None, ge=1, le=64, description="readings of a line kept in parallel; None: 1, the best token each time (TrOCR)"
    )
    task_parallelism: int = Field(0, ge=0, description="CPU threads of the model; 0: as many as the actor's CPUs")
    keep_input: bool = Field(True, description="keep the picture for later stages")

    def _check_effect(self) -> None:
        """Refuses parameters that change nothing. Setters may set regions last, so this waits for the pipeline."""
        for name, other in NEEDS.items():
            if getattr(self, name) != type(self).model_fields[name].default and not getattr(self, other):
                what = f"{self.name}'s {name} has no effect without {other}."
                raise ConfigError(what, f"Leave {name} out, or set {other}.")

    @override
    def steps(self) -> tuple[Step, ...]:
        self._check_effect()
        regions = {self.regions_column: REGIONS} if self.regions_column else {}
        picture = {self.input_col: IMAGE}
        lines = LINES_WITH_ALTERNATIVES if self.alternatives else LINES
        return (
            Step(stage=self, worker=LineCropper, reads={**picture, **regions}, writes={CROPS_COLUMN: CROPS}),
            Step(
                stage=self,
                worker=TextReader,
                reads={CROPS_COLUMN: CROPS, **picture},
                writes={
                    self.output_col: RECOGNIZED,
                    self.lines_col: lines,
                    self.positions_col: POSITIONS,
                    self.confidence_col: CONFIDENCE,
                    self.turned_col: TURNED,
                    self.language_col: LANGUAGE,
                    self.warning_col: NULLABLE_TEXT,
                    **({GUTTER: PLACE} if self.double_pages else {}),
                },
                drops=(CROPS_COLUMN,) if self.keep_input else (CROPS_COLUMN, self.input_col),
                holds_model=True,
            ),
        )

    @property
    def guide(self) -> str | None:
        """The language in which all pages are read; None: that of each page."""
        model = manifest.known(self.model)
        only = model.languages[0] if model and len(model.languages) == 1 else None
        return only if self.language == AUTO else self.language

    @property
    @override
    def resolved(self) -> manifest.Model:
        return manifest.resolve(self.model, self.task, self.language)

    @override
    def check(self) -> None:
        super().check()
        if self.lexicon:
            own_words(self.lexicon)

    def spread(self, image: Image) -> Spread:
        """The width and height of a picture that may show two pages; None: it is taken for one page."""
        return (image.width, image.height) if self.double_pages else None

    @field_validator("output_format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in text_columns():
            raise ValueError(f"choose one of {', '.join(text_columns())}")
        return value

    @field_validator("regions_column")
    @classmethod
    def _none_if_empty(cls, value: str | None) -> str | None:
        return value or None

    @model_validator(mode="after")
    def _reads_the_language(self) -> Self:
        model = manifest.known(self.model)
        if model and not model.reads(self.language):
            raise ConfigError(
                f"{self.model} does not read {self.language!r}.", f"It reads {', '.join(model.languages)}."
            )
        return self

    @model_validator(mode="after")
    def _uses_what_beam_search_uses(self) -> Self:
        words = manifest.words_of(self.language) is not None
        given = [name for name in ("lexicon", "alternatives") if getattr(self, name)]
        given += ["decoder='beam'"] if self.decoder == "beam" and not words else []
        if given and (self.decoder == "greedy" or not words):
            raise ConfigError(
                f"{given[0]} has no effect without beam search in a language with known words.",
                "Leave it out, or choose beam search and a language with a list, such as 'en'.",
            )
        return self

    @classmethod
    @override
    def pretrained(cls, name: str, lang: str = AUTO, **parameters: object) -> Self:
        return super().pretrained(name, lang, **{"language": lang, **parameters})
