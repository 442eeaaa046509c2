"""Where the rows of a frame come from: Arrow tables, made on demand in this process or by Ray Data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from raypipe import rows
from raypipe.columns import LINES, LINES_WITH_ALTERNATIVES, POSITIONS, REGIONS, Column
from raypipe.images.image import IMAGE
from raypipe.pipeline import Pipeline
from raypipe.types import Row
from raypipe.visual.stages import ANNOTATIONS

if TYPE_CHECKING:
    from ray.data import Dataset

Change = Callable[[pa.Table], pa.Table]
"""Makes a table from a table; the columns of its result follow from those of its argument."""
RECORDS = (IMAGE, REGIONS, LINES, LINES_WITH_ALTERNATIVES, POSITIONS, ANNOTATIONS)
"""Columns that hold records inside a process."""


def column_of(kind: pa.DataType) -> Column:
    """How a column of an Arrow type is read and written."""
    return next((column for column in RECORDS if column.arrow == kind), Column(kind))


def rows_of(table: pa.Table, plain: Sequence[str] = ()) -> list[Row]:
    """The rows of a table, as stages see them; the columns in `plain` hold no records, but plain values."""
    kinds = {field.name: Column if field.name in plain else column_of for field in table.schema}
    return rows.from_table(table, {field.name: kinds[field.name](field.type) for field in table.schema})


def table_of(some: list[Row], schema: pa.Schema) -> pa.Table:
    """Rows as a table of these columns."""
    return rows.to_table(some, {field.name: column_of(field.type) for field in schema})


def conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table with exactly these columns; Ray Data does not know the type of a column that is empty in a block."""
    if table.schema.equals(schema):
        return table
    arrays = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def as_one(tables: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """Tables of these columns as one; there may be none."""
    some = list(tables)
    return pa.concat_tables(some) if some else schema.empty_table()


class LocalTables:
    """Tables of this process, made by a function each time they are read, unless they are kept."""

    def __init__(self, make: Callable[[], Iterator[pa.Table]], schema: pa.Schema) -> None:
        self._make, self.schema = make, schema

    def __iter__(self) -> Iterator[pa.Table]:
        return self._make()

    def changed(self, change: Change) -> LocalTables:
        """Each table changed."""
        return LocalTables(lambda: map(change, self), change(self.schema.empty_table()).schema)

    def through(self, pipeline: Pipeline, schema: pa.Schema) -> LocalTables:
        """What a pipeline makes of them: tables of these columns."""

        def make() -> Iterator[pa.Table]:
            pages = pipeline.run(row for table in self for row in rows_of(table))
            return (table_of([dict(page)], schema) for page in pages)

        return LocalTables(make, schema)

    def limited(self, count: int) -> LocalTables:
        """The first rows."""

        def make() -> Iterator[pa.Table]:
            left = count
            tables = iter(self) if left > 0 else iter(())
            for table in tables:
                yield table.slice(0, left)
                left -= len(table)
                if left <= 0:
                    return

        return LocalTables(make, self.schema)

    def followed(self, others: LocalTables) -> LocalTables:
        """These, and then others, as tables of these columns."""
        return LocalTables(lambda: chain(self, (conformed(table, self.schema) for table in others)), self.schema)

    def grouped(self, names: Sequence[str], change: Change) -> LocalTables:
        """Tables changed, each of which has all rows with equal values of columns: here one, in memory."""
        after = change(self.schema.empty_table()).schema
        return LocalTables(lambda: iter([conformed(change(as_one(self, self.schema)), after)]), after)

    def sorted(self, names: Sequence[str], ascending: Sequence[bool]) -> LocalTables:
        """The rows in the order of columns."""
        order = [(name, "ascending" if up else "descending") for name, up in zip(names, ascending, strict=True)]
        return LocalTables(lambda: iter([as_one(self, self.schema).sort_by(order)]), self.schema)

    def spread(self, parts: int) -> LocalTables:
        """The same rows in this many blocks: none here, since in one process all CPUs work on the rows as they are."""
        return self

    def kept(self) -> LocalTables:
        """The same tables, made only once: they are kept in memory, as far as they have been made."""
        return LocalTables(_Kept(self).__iter__, self.schema)

    def counted(self) -> int:
        """The number of rows."""
        return sum(len(table) for table in self)


class _Kept:
    """Tables that are made once each, on demand."""

    def __init__(self, tables: LocalTables) -> None:
        self._tables = tables
        self._done: list[pa.Table] = []
        self._rest: Iterator[pa.Table] | None = None

    def __iter__(self) -> Iterator[pa.Table]:
        number = 0
        while True:
            if number == len(self._done):
                try:
                    self._rest = iter(self._tables) if self._rest is None else self._rest
                    self._done.append(next(self._rest))
                except StopIteration:
                    return
                except BaseException:  # The iterator is exhausted: whoever reads next begins again.
                    self._done, self._rest = [], None
                    raise
            yield self._done[number]
            number += 1


class RayTables:
    """Tables of a dataset of Ray Data."""

    def __init__(self, dataset: Dataset, schema: pa.Schema) -> None:
        self.dataset, self.schema = dataset, schema

    def __iter__(self) -> Iterator[pa.Table]:
        blocks = self.dataset.iter_batches(batch_size=None, batch_format="pyarrow")
        return (conformed(block, self.schema) for block in blocks if len(block))

    def changed(self, change: Change) -> RayTables:
        """See `LocalTables`."""
        before, after = self.schema, change(self.schema.empty_table()).schema

        def on_block(block: pa.Table) -> pa.Table:
            return change(conformed(block, before))

        return RayTables(self.dataset.map_batches(on_block, batch_size=None, batch_format="pyarrow"), after)

    def through(self, pipeline: Pipeline, schema: pa.Schema) -> RayTables:
        """See `LocalTables`."""
        return RayTables(pipeline.transform(self.dataset), schema)

    def limited(self, count: int) -> RayTables:
        """See `LocalTables`."""
        return RayTables(self.dataset.limit(count), self.schema)

    def followed(self, others: RayTables) -> RayTables:
        """See `LocalTables`."""
        return RayTables(self.dataset.union(others.dataset), self.schema)

    def grouped(self, names: Sequence[str], change: Change) -> RayTables:
        """See `LocalTables`; here no more than a group is read into memory at a time."""
        before, after = self.schema, change(self.schema.empty_table()).schema

        def on_group(block: pa.Table) -> pa.Table:
            return change(conformed(block, before))

        groups = self.dataset.groupby(list(names) or None)
        return RayTables(groups.map_groups(on_group, batch_format="pyarrow"), after)

    def sorted(self, names: Sequence[str], ascending: Sequence[bool]) -> RayTables:
        """See `LocalTables`."""
        return RayTables(self.dataset.sort(list(names), [not up for up in ascending]), self.schema)

    def spread(self, parts: int) -> RayTables:
        """See `LocalTables`."""
        return RayTables(self.dataset.repartition(parts), self.schema)

    def kept(self) -> RayTables:
        """See `LocalTables`; they are kept in Ray's object store, from their first use on."""
        return _Materialized(self)

    def counted(self) -> int:
        """See `LocalTables`."""
        return int(self.dataset.count())


class _Materialized(RayTables):
    """Tables that Ray Data computes once."""

    def __init__(self, tables: RayTables) -> None:
        self._lazy: RayTables | None = tables
        self.schema = tables.schema

    @property
    def dataset(self) -> Any:
        """The dataset, computed."""
        if self._lazy is not None:
            self._done, self._lazy = self._lazy.dataset.materialize(), None
        return self._done


Tables: TypeAlias = LocalTables | RayTables
"""Where the rows of a frame come from."""
