"""ImageTextDetector: a picture to text regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field
from typing_extensions import override

from raypipe.detection.base import Detection, Detector, Thresholds
from raypipe.detection.craft import Craft
from raypipe.detection.dbnet import DBNet
from raypipe.engine import Session
from raypipe.geometry import Floats
from raypipe.images.image import IMAGE, Image
from raypipe.layout import in_reading_order, join_lines, merge_overlapping
from raypipe.stages.base import ModelStage, Step, Worker
from raypipe.types import REGIONS, Boxes, Region, Row, regions_from_boxes
from raypipe.zoo import manifest

FAMILIES: dict[str, type[Craft] | type[DBNet]] = {"craft": Craft, "db": DBNet}
DEFAULTS = {"craft": Thresholds(score=0.7, text=0.4, link=0.4), "db": Thresholds(score=0.5, text=0.25, link=0)}
"""Thresholds where none are given: those of Visual NLP for CRAFT, between those of two PP-OCR programs for DBNet."""


class TextDetector(Worker["ImageTextDetector"]):
    """Finds the regions of each page."""

    @override
    def setup(self) -> None:
        model = manifest.resolve(self.spec.model, "detection")
        session = Session(model.path, self.spec.use_gpu, self.threads, self.metrics)
        self._detector: Detector = FAMILIES[model.family](session)
        self._thresholds = self.spec.thresholds()

    @override
    def process(self, rows: Sequence[Row]) -> None:
        for row in rows:
            with self.guard(row):
                row[self.spec.output_col] = self._regions(row[self.spec.input_col])

    def _regions(self, image: Image) -> list[Region]:
        spec = self.spec
        found = self._detector.detect(image.bgr(), spec.width, self._thresholds, spec.with_refiner)
        boxes, scores = _sized(found, spec.size_threshold / self._magnification(image))
        if spec.merge_intersects and len(boxes):
            boxes, scores = merge_overlapping(boxes, scores)
        if spec.with_refiner and len(boxes):
            boxes, scores = in_reading_order(boxes, scores) if found.refined else join_lines(boxes, scores)
        self.metrics.add("regions_total", len(boxes))
        return regions_from_boxes(image.enlarge(boxes), scores.tolist(), image.page)

    def _magnification(self, image: Image) -> float:
        return self.spec.width / float(max(image.pixels().shape[:2]))


def _sized(found: Detection, size_threshold: float) -> tuple[Boxes, Floats]:
    """The regions that are high enough: at least the threshold, or for a negative one 1/4 of the page's median."""
    height = np.minimum(found.boxes[:, 2], found.boxes[:, 3])
    if size_threshold < 0:
        size_threshold = float(np.median(height)) / 4 if len(height) else 0
    kept = height >= size_threshold
    return found.boxes[kept], found.scores[kept]


class ImageTextDetector(ModelStage):
    """Finds text on a picture: words, or lines with `with_refiner`."""

    model: str = Field("image_text_detector_v2", description="name of a detection model")
    input_col: str = Field("image", description="the picture")
    output_col: str = Field("text_regions", description="the regions: rotated boxes by centre, size and angle")
    score_threshold: float | None = Field(
        None, ge=0, le=1, description="least score of a region; None: 0.7 for CRAFT, 0.5 for DB"
    )
    text_threshold: float | None = Field(
        None, ge=0, le=1, description="least score of a text pixel; None: 0.4 for CRAFT, 0.25 for DB"
    )
    link_threshold: float = Field(
        0.4, ge=0, le=1, description="least affinity that joins characters, with the refiner words (CRAFT)"
    )
    size_threshold: int = Field(
        10, ge=-1, description="least height of a region on the scaled picture, in pixels; -1: estimated from the page"
    )
    width: int = Field(1280, ge=32, le=8192, description="the picture's longer side is scaled to this, in pixels")
    with_refiner: bool = Field(False, description="join the words of a line to one region")
    merge_intersects: bool = Field(False, description="merge overlapping regions of one line")

    @classmethod
    def pretrained(cls, name: str, lang: str = "en", **parameters: object) -> ImageTextDetector:
        """A detector with a model of `raypipe models list`. Detectors find the text of any `lang`.

        Raises:
            ModelError: No such model.
        """
        manifest.resolve(name, "detection")
        return cls.model_validate({"model": name, **parameters})

    @override
    def steps(self) -> tuple[Step, ...]:
        return (
            Step(
                stage=self,
                worker=TextDetector,
                reads={self.input_col: IMAGE},
                writes={self.output_col: REGIONS},
                holds_model=True,
            ),
        )

    @override
    def check(self) -> None:
        manifest.resolve(self.model, "detection")

    def thresholds(self) -> Thresholds:
        """The thresholds in force."""
        default = DEFAULTS[manifest.resolve(self.model, "detection").family]
        return Thresholds(
            default.score if self.score_threshold is None else self.score_threshold,
            default.text if self.text_threshold is None else self.text_threshold,
            self.link_threshold,
        )
