"""Visual NLP's stages: its names, parameters and defaults, over raypipe's stages."""

from __future__ import annotations

from raypipe.visual.absent import ABSENT, stand_ins
from raypipe.visual.transformers.detectors import ImageTextDetector, ImageTextDetectorCraft, ImageTextDetectorV2
from raypipe.visual.transformers.drawing import HocrTokenizer, ImageDrawAnnotations, ImageDrawRegions
from raypipe.visual.transformers.readers import Base64ToBinary, Base64ToImage, BinaryToImage, PdfToImage
from raypipe.visual.transformers.recognizers import (
    ImageToText,
    ImageToTextOnnx,
    ImageToTextV2,
    ImageToTextV2Opt,
    ImageToTextV3,
    ImageToTextV4,
)
from raypipe.visual.transformers.splitting import ImageSplitRegions

__all__ = [
    "Base64ToBinary", "Base64ToImage", "BinaryToImage", "HocrTokenizer", "ImageDrawAnnotations", "ImageDrawRegions",
    "ImageSplitRegions", "ImageTextDetector", "ImageTextDetectorCraft", "ImageTextDetectorV2", "ImageToText",
    "ImageToTextOnnx", "ImageToTextV2", "ImageToTextV2Opt", "ImageToTextV3", "ImageToTextV4", "PdfToImage",
]  # fmt: skip
"""Visual NLP's stages; `import *` also gives those of `ABSENT`."""

__all__ += [*ABSENT]

__getattr__ = stand_ins(__name__, ABSENT)
