"""ImageTextDetector: from a picture to text regions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from typing_extensions import override

from raypipe.columns import REGIONS
from raypipe.detection.base import Detection, Detector, Thresholds, batch_shapes
from raypipe.detection.families import FAMILIES
from raypipe.detection.large import whole
from raypipe.detection.tiles import tiled, tiles
from raypipe.geometry import Floats
from raypipe.images.image import IMAGE, Image
from raypipe.layout.lines import in_reading_order, join_lines, merge_overlapping
from raypipe.layout.standing import TURNED_GAIN, laid, lies, lying, turned_back, turned_pixels
from raypipe.stages import sample
from raypipe.stages.base import ModelName, ModelStage, Step, Worker
from raypipe.types import Boxes, Pixels, Region, Row, boxes_of, regions_from_boxes
from raypipe.zoo import manifest

TEXT_RATIO = 3
"""A region this many times longer than high holds several letters, so it is not a speck, however small."""


class TextDetector(Worker["ImageTextDetector"]):
    """Finds the regions of each page."""

    @override
    def setup(self) -> None:
        model = self.spec.running
        takes = model.only_input
        shapes = batch_shapes(self.spec.width, takes)
        session = self.spec.session(model.path, self.threads, self.metrics, shapes)
        self._detector: Detector = FAMILIES[model.family].open(session, takes)
        self._thresholds = self.spec.thresholds()

    @override
    def warm_up(self) -> None:
        self._regions(sample.image())

    @override
    def process_page(self, row: Row) -> None:
        row[self.spec.output_col] = self._regions(row[self.spec.input_col])

    def _regions(self, image: Image) -> list[Region]:
        spec = self.spec
        if image.lines is not None:
            known = boxes_of(image.lines)
            return regions_from_boxes(known, [1.0] * len(known), image.page)
        with self.metrics.timed("decode_seconds"):
            pixels = image.well_lit()
        found = self._found(pixels)
        boxes, scores = _sized(found, spec.size_threshold / self._magnification(image))
        boxes = laid(boxes)
        if spec.merge_intersects and len(boxes):
            boxes, scores = merge_overlapping(boxes, scores)
        if spec.refines and len(boxes):
            boxes, scores = in_reading_order(boxes, scores) if found.refined else join_lines(boxes, scores)
        self.metrics.add("regions_total", len(boxes))
        return regions_from_boxes(image.enlarge(boxes), scores.tolist(), image.page)

    def _found(self, pixels: Pixels) -> Detection:
        """The regions of a page; if it lies on its side, those of the page turned by 90 degrees."""
        found, of_lines = self._in_tiles(pixels), self.spec.finds == "lines"
        if lies(found.boxes, of_lines):
            return found
        turned = self._in_tiles(turned_pixels(pixels))
        if not _is_turned(found, turned, of_lines):
            return found
        return replace(turned, boxes=turned_back(turned.boxes, len(pixels)))

    def _in_tiles(self, pixels: Pixels) -> Detection:
        spec = self.spec

        def detect(part: Pixels) -> Detection:
            def at(width: int) -> Detection:
                return self._detector.detect(part, width, self._thresholds, spec.refines)

            return whole(at(spec.width), max(part.shape[:2]), spec.width, at)

        return tiled(pixels, spec.width, detect)

    def _magnification(self, image: Image) -> float:
        height, width = image.pixels().shape[:2]
        first = tiles(height, width, self.spec.width)[0]
        return self.spec.width / float(first.end)


def _is_turned(found: Detection, turned: Detection, of_lines: bool) -> bool:
    """Whether a page on which these regions are found lies on its side, from those found on it turned by 90 degrees.

    A page with text both ways, such as a chart, stays as it is if its text is found better so: lines that stand are
    read in any case. Regions that are not lines say little by their shapes, as letters below each other are joined.
    """
    if lying(turned.boxes) <= TURNED_GAIN * lying(found.boxes):
        return False
    if of_lines and lies(turned.boxes, of_lines=False):
        return True
    return float(turned.scores.mean()) > float(found.scores.mean() if len(found.scores) else 0)


def _sized(found: Detection, size_threshold: float) -> tuple[Boxes, Floats]:
    """The regions at least as high as the threshold; see `_smallest` for a negative one."""
    height, length = np.sort(found.boxes[:, 2:4], 1).T
    kept = height >= (_smallest(height, length) if size_threshold < 0 else size_threshold)
    return found.boxes[kept], found.scores[kept]


def _smallest(height: Floats, length: Floats) -> Floats:
    """The height below which each region is a speck, for heights and lengths (n,): 1/4 of the page's usual height.

    The usual height is the median over letters, which are about as wide as they are high, not over regions: the small
    print of a poster is most of its text. A region as long as several letters is text, whatever the size of the others.
    """
    if not len(height):
        return height
    order = np.argsort(height, kind="stable")
    letters = np.cumsum((length / height)[order])
    usual = height[order][np.searchsorted(letters, letters[-1] / 2)]
    return np.where(length >= TEXT_RATIO * height, np.float32(0), usual / 4)


SizeThreshold = Annotated[
    int,
    Field(
        ge=-1,
        description="minimum height of a region in the scaled picture, in pixels; -1: from the size of its letters",
    ),
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
        return self.finds == "words" if self.with_refiner is None else self.with_refiner

    @property
    def finds(self) -> str | None:
        """What the model finds: words or lines; None if that is not known."""
        return manifest.find(self.model).finds

    def thresholds(self) -> Thresholds:
        """The thresholds in force."""
        given = {"score": self.score_threshold, "text": self.text_threshold, "link": self.link_threshold}
        chosen = {name: value for name, value in given.items() if value is not None}
        return replace(FAMILIES[self.resolved.family].thresholds, **chosen)
