"""Stages by their names in files.

Those of raypipe, and of packages with an entry point of the group `raypipe.stages`, go by the name of their class;
others are `package.module:Class`.
"""

from __future__ import annotations

from importlib import import_module
from inspect import isabstract
from typing import TypeGuard

from raypipe.errors import ConfigError, nearest, reason_of
from raypipe.plugins import Registry
from raypipe.stages.base import Stage
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

OWN: tuple[type[Stage], ...] = (
    BinaryToImage,
    ImageTextDetector,
    ImageToText,
    ImageDrawRegions,
    SaveImages,
    CompareTextLayer,
    ImageTextDetectorV2,
    ImageTextDetectorCraft,
    ImageToTextV2,
    ImageToTextV2Opt,
    ImageToTextOnnx,
)


def is_stage(found: object) -> TypeGuard[type[Stage]]:
    """Whether something is a class of stages, and not only a base of such classes."""
    return isinstance(found, type) and issubclass(found, Stage) and not isabstract(found)


STAGES = Registry("raypipe.stages", {stage.__name__: stage for stage in OWN}, is_stage)
"""The stages by class name."""


def name_of(kind: type[Stage]) -> str:
    """The name of a stage in files.

    Raises:
        ConfigError: Another process could not import the class.
    """
    if STAGES.get(kind.__name__) is kind:
        return kind.__name__
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        raise ConfigError(
            f"The stage {kind.__qualname__} cannot be stored: another process could not import it.",
            "Move its class to the top level of a module that is installed or on PYTHONPATH.",
        )
    return f"{kind.__module__}:{kind.__qualname__}"


def find(name: str) -> type[Stage]:
    """The stage of this name in files.

    Raises:
        ConfigError: There is no such stage, or its module cannot be imported.
    """
    if name in STAGES:
        return STAGES[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        raise ConfigError(
            f"There is no stage {name!r}.",
            f"{nearest(name, STAGES)}Use one of {', '.join(STAGES)}, or package.module:Class for a stage of another "
            "package.",
        )
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"The stage {name!r} cannot be imported: {reason_of(error)}.", "Install its package here."
        ) from error
    if not is_stage(found):
        raise ConfigError(f"{name!r} is not a stage.", "Name a class derived from raypipe.Stage.")
    return found
