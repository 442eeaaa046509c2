"""From pictures and regions to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from typing_extensions import override

from raypipe.errors import ConfigError
from raypipe.recognition.families import FAMILIES
from raypipe.stages.base import Stage
from raypipe.stages.detect import ImageTextDetector as Detector
from raypipe.stages.recognize import NEEDS
from raypipe.stages.recognize import ImageToText as Reader
from raypipe.stages.visual_nlp import ImageToTextV2 as ReaderV2
from raypipe.stages.visual_nlp import ImageToTextV2Opt as ReaderV2Opt
from raypipe.visual.enums import Language, OcrOutputFormat, PageSegmentationMode
from raypipe.visual.once import warn
from raypipe.visual.parameters import Parameter, Parameters, camel, not_needed, not_offered, plain
from raypipe.visual.stages import ConfidentWords, TesseractColumns
from raypipe.visual.transformers.bases import GPU, NAMES, ModelTransformer
from raypipe.zoo import manifest

R = TypeVar("R", bound=Stage)


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
    def _put(self, name: str, value: Any) -> None:
        if name != "inputCols":
            super()._put(name, value)
            return
        names = [value] if isinstance(value, str) else value
        if isinstance(names, Sequence) and len(names) not in (1, 2):
            raise ConfigError(f"inputCols is {names}.", "Give the picture's column, and that of the regions if any.")
        super()._put("inputCols", names)
        for column, each in zip(("inputCol", "regionsColumn"), names, strict=False):
            super()._put(column, each)

    @override
    def check(self) -> None:
        if "useCaching" in self.given:  # TrOCR keeps what it computed for earlier letters.
            model = manifest.find(self.getOrDefault("model"))
            if "use_caching" not in FAMILIES[model.family].options:
                warn(f"useCaching is accepted and not needed: {model.name} has nothing to keep.")
                del self.given["useCaching"]
        super().check()

    @override
    def stages(self) -> list[Stage]:
        return [_effective(self, self.stage())]

    @override
    def hidden(self) -> list[str]:
        return list(map(self.getOrDefault, ("linesCol", "turnedCol", "languageCol")))


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
            note=f"{', '.join(IS_LINE)}: the picture is one line; {', '.join(FINDS_LINES)}: it finds the lines",
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
        "ocrParams": not_offered(
            "They are Tesseract's: keepLayout preserves spaces, and explainParams() lists raypipe's.", None, []
        ),
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
        lines, turned, language, text, confidence = map(
            self.getOrDefault, ("linesCol", "turnedCol", "languageCol", "outputCol", "confidenceCol")
        )
        return [lines, turned, language, f"{text}_regions", f"{confidence}_share"]
