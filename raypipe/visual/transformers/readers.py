"""From the bytes of files to pictures of pages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from typing_extensions import override

from raypipe.stages.base import Stage
from raypipe.stages.decode import BinaryToImage as Decoder
from raypipe.visual import regions
from raypipe.visual.absent import TEXT_LAYERS
from raypipe.visual.enums import ImageType, SplittingStrategy
from raypipe.visual.frame import Frame
from raypipe.visual.parameters import Parameter, not_needed, not_offered
from raypipe.visual.stages import PageNumber
from raypipe.visual.transformers.bases import FrameTransformer, Transformer

NO_PARTITIONS = "raypipe and Ray spread the pages themselves."
"""Why partitions are not needed."""


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

    shows_total_pages: ClassVar[bool] = True

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
