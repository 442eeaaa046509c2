"""How columns are stored: between processes and in files they have the Arrow types of their records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, get_args, get_origin, get_type_hints

import pyarrow as pa

from raypipe.errors import ConfigError, reason_of
from raypipe.types import Crops, Line, PageMatrix, Region, Roles


@dataclass(frozen=True)
class Column:
    """How a column is stored: its Arrow type, the record it holds and its value if a page failed.

    Attributes:
        arrow: The Arrow type.
        decode: Turns a value from `to_pylist()` into what stages see.
        encode: The reverse of `decode`.
        empty: Makes the value for a page that failed or has no text.
        role: What outputs use the column for, such as `text`, whatever its name; None: it is just passed on.
    """

    arrow: pa.DataType
    decode: Callable[[Any], Any] = lambda value: value
    encode: Callable[[Any], Any] = lambda value: value
    empty: Callable[[], Any] = lambda: None
    role: str | None = None

    def in_place_of(self, before: Column | None) -> Column:
        """The column when it replaces another one, whose role it takes over if it has no role of its own."""
        return replace(self, role=self.role or before.role) if before else self

    def to_arrow(self, values: Sequence[Any]) -> pa.Array:
        """The values of many rows as an Arrow array."""
        return pa.array([None if value is None else self.encode(value) for value in values], self.arrow)

    def from_arrow(self, array: pa.ChunkedArray) -> list[Any]:
        """The values of many rows from an Arrow array."""
        return [None if value is None else self.decode(value) for value in array.to_pylist()]


def arrow_of(kind: Any, without: Collection[str] = ()) -> pa.DataType:
    """The Arrow type of a record, or of the annotation of one of its fields; those in `without` are not stored."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return pa.struct([(name, arrow_of(hints[name], without)) for name in _stored(kind, without)])
    if get_origin(kind) is list:
        return pa.list_(arrow_of(get_args(kind)[0], without))
    if get_origin(kind) is dict:
        return pa.map_(*(arrow_of(each, without) for each in get_args(kind)))
    return _SCALARS[kind]


def _stored(kind: Any, without: Collection[str]) -> list[str]:
    return [field.name for field in fields(kind) if field.name not in without]


def fits(arrow: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column of one type can be read as one of another: its records may have further fields."""
    if pa.types.is_struct(arrow) and pa.types.is_struct(wanted):
        held = {field.name: field.type for field in arrow}
        return all(field.name in held and fits(held[field.name], field.type) for field in wanted)
    if pa.types.is_list(arrow) and pa.types.is_list(wanted):
        return fits(arrow.value_type, wanted.value_type)
    return bool(arrow == wanted)


_SCALARS = {str: pa.string(), bool: pa.bool_(), int: pa.int32(), float: pa.float32(), bytes: pa.large_binary()}


def _inner(kind: Any) -> dict[str, Any]:
    """The fields of a record that hold lists of records, with the records' type."""
    items = {name: get_args(hint)[0] for name, hint in get_type_hints(kind).items() if get_origin(hint) is list}
    return {name: item for name, item in items.items() if is_dataclass(item)}


def encoder(kind: Any, without: Collection[str] = ()) -> Callable[[Any], dict[str, Any]]:
    """A function that turns a record of this kind into plain values; see `arrow_of`."""
    names = _stored(kind, without)
    inner = {name: encoder(item, without) for name, item in _inner(kind).items() if name in names}

    def encode(record: Any) -> dict[str, Any]:
        # `dataclasses.asdict` copies values deeply, which takes five times as long.
        values = {name: getattr(record, name) for name in names}
        return {**values, **{name: [each(item) for item in values[name]] for name, each in inner.items()}}

    return encode


def decoder(kind: Any) -> Callable[[Mapping[str, Any]], Any]:
    """A function that turns plain values into a record of this kind; fields that have defaults may be missing."""
    inner = {name: decoder(item) for name, item in _inner(kind).items()}

    def decode(values: Mapping[str, Any]) -> Any:
        nested = {name: [each(item) for item in values[name]] for name, each in inner.items() if name in values}
        return kind(**{**values, **nested})

    return decode


def roles_of(columns: Mapping[str, Column]) -> Roles:
    """The roles of the columns of finished rows; if several have the same role, the last one plays it."""
    playing = {column.role: name for name, column in columns.items() if column.role}
    others = [name for name in columns if name not in playing.values()]
    return Roles(
        columns=playing,
        further=tuple(name for name in others if _is_simple(columns[name].arrow)),
    )


def _is_simple(arrow: pa.DataType) -> bool:
    """Whether JSON can hold values of this type: text, numbers, and lists and structs of them."""
    if pa.types.is_struct(arrow):
        return all(_is_simple(field.type) for field in arrow)
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return _is_simple(arrow.value_type)
    kinds = pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating
    return any(is_kind(arrow) for is_kind in kinds)


def column_of(kind: Any) -> Column:
    """A column with a record in each row."""
    return Column(arrow_of(kind), decode=decoder(kind), encode=encoder(kind))


def list_column_of(kind: Any, role: str | None = None, without: Collection[str] = ()) -> Column:
    """A column with a list of records in each row; see `arrow_of`."""
    decode, encode = decoder(kind), encoder(kind, without)
    return Column(
        pa.list_(arrow_of(kind, without)),
        decode=lambda values: [decode(each) for each in values],
        encode=lambda records: [encode(record) for record in records],
        empty=list,
        role=role,
    )


def given(name: str, column: Column) -> Column:
    """A column that comes with the input, whose values may be plain or records, and are checked.

    Its `decode` raises a ConfigError for a value that does not fit the column.
    """

    def decode(value: Any) -> Any:
        try:
            if isinstance(value, Mapping) and pa.types.is_list(column.arrow):
                raise TypeError("it is one record, not a list of them")
            items = value if isinstance(value, Sequence) else [value]
            is_plain = any(isinstance(item, Mapping) for item in items)
            decoded = column.decode(_without_nulls(value)) if is_plain else value
            column.to_arrow([decoded])
        except (AttributeError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
            raise ConfigError(
                f"The column {name!r} of the input does not hold {column.arrow}: {reason_of(error)}.",
                "Give it the values that the stage which usually writes the column would write.",
            ) from error
        return decoded

    return replace(column, decode=decode)


def _without_nulls(value: Any) -> Any:
    """A plain value without its null fields, so that records fill in their defaults."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, (list, tuple)) else value


TEXT = Column(pa.string(), empty=str)
NULLABLE_TEXT = Column(pa.string())
INTEGER = Column(pa.int32())
FLOAT = Column(pa.float32())
BYTES = Column(pa.binary())
RECOGNIZED = Column(pa.string(), empty=str, role="text")
CONFIDENCE = Column(pa.list_(pa.float32()), empty=list, role="confidence")
TURNED = Column(pa.int32(), role="turned")
LANGUAGE = Column(pa.string(), role="language")
REGIONS = list_column_of(Region, "regions")
UNLESS_ASKED_FOR = ("alternatives",)
"""Fields of records that are stored only on request, so that the types of other columns stay as they were. JSON leaves
them out where they are empty."""
LINES = list_column_of(Line, "lines", without=UNLESS_ASKED_FOR)
LINES_WITH_ALTERNATIVES = list_column_of(Line, "lines")
POSITIONS = list_column_of(PageMatrix, "positions")
PICTURE = Column(pa.binary(), role="picture")
OVERLAY = Column(pa.string(), role="overlay")
CROPS = column_of(Crops)
