"""From pictures to the pictures of their regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Self

from typing_extensions import override

from raypipe.types import Row
from raypipe.visual import regions
from raypipe.visual.enums import ImageType
from raypipe.visual.frame import Frame
from raypipe.visual.once import warn
from raypipe.visual.parameters import Parameter, plain
from raypipe.visual.transformers.bases import NAMES, FrameTransformer


class ImageSplitRegions(FrameTransformer):
    """Cuts the regions out of a picture: a row for each."""

    own: ClassVar[Mapping[str, Parameter]] = {
        "inputCol": Parameter(default="image", takes=str, note="the picture"),
        "inputRegionsCol": Parameter(default="region", takes=str, note="the regions"),
        "outputCol": Parameter(default="region_image", takes=str, note="the picture of a region"),
        "explodeCols": Parameter(
            default=(), takes=NAMES, note="lists with an item for each region; each row gets the item of its region"
        ),
        "rotated": Parameter(
            default=False, takes=bool, note="straighten rotated regions; False: upright ones around them"
        ),
        "dropCols": Parameter(default=(), takes=NAMES, note="columns to leave out"),
        "imageType": Parameter(default=ImageType.TYPE_3BYTE_BGR, note="grey or colour"),
    }

    def setRegionCol(self, value: str) -> Self:  # noqa: N802
        """Another name for `setInputRegionsCol`."""
        return self.set("inputRegionsCol", value)

    @override
    def check(self) -> None:
        self._split()

    @override
    def on_frame(self, frame: Frame) -> Frame:
        split = self._split()
        frame.require([split.picture, split.regions, *split.explode], type(self).__name__)
        for name in set(split.drop) - set(frame.tables.schema.names):
            warn(f"{type(self).__name__}: dropCols names {name!r}, which the frame does not have.")
        return frame.mapped(partial(regions.split, split), {"index"})

    def on_rows(self, rows: Sequence[Row]) -> list[Row]:
        """Rows as stages see them: one for each region of those that are given."""
        return regions.split_rows(self._split(), rows)

    def _split(self) -> regions.Split:
        return regions.Split.of(type(self).__name__, {name: plain(self.getOrDefault(name)) for name in self.parameters})
