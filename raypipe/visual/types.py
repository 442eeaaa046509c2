"""Types of columns: what pyspark.sql.types calls them, as Arrow's types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from raypipe.errors import ConfigError
from raypipe.visual.absent import stand_ins_for_others

__all__ = [
    "ArrayType", "BinaryType", "BooleanType", "DateType", "DoubleType", "FloatType", "IntegerType", "LongType",
    "MapType", "StringType", "StructField", "StructType", "TimestampType",
]  # fmt: skip

StringType, BinaryType, BooleanType = pa.string, pa.binary, pa.bool_
IntegerType, LongType, FloatType, DoubleType = pa.int32, pa.int64, pa.float32, pa.float64
DateType = pa.date32
BY_NAME = {
    "string": pa.string(), "binary": pa.binary(), "boolean": pa.bool_(), "int": pa.int32(), "integer": pa.int32(),
    "bigint": pa.int64(), "long": pa.int64(), "float": pa.float32(), "double": pa.float64(), "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}  # fmt: skip


def TimestampType() -> pa.DataType:  # noqa: N802 - pyspark's names, here and below
    """Moments."""
    return BY_NAME["timestamp"]


def ArrayType(elementType: pa.DataType, containsNull: bool = True) -> pa.DataType:  # noqa: N802, N803
    """Lists of items of one type."""
    return pa.list_(elementType)


def MapType(keyType: pa.DataType, valueType: pa.DataType, valueContainsNull: bool = True) -> pa.DataType:  # noqa: N802, N803
    """Values by keys."""
    return pa.map_(keyType, valueType)


def StructField(name: str, dataType: pa.DataType, nullable: bool = True) -> pa.Field:  # noqa: N802, N803
    """A field of a struct."""
    return pa.field(name, dataType, nullable)


def StructType(fields: Sequence[pa.Field] = ()) -> pa.StructType:  # noqa: N802
    """Structs of these fields."""
    return pa.struct(fields)


def arrow_type(kind: Any) -> pa.DataType:
    """A type from what programs write: `StringType()`, `"string"` or `"array<string>"`.

    Raises:
        ConfigError: There is no such type.
    """
    if isinstance(kind, pa.DataType):
        return kind
    if isinstance(kind, str) and kind.startswith("array<") and kind.endswith(">"):
        return pa.list_(arrow_type(kind[6:-1]))
    if not isinstance(kind, str) or kind.strip().lower() not in BY_NAME:
        raise ConfigError(f"{kind!r} is not a type.", f"Use {', '.join(BY_NAME)}, array<...>, or raypipe.visual.types.")
    return BY_NAME[kind.strip().lower()]


__getattr__ = stand_ins_for_others(
    __name__, f"there are {', '.join(__all__)}. Types of Arrow's, such as pyarrow.int16(), can be given, too"
)
