"""ImageTextDetector: a picture to text regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from typing_extensions import override

from raypipe.columns import REGIONS
from raypipe.detection.base import Detection, Detector, Thresholds
from raypipe.detection.families import FAMILIES
from raypipe.engine import Session
from raypipe.errors import ModelError
from raypipe.geometry import Floats
from raypipe.images.image import IMAGE, Image
from raypipe.layout import in_reading_order, join_lines, merge_overlapping
from raypipe.stages.base import ModelName, ModelStage, Step, Worker
from raypipe.types import Boxes, Region, Row, regions_from_boxes
from raypipe.zoo import manifest


class TextDetector(Worker["ImageTextDetector"]):
    """Finds the regions of each page."""

    @override
    def setup(self) -> None:
        model = self.spec.resolved
        if model.input is None:
            raise ModelError(f"The manifest does not describe the input of {model.name}.", "Add `input` to its entry.")
        session = Session(model.path, self.spec.use_gpu, self.threads, self.metrics)
        self._detector: Detector = FAMILIES[model.family].open(session, model.input)
        self._thresholds = self.spec.thresholds()

    @override
    def process(self, rows: Sequence[Row]) -> None:
        for row in rows:
            with self.guard(row):
                row[self.spec.output_col] = self._regions(row[self.spec.input_col])

    def _regions(self, image: Image) -> list[Region]:
        spec = self.spec
        found = self._detector.detect(image.bgr(), spec.width, self._thresholds, spec.refines)
        boxes, scores = _sized(found, spec.size_threshold / self._magnification(image))
        if spec.merge_intersects and len(boxes):
            boxes, scores = merge_overlapping(boxes, scores)
        if spec.refines and len(boxes):
            boxes, scores = in_reading_order(boxes, scores) if found.refined else join_lines(boxes, scores)
        self.metrics.add("regions_total", len(boxes))
        return regions_from_boxes(image.enlarge(boxes), scores.tolist(), image.page)

    def _magnification(self, image: Image) -> float:
        return self.spec.width / float(max(image.pixels().shape[:2]))


def _sized(found: Detection, size_threshold: float) -> tuple[Boxes, Floats]:
    """The regions at least as high as the threshold; a negative threshold means 1/4 of the page's median height."""
    height = np.minimum(found.boxes[:, 2], found.boxes[:, 3])
    if size_threshold < 0:
        size_threshold = float(np.median(height)) / 4 if len(height) else 0
    kept = height >= size_threshold
    return found.boxes[kept], found.scores[kept]


SizeThreshold = Annotated[
    int,
    Field(ge=-1, description="minimum height of a region in the scaled picture, in pixels; -1: estimated per page"),
]
WithRefiner = Annotated[
    bool | None,
    Field(description="join the words of a line into one region; None: if the model finds words"),
]


class ImageTextDetector(ModelStage):
    """Finds the lines of text in a picture, or its words."""

    task: ClassVar = "detection"
    families: ClassVar = FAMILIES

    model: ModelName = "text_detector_db_opt"
    input_col: str = Field("image", description="the picture")
    output_col: str = Field("text_regions", description="the regions: rotated boxes by centre, size and angle")
    score_threshold: float | None = Field(
        None, ge=0, le=1, description="minimum score of a region; None: the model's default"
    )
    text_threshold: float | None = Field(
        None, ge=0, le=1, description="minimum score of a text pixel; None: the model's default"
    )
    link_threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="minimum affinity to join characters (with the refiner, words), for models that find words; "
        "None: the model's default",
    )
    size_threshold: SizeThreshold = -1
    width: int = Field(1280, ge=32, le=8192, description="longer side to which the picture is scaled, in pixels")
    with_refiner: WithRefiner = None
    merge_intersects: bool = Field(False, description="merge overlapping regions of one line")

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

    @property
    def refines(self) -> bool:
        """Whether the words of a line become one region."""
        return manifest.find(self.model).finds == "words" if self.with_refiner is None else self.with_refiner

    def thresholds(self) -> Thresholds:
        """The thresholds in force."""
        default = FAMILIES[self.resolved.family].thresholds
        return Thresholds(
            score=default.score if self.score_threshold is None else self.score_threshold,
            text=default.text if self.text_threshold is None else self.text_threshold,
            link=default.link if self.link_threshold is None else self.link_threshold,
        )
