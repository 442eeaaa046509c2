"""Page rows as Arrow tables: how rows go from one process to another and into files."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from raypipe.columns import Column
from raypipe.types import Row


def from_table(table: pa.Table, columns: Mapping[str, Column]) -> list[Row]:
    """The rows of a table. Columns that the pipeline does not know are left out; see `others`."""
    names = [name for name in columns if name in table.column_names]
    values = [columns[name].from_arrow(table[name]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def to_table(rows: list[Row], columns: Mapping[str, Column]) -> pa.Table:
    """Rows as a table with exactly these columns, in this order; a column that a row lacks is null."""
    arrays = [column.to_arrow([row.get(name) for row in rows]) for name, column in columns.items()]
    return pa.Table.from_arrays(arrays, schema=schema(columns))


def schema(columns: Mapping[str, Column]) -> pa.Schema:
    """The Arrow schema of columns."""
    return pa.schema([(name, column.arrow) for name, column in columns.items()])


def others(table: pa.Table, columns: Mapping[str, Column]) -> pa.Table:
    """The columns of a table that the pipeline does not know, which pass through it."""
    return table.select([name for name in table.column_names if name not in columns])
