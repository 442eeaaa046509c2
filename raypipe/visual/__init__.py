"""Visual NLP's programs on raypipe: change the imports and the line that reads, keep the rest."""

from raypipe.visual.base import LightPipeline
from raypipe.visual.benchmark import Benchmark
from raypipe.visual.enums import (
    Color,
    ImageType,
    Language,
    OcrOutputFormat,
    PageIteratorLevel,
    PageSegmentationMode,
    SplittingStrategy,
)
from raypipe.visual.frame import Frame
from raypipe.visual.metrics import score
from raypipe.visual.ml import Pipeline, PipelineModel
from raypipe.visual.pretrained import PretrainedPipeline
from raypipe.visual.records import Row
from raypipe.visual.session import Session, start
from raypipe.visual.transformers import (
    Base64ToBinary,
    Base64ToImage,
    BinaryToImage,
    HocrTokenizer,
    ImageDrawAnnotations,
    ImageDrawRegions,
    ImageSplitRegions,
    ImageTextDetector,
    ImageTextDetectorCraft,
    ImageTextDetectorV2,
    ImageToText,
    ImageToTextOnnx,
    ImageToTextV2,
    ImageToTextV2Opt,
    ImageToTextV3,
    ImageToTextV4,
    PdfToImage,
)
from raypipe.visual.utils import (
    display_image,
    display_images,
    display_images_horizontal,
    display_pdf,
    to_pil_image,
)

__all__ = [
    "Base64ToBinary",
    "Base64ToImage",
    "Benchmark",
    "BinaryToImage",
    "Color",
    "Frame",
    "HocrTokenizer",
    "ImageDrawAnnotations",
    "ImageDrawRegions",
    "ImageSplitRegions",
    "ImageTextDetector",
    "ImageTextDetectorCraft",
    "ImageTextDetectorV2",
    "ImageToText",
    "ImageToTextOnnx",
    "ImageToTextV2",
    "ImageToTextV2Opt",
    "ImageToTextV3",
    "ImageToTextV4",
    "ImageType",
    "Language",
    "LightPipeline",
    "OcrOutputFormat",
    "PageIteratorLevel",
    "PageSegmentationMode",
    "PdfToImage",
    "Pipeline",
    "PipelineModel",
    "PretrainedPipeline",
    "Row",
    "Session",
    "SplittingStrategy",
    "display_image",
    "display_images",
    "display_images_horizontal",
    "display_pdf",
    "score",
    "start",
    "to_pil_image",
]
