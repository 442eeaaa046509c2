"""From pictures to their regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from raypipe.stages.detect import ImageTextDetector as Detector
from raypipe.stages.visual_nlp import ImageTextDetectorV2 as DetectorV2
from raypipe.visual.once import warn
from raypipe.visual.parameters import Parameter, not_needed, not_offered
from raypipe.visual.transformers.bases import GPU, ModelTransformer

THRESHOLDS = {"scoreThreshold": "score", "textThreshold": "text", "linkThreshold": "link"}
WIDTH = Detector.model_fields["width"]


def _width(value: Any) -> Any:
    """A width for the network, which finds less in a picture that is larger than those it learned from."""
    if value != 0 or isinstance(value, bool):
        return value
    warn(f"A detector's width of 0, the picture's own, stands for {WIDTH.default} pixels here, which it reads best.")
    return WIDTH.default


class ImageTextDetectorV2(ModelTransformer):
    """Finds the words of a picture, or its lines with the refiner."""

    spec = DetectorV2
    own: ClassVar[Mapping[str, Parameter]] = {
        "useGPU": GPU,
        "width": Parameter(
            default=WIDTH.default, field="width", note=f"{WIDTH.description}; 0: {WIDTH.default}", to_field=_width
        ),
        "forceProcessing": not_needed(False, "cache() keeps what several consumers need."),
        "height": not_offered("Pictures keep their proportions; setWidth sets their longer side.", 0),
    }

    @override
    def getOrDefault(self, name: str) -> Any:
        """The value of a parameter, as it was set, or its default: for a threshold, that of the model."""
        if name in THRESHOLDS and name not in self.given:
            stage = self.stage()
            assert isinstance(stage, Detector)
            return getattr(stage.thresholds(), THRESHOLDS[name])
        return super().getOrDefault(name)


class ImageTextDetector(ImageTextDetectorV2):
    """Another name for `ImageTextDetectorV2`."""


class ImageTextDetectorCraft(ImageTextDetectorV2):
    """Another name for `ImageTextDetectorV2`."""
