"""Visual NLP's stages: its names, parameters and defaults, over raypipe's stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any, ClassVar, Literal, Self, TypeVar

from typing_extensions import override

from raypipe.errors import ConfigError
from raypipe.recognition.families import FAMILIES
from raypipe.stages.base import ModelStage, Stage
from raypipe.stages.decode import BinaryToImage as Decoder
from raypipe.stages.detect import ImageTextDetector as Detector
from raypipe.stages.recognize import NEEDS
from raypipe.stages.recognize import ImageToText as Reader
from raypipe.stages.visual_nlp import ImageTextDetectorV2 as DetectorV2
from raypipe.stages.visual_nlp import ImageToTextV2 as ReaderV2
from raypipe.stages.visual_nlp import ImageToTextV2Opt as ReaderV2Opt
from raypipe.types import Row
from raypipe.visual import models, regions
from raypipe.visual.absent import ABSENT, TEXT_LAYERS, AbsentStage
from raypipe.visual.checked import checked
from raypipe.visual.enums import Color, ImageType, Language, OcrOutputFormat, PageSegmentationMode, SplittingStrategy
from raypipe.visual.frame import Frame
from raypipe.visual.once import warn
from raypipe.visual.parameters import Parameter, Parameters, camel, not_needed, not_offered, plain
from raypipe.visual.stages import (
    AnnotationRegions,
    ConfidentWords,
    DrawRegions,
    HocrTokens,
    PageNumber,
    TesseractColumns,
)
from raypipe.zoo import manifest

__all__ = [
    "Base64ToBinary", "Base64ToImage", "BinaryToImage", "HocrTokenizer", "ImageDrawAnnotations", "ImageDrawRegions",
    "ImageSplitRegions", "ImageTextDetector", "ImageTextDetectorCraft", "ImageTextDetectorV2", "ImageToText",
    "ImageToTextOnnx", "ImageToTextV2", "ImageToTextV2Opt", "ImageToTextV3", "ImageToTextV4", "PdfToImage",
]  # fmt: skip
"""Visual NLP's stages; `import *` also gives those of `ABSENT`."""

__all__ += [*ABSENT]

R = TypeVar("R", bound=Stage)
NAMES = str | Sequence[str]
"""The type of parameters that name columns."""
GPU = Parameter(field="use_gpu", note="True: CUDA or an error; False: CPU; None: CUDA if there is a GPU")
NO_PARTITIONS = "raypipe and Ray spread the pages themselves."
"""Why partitions are not needed."""


def __getattr__(name: str) -> AbsentStage:
    """What stands for a stage that Visual NLP has and raypipe does not.

    Raises:
        AttributeError: There is no such thing.
    """
    if name in ABSENT:
        return AbsentStage(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Transformer(Parameters):
    """A stage that adds columns to a frame."""

    def transform(self, frame: Frame) -> Frame:
        """The frame with what the stage adds; nothing is computed yet.

        Raises:
            ConfigError: The frame lacks a column that the stage reads.
        """
        return transformed([self], frame)

    def stages(self) -> list[Stage]:
        """The raypipe stages that do its work."""
        return [self.stage()]

    def hidden(self) -> list[str]:
        """Columns that it adds and Visual NLP does not have: a frame holds them but does not show them."""
        return []


class FrameTransformer(Transformer):
    """A stage that works on the whole frame: it may add or remove rows."""

    def on_frame(self, frame: Frame) -> Frame:
        """The frame with what the stage adds."""
        raise NotImplementedError


def transformed(transformers: Sequence[Transformer], frame: Frame) -> Frame:
    """A frame after several stages; consecutive stages form one pipeline.

    Raises:
        ConfigError: The frame lacks a column that one of them reads.
    """
    if not isinstance(frame, Frame):
        raise ConfigError(f"{frame!r} is not a frame.", "Give what start().read or session.createDataFrame returns.")
    for whole, group in groupby(transformers, lambda each: isinstance(each, FrameTransformer)):
        members = list(group)
        if whole:
            for each in members:
                frame = each.on_frame(frame)
            continue
        shows_pages = any(isinstance(each, PdfToImage) for each in members)
        hidden = {"name", "reading_seconds", *(name for each in members for name in each.hidden())} | (
            set() if shows_pages or "total_pages" in frame.columns else {"total_pages"}
        )
        frame = frame.through([stage for each in members for stage in each.stages()], hidden)
    return frame


class ModelTransformer(Transformer):
    """A stage with a model."""

    @classmethod
    @checked
    def pretrained(cls, name: str | None = None, lang: str = "en", remote_loc: str | None = None) -> Self:
        """The stage with a model that is on this machine, by Visual NLP's name or raypipe's; None: the stage's own.

        It must read the language. Nothing is downloaded, as `raypipe models pull NAME` does: `remote_loc` is not
        needed.

        Raises:
            ModelError: The model is not on this machine, and no substitute is allowed.
        """
        spec = cls.spec
        assert spec and issubclass(spec, ModelStage)
        usual = str(spec.model_fields["model"].default)
        made = cls()
        made.set("model", models.local(name or usual, spec.task, lang, usual))
        if "language" in spec.model_fields:
            made.set("language", lang)
        return made


class BinaryToImage(Transformer):
    """Turns encoded bytes into a picture. Each page of a TIFF is its own row."""

    spec = Decoder
    own: ClassVar[Mapping[str, Parameter]] = {
        "imageType": Parameter(default=ImageType.TYPE_BYTE_GRAY, field="image_type", note="grey or colour"),
        "pageNumCol": Parameter(default="pagenum", note="column for the number of the page, from 0"),
        "imageDimsCol": not_offered("The picture's width and height are fields of its column.", None),
        "compressImage": not_offered("It is for vision language models, which raypipe does not run.", False),
    }

    @override
    def stages(self) -> list[Stage]:
        number = self.getOrDefault("pageNumCol")
        return [self.stage(), *([PageNumber(output_col=number)] if number != "pagenum" else [])]

    @override
    def hidden(self) -> list[str]:
        warning: str = self.getOrDefault("warningCol")
        return [warning, "pagenum"] if self.getOrDefault("pageNumCol") != "pagenum" else [warning]

    @override
    def check(self) -> None:
        PageNumber.model_validate({"output_col": self.getOrDefault("pageNumCol")})
        super().check()


class PdfToImage(BinaryToImage):
    """Draws the pages of PDFs, each of which is its own row."""

    own: ClassVar[Mapping[str, Parameter]] = {
        "resolution": Parameter(default=300, field="resolution", note="dots per inch at which pages are drawn"),
        "splitPage": not_offered("Each page is always a row of its own, which is what scales.", True),
        "fallBackCol": not_offered(f"{TEXT_LAYERS}.", None),
        "minSizeBeforeFallback": not_offered("It has no effect without fallBackCol.", 10),
        "partitionNum": not_needed(0, NO_PARTITIONS),
        "partitionNumAfterSplit": not_needed(0, NO_PARTITIONS),
        "splitNumBatch": not_needed(0, NO_PARTITIONS),
        "splittingStategy": not_needed(SplittingStrategy.FIXED_SIZE_OF_PARTITION, NO_PARTITIONS),
        "binarization": not_offered("The models read greys better than black and white.", False),
        "binarizationParams": not_offered("It has no effect without binarization.", None),
        "maxImageWidth": not_offered("Use setResolution; detectors scale pictures down, see setWidth.", 0),
    }


THRESHOLDS = {"scoreThreshold": "score", "textThreshold": "text", "linkThreshold": "link"}


class ImageTextDetectorV2(ModelTransformer):
    """Finds the words of a picture, or its lines with the refiner."""

    spec = DetectorV2
    own: ClassVar[Mapping[str, Parameter]] = {
        "useGPU": GPU,
        "forceProcessing": not_needed(False, "cache() keeps what several consumers need."),
        "height": not_offered("Pictures keep their proportions; setWidth sets their longer side.", 0),
    }

    @override
    def getOrDefault(self, name: str) -> Any:
        """The value of a parameter, as it was set, or its default: for a threshold, that of the model."""
        if name in THRESHOLDS and name not in self._values:
            stage = self.stage()
            assert isinstance(stage, Detector)
            return getattr(stage.thresholds(), THRESHOLDS[name])
        return super().getOrDefault(name)


class ImageTextDetector(ImageTextDetectorV2):
    """Another name for `ImageTextDetectorV2`."""


class ImageTextDetectorCraft(ImageTextDetectorV2):
    """Another name for `ImageTextDetectorV2`."""


def _effective(transformer: Parameters, reader: R) -> R:
    """A reader without parameters that change nothing in it, which Visual NLP ignores and raypipe refuses."""
    for name, other in NEEDS.items():
        default = type(reader).model_fields[name].default
        if getattr(reader, name) != default and not getattr(reader, other):
            warn(f"{type(transformer).__name__}: {camel(name)} has no effect without {camel(other)}.")
            reader = reader.model_copy(update={name: default})
    return reader


class ImageToTextV2(ModelTransformer):
    """Reads the regions of a picture; without a column of regions, the whole picture as one line."""

    spec = ReaderV2
    own: ClassVar[Mapping[str, Parameter]] = {
        "inputCols": Parameter(default=("image",), takes=NAMES, note="the picture, and the regions if there are any"),
        "regionsColumn": Parameter(
            default=None, field="regions_column", note="the regions to read; None: the picture is one line"
        ),
        "outputFormat": Parameter(
            default=OcrOutputFormat.TEXT, field="output_format", note="what the column of the text holds"
        ),
        "useGPU": GPU,
        "usePandasUdf": not_needed(False, "There are no user-defined functions of pandas here."),
    }

    @override
    def set(self, name: str, value: Any) -> Self:
        """Sets a parameter; `inputCols` names the picture and, if there are any, the regions.

        Raises:
            AttributeError: There is no such parameter.
            ConfigError: The value is wrong, or raypipe cannot do what it asks for.
        """
        if name == "inputCols":
            return self._set_inputs(value)
        if name == "useCaching":  # TrOCR keeps what it computed for earlier letters.
            model = manifest.find(self.getOrDefault("model"))
            if "use_caching" not in FAMILIES[model.family].options:
                warn(f"useCaching is accepted and not needed: {model.name} has nothing to keep.")
                return self
        return super().set(name, value)

    def _set_inputs(self, value: Any) -> Self:
        names = [value] if isinstance(value, str) else value
        if isinstance(names, Sequence) and len(names) not in (1, 2):
            raise ConfigError(f"inputCols is {names}.", "Give the picture's column, and that of the regions if any.")
        super().set("inputCols", names)
        self.set("inputCol", names[0])
        return self.set("regionsColumn", names[1]) if len(names) > 1 else self

    @override
    def stages(self) -> list[Stage]:
        return [_effective(self, self.stage())]

    @override
    def hidden(self) -> list[str]:
        return [self.getOrDefault("linesCol"), self.getOrDefault("turnedCol")]


class ImageToTextV2Opt(ImageToTextV2):
    """`ImageToTextV2` with a model in int8."""

    spec = ReaderV2Opt


class ImageToTextOnnx(ImageToTextV2):
    """Another name for `ImageToTextV2`."""


class ImageToTextV3(ImageToTextV2):
    """Reads the regions of a picture, with raypipe's own model."""

    spec = ReaderV2Opt


class ImageToTextV4(ImageToTextV3):
    """Another name for `ImageToTextV3`."""


def _language(value: Any) -> Any:
    """A language's code: `eng` and `ENG` are those of Tesseract."""
    name = str(value).upper()
    return Language[name].value if name in Language.__members__ else value


FINDS_LINES = ("AUTO", "AUTO_OSD", "SINGLE_COLUMN", "SINGLE_BLOCK", "SPARSE_TEXT", "SPARSE_TEXT_OSD")
IS_LINE = ("SINGLE_LINE", "SINGLE_WORD", "SINGLE_CHAR")
"""Tesseract's page segmentation modes, as far as raypipe has them."""


class ImageToText(ModelTransformer):
    """Reads a whole picture: it finds the lines itself, as Tesseract does in Visual NLP, and reads them."""

    spec = Reader
    own: ClassVar[Mapping[str, Parameter]] = {
        "useGPU": GPU,
        "outputFormat": ImageToTextV2.own["outputFormat"],
        "includeConfidence": Parameter(default=True, field="include_confidence", note="fill in the confidence column"),
        "regionsColumn": Parameter(default=None, takes=str | None, note="regions to read; None: it finds them"),
        "language": Parameter(default=Language.ENG, field="language", note="the language", to_field=_language),
        "pageSegMode": Parameter(
            default=PageSegmentationMode.AUTO,
            note="SINGLE_LINE, SINGLE_WORD, SINGLE_CHAR: the picture is one line; others here: it finds the lines",
            allowed=(*FINDS_LINES, *IS_LINE),
        ),
        "confidenceCol": Parameter(
            default="confidence", takes=str, note="mean confidence of the page's characters, 0 to 100"
        ),
        "confidenceThreshold": Parameter(
            default=0, takes=float, note="words with a lower confidence, 0 to 100, are left out"
        ),
        "keepLayout": Parameter(default=False, takes=bool, note="the text keeps the layout of the page"),
        "pageIteratorLevel": not_needed(None, "Positions are those of characters; lines and words are in `lines`."),
        "ocrEngineMode": not_needed(None, "It chooses among Tesseract's engines; setModel chooses among raypipe's."),
        "ignoreResolution": not_needed(False, "Line pictures are scaled to what the model takes."),
        "modelType": not_needed(None, "It chooses among Tesseract's files; setModel chooses among raypipe's."),
        "downloadModelData": not_needed(False, "The models are part of raypipe."),
        "ocrParams": not_offered("They are Tesseract's; explainParams() lists raypipe's.", None, []),
        "pdfCoordinates": not_offered("Positions are pixels: points are pixels * 72 / resolution.", False),
        "withSpaces": not_offered("Positions are those of visible characters.", False),
        "outputSpaceCharacterWidth": not_offered("keepLayout measures the characters themselves.", 8),
    }

    @override
    def stages(self) -> list[Stage]:
        reader, given = self.stage(), self.getOrDefault("regionsColumn")
        assert isinstance(reader, Reader)
        is_line = plain(self.getOrDefault("pageSegMode")) in IS_LINE
        found = None if is_line else given or f"{reader.output_col}_regions"
        if is_line and given:
            warn(f"{type(self).__name__}: regionsColumn has no effect, since pageSegMode takes the picture for a line.")
        threshold, columns = self.getOrDefault("confidenceThreshold"), self._columns(reader)
        image = reader.input_col
        changed = {
            "regions_column": found,
            "keep_input": reader.keep_input or bool(threshold),
            "confidence_col": columns.shares_col,
        }
        if self.getOrDefault("keepLayout"):
            changed["output_format"] = "formatted_text"
        reader = _effective(self, reader.model_copy(update=changed))
        detectors = [Detector(input_col=image, output_col=found, use_gpu=reader.use_gpu)] if found and not given else []
        return [*detectors, reader, *self._choosers(reader, threshold), columns]

    def _columns(self, reader: Reader) -> TesseractColumns:
        name = self.getOrDefault("confidenceCol")
        return TesseractColumns(
            lines_col=reader.lines_col,
            positions_col=reader.positions_col,
            shares_col=f"{name}_share",
            confidence_col=name,
        )

    def _choosers(self, reader: Reader, threshold: float) -> list[Stage]:
        if not threshold:
            return []
        shared = set(ConfidentWords.model_fields) & set(Reader.model_fields)
        values = {name: getattr(reader, name) for name in shared}
        return [ConfidentWords(**{**values, "keep_input": self.getOrDefault("keepInput")}, threshold=threshold)]

    @override
    def hidden(self) -> list[str]:
        lines, turned, text, confidence = map(
            self.getOrDefault, ("linesCol", "turnedCol", "outputCol", "confidenceCol")
        )
        return [lines, turned, f"{text}_regions", f"{confidence}_share"]


DRAWING = {
    "rectColor": Parameter(default=Color["black"], field="rect_color", note="colour of the outlines"),
    "lineWidth": Parameter(
        default=4,
        field="line_width",
        note="width of the outlines in pixels; 0: none; of no effect with filledRect, which draws none",
    ),
}
PATCHES = (
    "patchImages", "inputChunkMappingCol", "fontStyle", "fontName", "dynamicColor", "patchBackgroundColor",
    "patchTextColor", "blackList", "redactionEntityList", "useContrastTextColor",
)  # fmt: skip
"""Parameters of what Visual NLP writes in the place of regions."""
NO_PATCHES = not_offered("raypipe hides regions with setFilledRect(True), and writes nothing in their place.", None)


class ImageDrawRegions(Transformer):
    """Draws regions over a picture; the result is a picture, too."""

    spec = DrawRegions
    own: ClassVar[Mapping[str, Parameter]] = {
        "inputRegionsCol": Parameter(default="region", field="input_regions_col", note="the regions"),
        **DRAWING,
        "colorMap": Parameter(
            default=None,
            takes=Mapping[str, Any] | Literal["*"] | None,
            field="label_colors",
            note='colours by label, or "*": rectColor for all',
            to_field=lambda value: () if value in (None, "*") else tuple(value.items()),
        ),
        "scaleBoundingBoxes": not_offered("Regions are pixels of the picture: scale them before.", False),
        "sourceImageHeightCol": not_offered("It has no effect without scaleBoundingBoxes.", "height_dimension"),
        "sourceImageWidthCol": not_offered("It has no effect without scaleBoundingBoxes.", "width_dimension"),
        **dict.fromkeys(PATCHES, NO_PATCHES),
    }

    def setRegionCol(self, value: str) -> Self:  # noqa: N802
        """Another name for `setInputRegionsCol`."""
        return self.set("inputRegionsCol", value)


class ImageDrawAnnotations(Transformer):
    """Draws the places of annotations over a picture."""

    spec = DrawRegions
    own: ClassVar[Mapping[str, Parameter]] = {
        **DRAWING,
        "inputChunksCol": Parameter(
            default="region", takes=str, note="annotations with places, such as those of HocrTokenizer"
        ),
        "outputCol": Parameter(default="image_with_chunks", field="output_col", note="the picture with the drawing"),
    }

    @override
    def stages(self) -> list[Stage]:
        chunks, drawing = self.getOrDefault("inputChunksCol"), self.stage()
        places = f"{chunks}_regions"
        return [
            AnnotationRegions(input_col=chunks, output_col=places),
            drawing.model_copy(update={"input_regions_col": places}),
        ]

    @override
    def hidden(self) -> list[str]:
        return [f"{self.getOrDefault('inputChunksCol')}_regions"]


class HocrTokenizer(Transformer):
    """Turns hOCR into annotations: one for each word, with its place on the page."""

    spec = HocrTokens


class ImageSplitRegions(FrameTransformer):
    """Cuts the regions out of a picture: a row for each."""

    own: ClassVar[Mapping[str, Parameter]] = {
        "inputCol": Parameter(default="image", takes=str, note="the picture"),
        "inputRegionsCol": Parameter(default="region", takes=str, note="the regions"),
        "outputCol": Parameter(default="region_image", takes=str, note="the picture of a region"),
        "explodeCols": Parameter(
            default=(), takes=NAMES, note="lists with an item for each region; each row gets the item of its region"
        ),
        "rotated": Parameter(
            default=False, takes=bool, note="straighten rotated regions; False: upright ones around them"
        ),
        "dropCols": Parameter(default=(), takes=NAMES, note="columns to leave out"),
        "imageType": Parameter(default=ImageType.TYPE_3BYTE_BGR, note="grey or colour"),
    }

    def setRegionCol(self, value: str) -> Self:  # noqa: N802
        """Another name for `setInputRegionsCol`."""
        return self.set("inputRegionsCol", value)

    @override
    def check(self) -> None:
        self._split()

    @override
    def on_frame(self, frame: Frame) -> Frame:
        split = self._split()
        frame.require([split.picture, split.regions, *split.explode], type(self).__name__)
        for name in set(split.drop) - set(frame.tables.schema.names):
            warn(f"{type(self).__name__}: dropCols names {name!r}, which the frame does not have.")
        return frame.mapped(partial(regions.split, split), {"index"})

    def on_rows(self, rows: Sequence[Row]) -> list[Row]:
        """Rows as stages see them: one for each region of those that are given."""
        return regions.split_rows(self._split(), rows)

    def _split(self) -> regions.Split:
        return regions.Split.of(type(self).__name__, {name: plain(self.getOrDefault(name)) for name in self.parameters})


class Base64ToBinary(FrameTransformer):
    """Decodes text in base 64 into bytes."""

    own: ClassVar[Mapping[str, Parameter]] = {
        "inputCol": Parameter(default="content", takes=str, note="text in base 64"),
        "outputCol": Parameter(default="content", takes=str, note="bytes"),
    }

    @override
    def on_frame(self, frame: Frame) -> Frame:
        source, target = self.getOrDefault("inputCol"), self.getOrDefault("outputCol")
        frame.require([source], type(self).__name__)
        return frame.mapped(partial(regions.decoded, source, target))


class Base64ToImage(Base64ToBinary):
    """Decodes text in base 64 into pictures."""

    own: ClassVar[Mapping[str, Parameter]] = {"outputCol": Parameter(default="image", takes=str, note="the picture")}

    @override
    def on_frame(self, frame: Frame) -> Frame:
        binary = Base64ToBinary(inputCol=self.getOrDefault("inputCol")).on_frame(frame)
        return BinaryToImage(outputCol=self.getOrDefault("outputCol")).transform(binary)
