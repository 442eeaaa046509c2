"""What leaves a frame: rows with attributes, and columns with Visual NLP's types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from raypipe.errors import Failure, PageError
from raypipe.files.paths import read_file
from raypipe.images.image import GRAY, IMAGE, Image
from raypipe.stages.decode import BinaryToImage
from raypipe.stages.draw import encode
from raypipe.types import Row as Values
from raypipe.visual.expressions import with_array
from raypipe.visual.stages import full_size

OWN_FIELDS = ("page", "reduction", "omitted_bits", "lines")
"""Fields of raypipe's picture that Visual NLP's does not have."""
PICTURE = pa.struct([field for field in IMAGE.arrow if field.name not in OWN_FIELDS])
"""Visual NLP's Image struct; `data` are pixels, row by row: (height, width, nChannels)."""


class Row:
    """A row: values by number, and by name as items and as attributes."""

    def __init__(self, /, **values: Any) -> None:
        self._names, self._values = tuple(values), tuple(values.values())

    def __getattr__(self, name: str) -> Any:
        names = self.__dict__.get("_names", ())
        if name not in names:
            raise AttributeError(f"The row has no {name}; it has {', '.join(names)}.")
        return self._values[names.index(name)]

    def __getitem__(self, key: int | slice | str) -> Any:
        return getattr(self, key) if isinstance(key, str) else self._values[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __eq__(self, other: object) -> bool:
        if isinstance(other, tuple):
            return self._values == other
        return isinstance(other, Row) and (self._names, self._values) == (other._names, other._values)

    def __lt__(self, other: Row) -> bool:
        return self._values < other._values

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{name}={value!r}' for name, value in self.asDict().items())})"

    @property
    def __fields__(self) -> list[str]:
        return list(self._names)

    def asDict(self, recursive: bool = False) -> dict[str, Any]:  # noqa: N802 - pyspark's name
        """The values by name; `recursive`: also those of rows in them."""
        values = [_plain(value) for value in self._values] if recursive else self._values
        return dict(zip(self._names, values, strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, Row):
        return value.asDict(recursive=True)
    return [_plain(each) for each in value] if isinstance(value, list) else value


def row_of(values: Mapping[str, Any]) -> Row:
    """A row from plain values; structs in it become rows, too."""
    return Row(**{name: _record(value) for name, value in values.items()})


def _record(value: Any) -> Any:
    if isinstance(value, Mapping):
        return row_of(value)
    if isinstance(value, list):
        return dict(value) if value and isinstance(value[0], tuple) else [_record(each) for each in value]
    return value


def outward_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column as it leaves a frame."""
    return PICTURE if kind == IMAGE.arrow else kind


def outward(table: pa.Table, names: Sequence[str], pixels: bool = True) -> Iterator[Values]:
    """The rows of a table with some of its columns, as they leave a frame.

    Pictures get their pixels, and files their bytes, if wanted: a frame only knows where they are, and a page takes a
    byte or three of memory per pixel. A picture that cannot be decoded has none, and the row's `exception` says why.
    """
    pictures = [name for name in names if table.schema.field(name).type == IMAGE.arrow]
    for row in table.to_pylist():
        failures = []
        for name in pictures:
            row[name], failure = _picture(row[name], pixels)
            failures += [failure] if failure else []
        if pixels and "content" in names and row["content"] is None and row.get("path"):
            try:
                row["content"] = read_file(row["path"])
            except PageError as error:
                failures.append(str(Failure("read", error.code, str(error))))
        if failures and "exception" in row:
            row["exception"] = row["exception"] or failures[0]
        yield {name: row[name] for name in names}


def inward(table: pa.Table) -> pa.Table:
    """A table that left a frame, such as one from a file, as frames hold it: its pictures are files in memory again."""
    for name in [field.name for field in table.schema if field.type == PICTURE]:
        images = [_of_pixels(value) if value and value["data"] else None for value in table[name].to_pylist()]
        table = with_array(table, name, IMAGE.to_arrow(images))
    return table


def _of_pixels(value: Mapping[str, Any]) -> Image:
    """A picture from its fields and pixels."""
    shape = (value["height"], value["width"], value["nChannels"])
    pixels = np.frombuffer(value["data"], np.uint8).reshape(shape)
    fields = {name: value[name] for name in ("origin", "width", "height", "mode", "resolution")}
    plain = "pgm" if value["nChannels"] == 1 else "ppm"
    return Image(**fields, page=0, data=encode(pixels, plain), in_memory=True)


def _picture(value: Mapping[str, Any] | None, pixels: bool) -> tuple[dict[str, Any] | None, str | None]:
    """A picture as it leaves a frame, and why it has no pixels, if they cannot be decoded."""
    if value is None:
        return None, None
    seen = {name: each for name, each in value.items() if name not in OWN_FIELDS}
    if not pixels:
        return {**seen, "data": None}, None
    try:
        return {**seen, "data": decoded(IMAGE.decode(value)).tobytes()}, None
    except PageError as error:
        return {**seen, "data": None}, str(Failure(BinaryToImage.__name__, error.code, str(error)))


def decoded(image: Image) -> Any:
    """The pixels of a picture at its full resolution, uint8 (h, w) or (h, w, 3) BGR, as its mode says.

    Raises:
        PageError: The file is gone, truncated or damaged.
    """
    whole = full_size(image)
    pixels = whole.pixels()
    return pixels if image.mode == GRAY or pixels.ndim == 3 else whole.bgr()
