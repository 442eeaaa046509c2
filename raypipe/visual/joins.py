"""Joins of two frames: Arrow joins no tables with lists or structs, and Ray Data needs a further library for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from raypipe.errors import ConfigError
from raypipe.visual.tables import Tables, as_one

MOST_ROWS = 200_000
"""A larger frame is not sent to every process."""
RAYS_WAY = "Ray Data joins large ones: frame.dataset.join(other.dataset, ...), which needs the package polars."


@dataclass(frozen=True)
class Join:
    """How two frames are joined.

    Attributes:
        on: Columns whose values must be equal; empty: each row matches each row.
        keeps: Whether rows without a match are kept.
    """

    on: tuple[str, ...]
    keeps: bool

    @classmethod
    def of(cls, on: Sequence[str], how: str, left: pa.Schema, right: pa.Schema) -> Join:
        """A join of frames with these columns.

        Raises:
            ConfigError: Both have a column that is not in `on`, or it is a join of another kind.
        """
        both = [name for name in left.names if name in right.names and name not in on]
        if both:
            raise ConfigError(
                f"Both frames have a column {both[0]!r}.", f"Join them on it, or give other.drop({both[0]!r})."
            )
        if how not in ("inner", "left", "left_outer", "cross"):
            raise ConfigError(f"Frames have no join {how!r}.", f"Use inner or left. {RAYS_WAY}")
        return cls(tuple(on), how.startswith("left"))


@dataclass(frozen=True)
class Index:
    """The rows of the frame that others are joined with, and their numbers by the values that are compared."""

    table: pa.Table
    places: Mapping[tuple[Hashable, ...], Sequence[int]]


def indexed(how: Join, tables: Tables) -> Index:
    """The rows of a frame, by the values that are compared.

    Raises:
        ConfigError: There are too many.
    """
    whole = as_one(tables.limited(MOST_ROWS + 1), tables.schema)
    if len(whole) > MOST_ROWS:
        raise ConfigError(f"The other frame of a join has more than {MOST_ROWS:,} rows.", RAYS_WAY)
    places: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for number, key in enumerate(_keys(how, whole)):
        places[key].append(number)
    return Index(whole.drop_columns(list(how.on)), dict(places))


def joined(how: Join, index: Index, table: pa.Table) -> pa.Table:
    """The rows of a table, each beside every matching row of the other frame."""
    left: list[int] = []
    right: list[int | None] = []
    for number, key in enumerate(_keys(how, table)):
        places: Sequence[int | None] = index.places.get(key) or ([None] if how.keeps else [])
        left += [number] * len(places)
        right += places
    beside = index.table.take(pa.array(right, pa.int64()))
    result = table.take(pa.array(left, pa.int64()))
    for name in beside.column_names:
        result = result.append_column(name, beside[name])
    return result


def _keys(how: Join, table: pa.Table) -> list[tuple[Any, ...]]:
    """The values that are compared, for each row."""
    if not how.on:
        return [()] * len(table)
    return list(zip(*(table[name].to_pylist() for name in how.on), strict=True))
