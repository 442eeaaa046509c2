"""Visual NLP's other names for the stages, with its defaults and the models closest to its own."""

from __future__ import annotations

from raypipe.stages.base import ModelName
from raypipe.stages.detect import ImageTextDetector, SizeThreshold, WithRefiner
from raypipe.stages.recognize import BorderWidth, ImageToText, IncludeConfidence


class ImageTextDetectorV2(ImageTextDetector):
    """Finds the words of a picture with CRAFT, or its lines with `with_refiner`."""

    model: ModelName = "image_text_detector_v2"
    size_threshold: SizeThreshold = 10
    with_refiner: WithRefiner = False


class ImageTextDetectorCraft(ImageTextDetectorV2):
    """Another name for `ImageTextDetectorV2`."""


class ImageToTextV2(ImageToText):
    """Reads the text of a picture's regions, in float."""

    model: ModelName = "ocr_small_handwritten_v2"
    border_width: BorderWidth = 5
    include_confidence: IncludeConfidence = False


class ImageToTextV2Opt(ImageToTextV2):
    """Reads the text of a picture's regions, in int8."""

    model: ModelName = "ocr_small_handwritten_v2_opt"


class ImageToTextOnnx(ImageToTextV2):
    """Another name for `ImageToTextV2`."""
