"""OCR for handwriting and scans by the million: declare a pipeline once, run it anywhere."""

from raypipe.client import Client
from raypipe.display import display_images
from raypipe.errors import ConfigError, DeviceError, InputError, ModelError, RaypipeError, ServerError
from raypipe.pipeline import Pipeline, read
from raypipe.stages.base import Pool
from raypipe.stages.decode import BinaryToImage
from raypipe.stages.detect import ImageTextDetector
from raypipe.stages.draw import ImageDrawRegions
from raypipe.stages.recognize import ImageToText
from raypipe.stages.save import SaveImages
from raypipe.types import Line, Page, Region, Word

ImageTextDetectorV2 = ImageTextDetectorCraft = ImageTextDetector
ImageToTextV2 = ImageToTextV2Opt = ImageToTextOnnx = ImageToText

__all__ = [
    "BinaryToImage",
    "Client",
    "ConfigError",
    "DeviceError",
    "ImageDrawRegions",
    "ImageTextDetector",
    "ImageTextDetectorCraft",
    "ImageTextDetectorV2",
    "ImageToText",
    "ImageToTextOnnx",
    "ImageToTextV2",
    "ImageToTextV2Opt",
    "InputError",
    "Line",
    "ModelError",
    "Page",
    "Pipeline",
    "Pool",
    "RaypipeError",
    "Region",
    "SaveImages",
    "ServerError",
    "Word",
    "display_images",
    "read",
]
