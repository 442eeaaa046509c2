"""Pipelines by the names that Visual NLP gives them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from raypipe.errors import ConfigError, nearest
from raypipe.visual.base import LightPipeline, no_such
from raypipe.visual.checked import checked
from raypipe.visual.enums import ImageType
from raypipe.visual.frame import Frame
from raypipe.visual.ml import PipelineModel
from raypipe.visual.transformers import BinaryToImage, ImageTextDetector, ImageToText, ImageToTextV2, PdfToImage

RECOGNIZERS = {"handwritten": "ocr_base_handwritten_v2_opt", "printed": "ocr_base_printed_v2_opt"}
INPUTS = {"image": BinaryToImage, "pdf": PdfToImage}
MIXED = tuple(f"mixed_scanned_digital_pdf{after}" for after in ("", "_image_cleaner", "_skew_correction"))
"""Pipelines for PDFs of which some pages hold text: skew and noise need no stages of their own here."""
NAMES = (*(f"{source}_{hand}_transformer_extraction" for source in INPUTS for hand in RECOGNIZERS), *MIXED)


class PretrainedPipeline:
    """A pipeline by its name, one of `NAMES`: from pictures or PDFs, printed or handwritten, to text.

    Those that begin with `mixed` take the text that a page of a PDF itself holds, where it is reliable.

    Nothing is downloaded: `remote_loc` is accepted and not needed, and so is `parse_embeddings`. In place of the name,
    a `disk_location` is a folder that `PipelineModel.save` wrote.

    Raises:
        ConfigError: There is no such pipeline.
        ModelError: Its model is not on this machine, and no substitute is allowed.
    """

    @checked
    def __init__(
        self,
        name: str,
        lang: str = "en",
        remote_loc: str | None = None,
        parse_embeddings: bool = False,
        disk_location: str | None = None,
    ) -> None:
        self.name = name
        self.model = PipelineModel.load(disk_location) if disk_location else _made(name, lang)

    def transform(self, frame: Frame) -> Frame:
        """A frame with what the pipeline adds."""
        return self.model.transform(frame)

    def fromLocalPath(self, path: str) -> list[dict[str, Any]]:  # noqa: N802 - Visual NLP's names
        """The pages of a file, or of the files in a folder; see `LightPipeline`, here and below."""
        return self._light.fromLocalPath(path)

    def fromString(self, text: str) -> list[dict[str, Any]]:  # noqa: N802
        """The pages of a file in base 64."""
        return self._light.fromString(text)

    def fromBinary(self, content: bytes) -> list[dict[str, Any]]:  # noqa: N802
        """The pages of a file in memory."""
        return self._light.fromBinary(content)

    def __getattr__(self, name: str) -> Any:
        """Says what reads a document.

        Raises:
            AttributeError: There is no such attribute.
        """
        raise AttributeError(no_such(self, name))

    @cached_property
    def _light(self) -> LightPipeline:
        return LightPipeline(self.model)


def _made(name: str, lang: str) -> PipelineModel:
    if name in MIXED:
        return PipelineModel([PdfToImage().setTextLayer("use").setKeepInput(True), ImageToText.pretrained(lang=lang)])
    if name not in NAMES:
        raise ConfigError(f"There is no pipeline {name!r}.", f"{nearest(name, NAMES)}Use one of {', '.join(NAMES)}.")
    source, hand, *_ = name.split("_")
    return PipelineModel(
        [
            INPUTS[source]().setImageType(ImageType.TYPE_3BYTE_BGR).setKeepInput(source == "pdf"),
            ImageTextDetector.pretrained("image_text_detector_mem_opt", lang).setWithRefiner(True).setSizeThreshold(-1),
            ImageToTextV2.pretrained(RECOGNIZERS[hand], lang)
            .setInputCols(["image", "text_regions"])
            .setGroupImages(True),
        ]
    )
