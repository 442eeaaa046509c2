"""Groups of rows: `frame.groupBy("path").agg(avg("confidence"))`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from raypipe.errors import ConfigError, reason_of
from raypipe.visual.expressions import Column, as_column, combined, lit, title_of, values, with_array

if TYPE_CHECKING:
    from raypipe.visual.frame import Frame

FUNCTIONS = {
    "avg": "mean", "collect_list": "list", "collect_set": "distinct", "count": "count", "first": "first", "max": "max",
    "mean": "mean", "min": "min", "sum": "sum",
}  # fmt: skip
"""Spark's names of what is computed of a group, and Arrow's."""
OPTIONS = {
    "collect_set": pc.CountOptions("only_valid"),
    "first": pc.ScalarAggregateOptions(skip_nulls=False, min_count=0),
}
ALL = "\0"
"""A column with the same value in all rows, by which those without keys are one group."""


@dataclass(frozen=True)
class Aggregate:
    """What is computed of the rows of a group; without groups it is an error.

    Attributes:
        name: Its name.
        function: Spark's name of the function, one of `FUNCTIONS`.
        of: What it is computed from.
    """

    name: str
    function: str
    of: Column

    def __call__(self, table: pa.Table) -> NoReturn:
        """Says that there are no groups.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"{self.name} is computed of several rows.", 'Write groupBy("path").agg(...), or agg(...).')


def aggregate(function: str, of: Column | str) -> Column:
    """A column with a value for each group."""
    column = lit(1) if isinstance(of, str) and of == "*" else as_column(of)
    name = f"{function}({title_of(column)})"
    return Column(pc.field(name), name, needs={name: Aggregate(name, function, column)})


@dataclass(frozen=True)
class Groups:
    """The rows of a frame, in groups of those with equal values of some columns; without columns, one group."""

    frame: Frame
    keys: Sequence[Column]

    def agg(self, *wanted: Column | Mapping[str, str]) -> Frame:
        """A row for each group: its keys, and what is computed of its rows, such as `avg("confidence")`.

        Raises:
            ConfigError: A column is not one of groups, or Arrow cannot compute it.
        """
        columns: list[Column] = []
        for each in wanted:
            if isinstance(each, Mapping):
                columns += [_known(function, column) for column, function in each.items()]
            else:
                columns.append(as_column(each))
        needs = combined(None, "", *columns).needs
        aggregates = [each for each in needs.values() if isinstance(each, Aggregate)]
        keys = [key.name for key in self.keys]
        alone = next((each.name for each in columns if not _is_of_groups(each)), None)
        if alone is not None:
            raise ConfigError(
                f"agg has no function for {alone!r}.", f"Write avg({alone!r}), first({alone!r}) and so on."
            )
        names = [*keys, *(each.name for each in columns)]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigError(f"agg gives two columns the name {twice!r}.", 'Give one an alias: .alias("other").')
        before = partial(_before, self.keys, aggregates)
        return self.frame.grouped(keys, before, partial(_after, keys, aggregates, columns))

    def count(self) -> Frame:
        """A row for each group, with the number of its rows."""
        return self.agg(aggregate("count", "*").alias("count"))

    def __getattr__(self, name: str) -> Any:
        """`groupBy("path").avg("confidence")`, and so on.

        Raises:
            AttributeError: There is no such function.
        """
        if name not in FUNCTIONS:
            raise AttributeError(f"Groups have no {name}, only agg, {', '.join(FUNCTIONS)}.")
        return lambda *columns: self.agg(*(aggregate(name, each) for each in columns))


def _is_of_groups(column: Column) -> bool:
    """Whether a column is computed of groups."""
    return any(isinstance(need, Aggregate) for need in column.needs.values())


def _known(function: str, column: str) -> Column:
    if function not in FUNCTIONS:
        raise ConfigError(f"There is no function {function!r} of groups.", f"Use one of {', '.join(FUNCTIONS)}.")
    return aggregate(function, column)


def _before(keys: Sequence[Column], aggregates: Sequence[Aggregate], table: pa.Table) -> pa.Table:
    """What the groups are computed from: nothing else goes to another process."""
    known = {key.name: values(table, key) for key in keys} or {ALL: pa.nulls(len(table), pa.int8())}
    return pa.table({**known, **{each.name: values(table, each.of) for each in aggregates}})


def _after(
    keys: Sequence[str], aggregates: Sequence[Aggregate], columns: Sequence[Column], table: pa.Table
) -> pa.Table:
    """The groups."""
    wanted = [(each.name, FUNCTIONS[each.function], OPTIONS.get(each.function)) for each in aggregates]
    try:
        # In one thread, which keeps the order of the rows.
        found = table.group_by(list(keys) or ALL, use_threads=False).aggregate(wanted)
    except pa.ArrowException as error:
        remedy = "Group by columns of numbers or text, and compute of such columns."
        raise ConfigError(f"The groups cannot be computed: {reason_of(error)}.", remedy) from error
    groups = found.select(list(keys) or [ALL])
    for name, function, _ in wanted:
        array = found[f"{name}_{function}"]
        groups = with_array(groups, name, _without_nulls(array) if function == "list" else array)
    return pa.table({**{key: groups[key] for key in keys}, **{each.name: values(groups, each) for each in columns}})


def _without_nulls(lists: pa.ChunkedArray) -> pa.Array:
    kept = [[item for item in items if item is not None] for items in lists.to_pylist()]
    return pa.array(kept, lists.type)


def first_of_each(keys: Sequence[str], table: pa.Table) -> pa.Table:
    """The first of the rows with equal values of some columns.

    Raises:
        ConfigError: They hold lists or structs.
    """
    nested = [key for key in keys if pa.types.is_nested(table.schema.field(key).type)]
    if nested:
        remedy = 'Name columns of numbers or text: dropDuplicates(["path", "pagenum"]).'
        raise ConfigError(f"Rows cannot be compared by {nested[0]!r}, which holds lists or structs.", remedy)
    numbered = table.select(list(keys)).append_column("\0", pa.array(range(len(table)), pa.int64()))
    first = numbered.group_by(list(keys), use_threads=False).aggregate([("\0", "min")])["\0_min"]
    return table.take(first.sort())
