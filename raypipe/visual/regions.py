"""Changes to whole tables: a row for each region, and bytes from text in base 64."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from raypipe.columns import REGIONS, given
from raypipe.errors import ConfigError, Failure, InputError, PageError, reason_of
from raypipe.geometry import Floats, bounds, crop
from raypipe.images.image import BGR, GRAY, IMAGE, Image
from raypipe.plurals import counted
from raypipe.types import Pixels, Region, Row, boxes_from_regions
from raypipe.visual.expressions import with_array
from raypipe.visual.stages import full_size, picture_of
from raypipe.visual.tables import rows_of, table_of

WIDEST = 1 << 15
"""OpenCV makes no wider picture."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """How regions are cut out of pictures.

    Attributes:
        stage: The name of the stage, for failures.
        picture, regions, output: Columns: pictures, their regions, and the pictures of these.
        explode: Columns with an item for each region.
        drop: Columns to leave out.
        rotated: Whether rotated regions are straightened.
        gray: Whether the results are grey.
    """

    stage: str
    picture: str
    regions: str
    output: str
    explode: tuple[str, ...]
    drop: tuple[str, ...]
    rotated: bool
    gray: bool

    @classmethod
    def of(cls, stage: str, values: Mapping[str, Any]) -> Split:
        """From the parameters of the stage.

        Raises:
            ConfigError: One of them is wrong.
        """
        if values["imageType"] not in ("TYPE_BYTE_GRAY", "TYPE_3BYTE_BGR"):
            raise ConfigError(f"imageType is {values['imageType']}.", "Use TYPE_BYTE_GRAY or TYPE_3BYTE_BGR.")
        return cls(
            stage=stage,
            picture=values["inputCol"],
            regions=values["inputRegionsCol"],
            output=values["outputCol"],
            explode=_names(values["explodeCols"]),
            drop=_names(values["dropCols"]),
            rotated=bool(values["rotated"]),
            gray=values["imageType"] == "TYPE_BYTE_GRAY",
        )


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def split(how: Split, table: pa.Table) -> pa.Table:
    """A table with a row for each region: its number in `index`, and its picture. A page that failed keeps its row.

    Raises:
        ConfigError: A column of `explode` has no lists, or the result's column is one of those or of `drop`.
    """
    schema = _schema(how, table.schema)
    return table_of(split_rows(how, rows_of(table, how.explode)), schema)


def split_rows(how: Split, rows: Sequence[Row]) -> list[Row]:
    """See `split`: the same for rows as stages see them."""
    return [each for row in rows for each in _split(how, row)]


def _schema(how: Split, schema: pa.Schema) -> pa.Schema:
    if how.output in (*how.explode, *how.drop):
        raise ConfigError(f"{how.stage} would lose its result, {how.output!r}, to another parameter.", "Set outputCol.")
    columns = {field.name: field.type for field in schema}
    for name in how.explode:
        if not pa.types.is_list(columns[name]) and not pa.types.is_large_list(columns[name]):
            remedy = "Name columns of lists in explodeCols, each with an item for each region."
            raise ConfigError(f"{how.stage} cannot explode the column {name!r}, which holds {columns[name]}.", remedy)
        columns[name] = columns[name].value_type
    columns |= {how.output: IMAGE.arrow, "index": pa.int32()}
    columns.setdefault("exception", pa.string())
    return pa.schema([(name, kind) for name, kind in columns.items() if name not in how.drop])


def _split(how: Split, row: Row) -> Iterator[Row]:
    image, nothing = row[how.picture], {how.output: None, "index": None, **dict.fromkeys(how.explode)}
    if row.get("exception") or image is None:
        yield {**row, **nothing}
        return
    page_regions: list[Region] = given(how.regions, REGIONS).decode(row[how.regions] or [])
    try:
        _check_items(how, row, len(page_regions))
        pictures = list(_pictures(how, image, page_regions))
    except PageError as error:
        yield {**row, **nothing, "exception": str(Failure(how.stage, error.code, str(error)))}
        return
    for number, picture in enumerate(pictures):
        own = {name: row[name][number] for name in how.explode}
        yield {**row, **own, how.output: picture, "index": number}


def _check_items(how: Split, row: Row, count: int) -> None:
    """Makes sure that each list to be exploded has an item for each region; if not, that is a `PageError`."""
    for name in how.explode:
        if (has := len(row[name] or ())) != count:
            what = f"The column {name!r} has {counted(has, 'item')} for {counted(count, 'region')}."
            raise PageError("items_missing", what, "Give it an item for each region, or leave it out of explodeCols.")


def _pictures(how: Split, image: Image, page_regions: list[Region]) -> Iterator[Image]:
    pixels = full_size(image).bgr()
    for box in boxes_from_regions(page_regions):
        part = crop(pixels, box, max(round(float(box[3])), 1), WIDEST) if how.rotated else _cut(pixels, box)
        part = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), np.uint8) if how.gray else part
        yield replace(picture_of(part, image), mode=GRAY if how.gray else BGR)


def _cut(pixels: Pixels, box: Floats) -> Pixels:
    """The upright part of a page around a box; at least a pixel."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = np.rint(bounds(box[None])[0]).astype(int).tolist()
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    return pixels[top : max(bottom, top + 1), left : max(right, left + 1)]


def decoded(source: str, target: str, table: pa.Table) -> pa.Table:
    """A table with the bytes of text in base 64.

    Raises:
        InputError: A text is not base 64.
    """
    what = f"A value of the column {source!r}"
    values = [None if text is None else from_base64(text, what) for text in table[source].to_pylist()]
    return with_array(table, target, pa.array(values, pa.large_binary()))


def from_base64(text: str, what: str) -> bytes:
    """The bytes of text in base 64.

    Raises:
        InputError: It is not; the message says what.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, TypeError) as error:
        raise InputError(f"{what} is not base 64: {reason_of(error)}.", "Give a file in base 64.") from error
