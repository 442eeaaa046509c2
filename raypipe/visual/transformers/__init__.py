"""Visual NLP's stages: its names, parameters and defaults, over raypipe's stages."""

from __future__ import annotations

from raypipe.visual.absent import ABSENT, Absent
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


def __getattr__(name: str) -> Absent:
    """What stands for a stage that Visual NLP has and raypipe does not.

    Raises:
        AttributeError: There is no such thing.
    """
    if name in ABSENT:
        return Absent(name, ABSENT[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
