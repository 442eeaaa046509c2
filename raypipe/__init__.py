"""OCR for handwriting and scans by the million: declare a pipeline once, run it anywhere."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raypipe.client import AsyncClient, Client
    from raypipe.columns import Column
    from raypipe.display import display_images
    from raypipe.errors import ConfigError, DeviceError, InputError, ModelError, RaypipeError, ServerError
    from raypipe.outputs.page import Page
    from raypipe.pipeline import Pipeline, read
    from raypipe.presets import fast, read_text, standard
    from raypipe.stages.base import Pool, Stage, Step, Worker
    from raypipe.stages.decode import BinaryToImage
    from raypipe.stages.detect import ImageTextDetector
    from raypipe.stages.draw import ImageDrawRegions
    from raypipe.stages.recognize import ImageToText
    from raypipe.stages.save import SaveImages
    from raypipe.stages.text_layer import CompareTextLayer
    from raypipe.stages.visual_nlp import (
        ImageTextDetectorCraft,
        ImageTextDetectorV2,
        ImageToTextOnnx,
        ImageToTextV2,
        ImageToTextV2Opt,
    )
    from raypipe.types import Line, Region, Word

__all__ = [
    "AsyncClient",
    "BinaryToImage",
    "Client",
    "Column",
    "CompareTextLayer",
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
    "Stage",
    "Step",
    "Word",
    "Worker",
    "__version__",
    "display_images",
    "fast",
    "read",
    "read_text",
    "standard",
]

HOMES = {
    "client": ("AsyncClient", "Client"),
    "columns": ("Column",),
    "display": ("display_images",),
    "errors": ("ConfigError", "DeviceError", "InputError", "ModelError", "RaypipeError", "ServerError"),
    "outputs.page": ("Page",),
    "pipeline": ("Pipeline", "read"),
    "presets": ("fast", "read_text", "standard"),
    "stages.base": ("Pool", "Stage", "Step", "Worker"),
    "stages.decode": ("BinaryToImage",),
    "stages.detect": ("ImageTextDetector",),
    "stages.draw": ("ImageDrawRegions",),
    "stages.recognize": ("ImageToText",),
    "stages.save": ("SaveImages",),
    "stages.text_layer": ("CompareTextLayer",),
    "stages.visual_nlp": (
        "ImageTextDetectorCraft",
        "ImageTextDetectorV2",
        "ImageToTextOnnx",
        "ImageToTextV2",
        "ImageToTextV2Opt",
    ),
    "types": ("Line", "Region", "Word"),
}
"""The modules of the public names, each imported when one of its names is first used: together they take long."""


def __getattr__(name: str) -> Any:
    """A public name, looked up on first use.

    Raises:
        AttributeError: There is no such name.
    """
    if name == "__version__":
        from importlib.metadata import version

        return version("raypipe")
    for home, names in HOMES.items():
        if name in names:
            globals()[name] = value = getattr(import_module(f"raypipe.{home}"), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
