"""ImageDrawRegions: draws regions, and the text read in them, over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont
from pydantic import Field
from typing_extensions import override

from raypipe.columns import LINES, PICTURE, REGIONS
from raypipe.geometry import corners, upright
from raypipe.images.depth import swapped
from raypipe.images.image import IMAGE, Image
from raypipe.stages import sample
from raypipe.stages.base import Stage, Step, Worker
from raypipe.types import Boxes, Line, Pixels, Row, boxes_from_regions

COLORS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (220, 30, 30),
    "green": (0, 150, 60),
    "blue": (30, 80, 220),
    "yellow": (240, 200, 0),
    "gray": (128, 128, 128),
    "pink": (235, 100, 160),
}
"""Visual NLP's colour names as red, green, blue."""
ImageFormat = Literal["jpeg", "png"]
CLEAN: Literal["clean"] = "clean"
Drawing = Literal[ImageFormat, "clean"]
"""A page with its regions and text drawn over it, in this format; `clean`: as a JPEG with nothing drawn, for clients
that cannot show the page's file."""
ColorName = Literal["black", "white", "red", "green", "blue", "yellow", "gray", "pink"]


class RegionDrawer(Worker["ImageDrawRegions"]):
    """Draws over each page and encodes the result."""

    @override
    def warm_up(self) -> None:
        line = Line(text="Dear reader,", confidence=1, x=100, y=60, width=160, height=40, angle=0, words=[], row=0)
        encode(draw(sample.image(), sample.boxes(), [line], self.spec), self.spec.image_format)

    @override
    def process_page(self, row: Row) -> None:
        row[self.spec.output_col] = encode(self.drawn(row[self.spec.input_col], row), self.spec.image_format)

    def drawn(self, image: Image, row: Row) -> Pixels:
        """The picture of a page with what its row says drawn over it; see `draw`."""
        spec, regions = self.spec, row[self.spec.input_regions_col]
        lines = row[spec.lines_col] if spec.draw_text else ()
        return draw(image, boxes_from_regions(regions), lines, spec, [region.label for region in regions])


def draw(
    image: Image, boxes: Boxes, lines: Sequence[Line], spec: ImageDrawRegions, labels: Sequence[str] = ()
) -> Pixels:
    """The page with its regions drawn over it, (h, w, 3) BGR, its longer side at most `spec.max_side`.

    Args:
        image, boxes: The page, and its regions (n, 5).
        lines: Lines whose text is written.
        spec: How it is drawn.
        labels: The label of each region, written beside it; empty: no region has one.
    """
    pixels = image.bgr()
    scale = min(1.0, spec.max_side / max(pixels.shape[:2]))
    size = max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1)
    canvas = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else pixels.copy()
    to_canvas = max(canvas.shape[:2]) / max(image.width, image.height)
    quads = corners((boxes if spec.rotated else upright(boxes)) * np.array([*[to_canvas] * 4, 1], np.float32))
    outlines = list(np.rint(quads).astype(np.int32))
    colors = dict(spec.label_colors)
    for outline, label in zip_longest(outlines, labels):
        color = COLORS[colors.get(label, spec.rect_color)][::-1]
        if spec.filled_rect:
            cv2.fillConvexPoly(canvas, outline, color)
        elif spec.line_width:
            cv2.polylines(canvas, [outline], True, color, spec.line_width, cv2.LINE_AA)
    captions = [
        (
            (line.x - line.width / 2) * to_canvas,
            (line.y - line.height / 2) * to_canvas,
            f"{line.text}  {100 * line.confidence:.0f}",
        )
        for line in lines
    ]
    tops = zip(quads.min(1).tolist(), labels, strict=False)
    captions += [(left, top, label) for (left, top), label in tops if label]
    return _write(canvas, captions, spec) if captions else np.asarray(canvas, np.uint8)


def _write(canvas: Pixels, captions: Sequence[tuple[float, float, str]], spec: ImageDrawRegions) -> Pixels:
    """Writes texts on a light background; each comes with the left end of the top edge above which it stands."""
    picture = PillowImage.fromarray(swapped(canvas))
    pen = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(spec.font_size)
    for x, y, text in captions:
        corner = max(x, 0), max(y - spec.font_size - 2, 0)
        pen.rectangle(pen.textbbox(corner, text, font=font), fill=(255, 255, 255, 190))
        pen.text(corner, text, font=font, fill=COLORS["blue"])
    return swapped(np.asarray(picture))


def encode(pixels: Pixels, image_format: str) -> bytes:
    """BGR pixels as a JPEG or PNG file."""
    options = [cv2.IMWRITE_JPEG_QUALITY, 85] if image_format == "jpeg" else []
    return bytes(cv2.imencode(f".{image_format}", pixels, options)[1])


class ImageDrawRegions(Stage):
    """Draws the regions, and optionally the recognized text, over the picture."""

    input_col: str = Field("image", description="the picture")
    input_regions_col: str = Field("text_regions", description="the regions")
    lines_col: str = Field("lines", description="the recognized lines, for draw_text")
    output_col: str = Field("image_with_regions", description="the picture with the drawing, encoded")
    line_width: int = Field(4, ge=0, description="width of the outlines in pixels; 0: none")
    font_size: int = Field(12, ge=4, description="height of the text and of labels in pixels")
    rotated: bool = Field(True, description="draw rotated rectangles; False: upright ones around them")
    rect_color: ColorName = Field("black", description="colour of the outlines")
    label_colors: tuple[tuple[str, ColorName], ...] = Field(
        (), description="labels of regions, each with the colour of its outlines"
    )
    filled_rect: bool = Field(False, description="fill the rectangles, to hide what is in them")
    draw_text: bool = Field(False, description="write the recognized text and its confidence beside the boxes")
    image_format: ImageFormat = Field("jpeg", description="how the result is encoded")
    max_side: int = Field(20_000, ge=64, description="scale the result down to this longer side, in pixels")

    @override
    def steps(self) -> tuple[Step, ...]:
        reads = {self.input_col: IMAGE, self.input_regions_col: REGIONS}
        if self.draw_text:
            reads[self.lines_col] = LINES
        return (Step(stage=self, worker=RegionDrawer, reads=reads, writes={self.output_col: PICTURE}),)
