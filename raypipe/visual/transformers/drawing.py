"""Pictures with regions or annotations drawn over them, and the places of words in hOCR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from typing_extensions import override

from raypipe.stages.base import Stage
from raypipe.visual.enums import Color
from raypipe.visual.parameters import Parameter, not_offered
from raypipe.visual.stages import AnnotationRegions, DrawRegions, HocrTokens
from raypipe.visual.transformers.bases import Transformer

DRAWING = {
    "rectColor": Parameter(default=Color["black"], field="rect_color", note="colour of the outlines"),
    "lineWidth": Parameter(
        default=4,
        field="line_width",
        note="width of the outlines in pixels; 0: none; of no effect with filledRect, which draws none",
    ),
}
PATCHES = (
    "patchImages", "inputChunkMappingCol", "fontStyle", "fontName", "dynamicColor", "patchBackgroundColor",
    "patchTextColor", "blackList", "redactionEntityList", "useContrastTextColor",
)  # fmt: skip
"""Parameters of what Visual NLP writes in the place of regions."""
NO_PATCHES = not_offered(
    "raypipe hides regions with setFilledRect(True), and writes nothing in their place.", None, False
)


class ImageDrawRegions(Transformer):
    """Draws regions over a picture; the result is a picture, too."""

    spec = DrawRegions
    own: ClassVar[Mapping[str, Parameter]] = {
        "inputRegionsCol": Parameter(default="region", field="input_regions_col", note="the regions"),
        **DRAWING,
        "colorMap": Parameter(
            default=None,
            takes=Mapping[str, Any] | Literal["*"] | None,
            field="label_colors",
            note='colours by label, or "*": rectColor for all',
            to_field=lambda value: () if value in (None, "*") else tuple(value.items()),
        ),
        "scaleBoundingBoxes": not_offered("Regions are pixels of the picture: scale them before.", False),
        "sourceImageHeightCol": not_offered("It has no effect without scaleBoundingBoxes.", "height_dimension"),
        "sourceImageWidthCol": not_offered("It has no effect without scaleBoundingBoxes.", "width_dimension"),
        "displayMetadata": not_offered("Labels and scores of regions are columns: see explode(regions).", False),
        **dict.fromkeys(PATCHES, NO_PATCHES),
    }

    def setRegionCol(self, value: str) -> Self:  # noqa: N802
        """Another name for `setInputRegionsCol`."""
        return self.set("inputRegionsCol", value)


class ImageDrawAnnotations(Transformer):
    """Draws the places of annotations over a picture."""

    spec = DrawRegions
    own: ClassVar[Mapping[str, Parameter]] = {
        **DRAWING,
        "inputChunksCol": Parameter(
            default="region", takes=str, note="annotations with places, such as those of HocrTokenizer"
        ),
        "outputCol": Parameter(default="image_with_chunks", field="output_col", note="the picture with the drawing"),
    }

    @override
    def stages(self) -> list[Stage]:
        chunks, drawing = self.getOrDefault("inputChunksCol"), self.stage()
        places = f"{chunks}_regions"
        return [
            AnnotationRegions(input_col=chunks, output_col=places),
            drawing.model_copy(update={"input_regions_col": places}),
        ]

    @override
    def hidden(self) -> list[str]:
        return [f"{self.getOrDefault('inputChunksCol')}_regions"]


class HocrTokenizer(Transformer):
    """Turns hOCR into annotations: one for each word, with its place on the page."""

    spec = HocrTokens
