"""BinaryToImage: from encoded bytes to a picture."""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field
from typing_extensions import override

from raypipe.columns import BYTES, INTEGER, NULLABLE_TEXT, TEXT
from raypipe.images.base import Wanted
from raypipe.images.image import IMAGE, Image, Limits, open_image
from raypipe.images.kinds import is_one_page, may_have_pages, page_count
from raypipe.inputs.pages import Where
from raypipe.stages import sample
from raypipe.stages.base import Stage, Step, Worker
from raypipe.stages.text_layer import COLUMNS, LAYER_TEXT, TEXT_SOURCE, Use, lines_of, text_of
from raypipe.types import Row


class ImageOpener(Worker["BinaryToImage"]):
    """Checks each file's header and prepares its page for decoding."""

    @override
    def warm_up(self) -> None:
        spec = self.spec
        self._open({spec.input_col: sample.encoded(), spec.origin_col: sample.NAME, spec.page_num_col: 0}).pixels()

    @override
    def process_page(self, row: Row) -> None:
        row[self.spec.output_col] = image = self._open(row)
        self._correct_total(row, image)
        self._take_layer(row, image)
        image.tell = partial(self._warn, row, image.origin)
        image.tell(image.warning)

    def _warn(self, row: Row, origin: str, warning: str) -> None:
        row[self.spec.warning_col] = f"{origin}: {warning}." if warning else None

    def _correct_total(self, row: Row, image: Image) -> None:
        """Counts the pages of a document that was taken for one page because it has the name of a picture."""
        named_as_one = row.get("total_pages") == 1 and is_one_page(image.origin)
        if named_as_one and image.data is not None and may_have_pages(image.data):
            row["total_pages"] = page_count(image.data)

    def _take_layer(self, row: Row, image: Image) -> None:
        """Gives the page the text that its file holds, if that is wanted and reliable."""
        how, layer, warnings = self.spec.text_layer, image.layer, [image.warning]
        if how == "compare":
            row[LAYER_TEXT] = text_of(lines_of(layer)) if layer else None
        if how == "use":
            if layer and layer.doubt:
                warnings.append(f"its text layer is not used: {layer.doubt}")
            elif layer:
                image.lines = lines_of(layer)
                warnings.append(layer.unread)
            row[TEXT_SOURCE] = "layer" if image.lines is not None else "ocr"
        image.warning = "; ".join(filter(None, warnings))

    def _open(self, row: Row) -> Image:
        spec = self.spec
        data, origin, page = row.get(spec.input_col), row[spec.origin_col], row[spec.page_num_col]
        limits = Limits(spec.max_bytes, spec.max_megapixels, spec.max_pages)
        layer = spec.text_layer != "ocr"
        wanted = Wanted(
            reduce_above=spec.reduce_above, omit_bits=spec.omit_bits, resolution=spec.resolution, layer=layer
        )
        return open_image(data, origin, page, spec.image_type == "TYPE_BYTE_GRAY", limits, wanted)


class BinaryToImage(Stage):
    """Turns encoded bytes into a picture: any raster format, orientation, bit depth, colour or transparency.

    Each page of a TIFF or PDF is its own row. Bytes come from `input_col` or, if that is absent, from the file that
    `origin_col` names.
    """

    input_col: str = Field("content", description="encoded bytes")
    origin_col: str = Field("path", description="where the bytes came from")
    output_col: str = Field("image", description="the picture")
    warning_col: str = Field(
        "warning",
        description="what is damaged, missing or not read in the file, although the page was read; null if nothing",
    )
    image_type: Literal["TYPE_BYTE_GRAY", "TYPE_3BYTE_BGR"] = Field("TYPE_3BYTE_BGR", description="grey or colour")
    page_num_col: str = Field("pagenum", description="number of the page in its document, from 0")
    keep_input: bool = Field(False, description="keep the encoded bytes")
    max_bytes: int = Field(200_000_000, ge=1, description="largest file, in bytes")
    max_megapixels: float = Field(150, gt=0, description="largest picture, in millions of pixels")
    max_pages: int = Field(2000, ge=1, description="most pages in a document")
    resolution: int | None = Field(
        None,
        ge=36,
        le=1200,
        description="dots per inch at which the pages of a PDF are drawn; None: those of a scan, 300 for other pages",
    )
    text_layer: Use = Field(
        "ocr",
        description="the text that a PDF itself holds for a page: ocr ignores it and reads the picture; use takes it "
        "where it is reliable, and says so in the column text_source; compare adds it as the column layer_text. Other "
        "files have none",
    )
    reduce_above: int = Field(
        1900,
        ge=0,
        description="decode a JPEG at 1/2, 1/4 or 1/8 size if its longer side keeps this many pixels; 0: never",
    )
    omit_bits: int = Field(
        0,
        ge=0,
        le=2,
        description="leave out up to this many of the least significant bits of a progressive JPEG, most of the work "
        "of decoding it, where it is finer than a picture of reduce_above pixels has to be",
    )

    @override
    def steps(self) -> tuple[Step, ...]:
        layer = COLUMNS[self.text_layer]
        reads = {self.origin_col: TEXT, self.page_num_col: INTEGER, self.input_col: BYTES}
        return (
            Step(
                stage=self,
                worker=ImageOpener,
                reads=reads,
                writes={self.output_col: IMAGE, self.warning_col: NULLABLE_TEXT, **layer},
                drops=() if self.keep_input else (self.input_col,),
                opens=Where(self.input_col, self.origin_col, self.page_num_col),
            ),
        )
