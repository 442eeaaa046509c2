"""Tables and schemas as text, as Spark prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

NAMES = {
    pa.string(): "string",
    pa.large_string(): "string",
    pa.int32(): "integer",
    pa.int64(): "long",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.binary(): "binary",
    pa.large_binary(): "binary",
}
CUT = 20
"""Characters of a value, unless it is asked for more."""


def table(rows: Sequence[Mapping[str, Any]], columns: pa.Schema, truncate: bool | int) -> str:
    """Rows as a table between lines; `truncate`: characters of a value, True: `CUT`, False: all."""
    cells = [columns.names, *([_cell(row, field, truncate) for field in columns] for row in rows)]
    widths = [max(3, *(len(line[n]) for line in cells)) for n in range(len(columns))]
    rule = "+" + "+".join("-" * width for width in widths) + "+"
    side = "<" if truncate is False else ">"
    lines = [
        "|" + "|".join(f"{cell:{side}{width}}" for cell, width in zip(line, widths, strict=True)) + "|"
        for line in cells
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def lines(rows: Sequence[Mapping[str, Any]], columns: pa.Schema, truncate: bool | int) -> str:
    """Rows as a line for each value; see `table`."""
    width = max((len(name) for name in columns.names), default=0)
    each = [
        [f"-RECORD {number}-", *(f" {field.name:<{width}} | {_cell(row, field, truncate)}" for field in columns)]
        for number, row in enumerate(rows)
    ]
    return "\n".join(line for record in each for line in record)


def _cell(row: Mapping[str, Any], field: pa.Field, truncate: bool | int) -> str:
    text, longest = text_of(row[field.name], field.type), CUT if truncate is True else int(truncate)
    return text if not longest or len(text) <= longest else f"{text[: max(longest - 3, 0)]}..."


def text_of(value: Any, kind: pa.DataType) -> str:
    """A value of a type as text."""
    if value is None:
        return "NULL"
    if pa.types.is_struct(kind):
        return f"{{{', '.join(text_of(value[field.name], field.type) for field in kind)}}}"
    if pa.types.is_map(kind):
        items = (f"{text_of(key, kind.key_type)} -> {text_of(each, kind.item_type)}" for key, each in value)
        return f"{{{', '.join(items)}}}"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"[{', '.join(text_of(each, kind.value_type) for each in value)}]"
    if pa.types.is_float32(kind):
        return str(np.float32(value))  # Its own digits, not those of the double that Python makes of it.
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return f"[{value[:16].hex(' ').upper()}]"
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    return str(value).replace("\n", "\\n")


def schema(columns: pa.Schema) -> str:
    """Columns as a tree."""
    return "\n".join(["root", *(line for field in columns for line in _field(field.name, field.type, " |"))])


def _field(name: str, kind: pa.DataType, stem: str) -> list[str]:
    head = f"{stem}-- {name}: {type_name(kind)} (nullable = true)"
    if pa.types.is_struct(kind):
        return [head, *(line for each in kind for line in _field(each.name, each.type, f"{stem}    |"))]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        item = kind.value_type
        inner = [f"{stem}    |-- element: {type_name(item)} (containsNull = true)"]
        fields = item if pa.types.is_struct(item) else ()
        return [head, *inner, *(line for each in fields for line in _field(each.name, each.type, f"{stem}    |    |"))]
    return [head]


def type_name(kind: pa.DataType) -> str:
    """Spark's name of a type."""
    if pa.types.is_struct(kind):
        return "struct"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "array"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    return NAMES.get(kind, str(kind))
