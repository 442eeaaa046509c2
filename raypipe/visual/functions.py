"""Expressions over columns: the simple part of pyspark.sql.functions, computed by Arrow."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset

from raypipe.errors import ConfigError
from raypipe.visual.checked import checked

RAYS_WAY = "For anything else there is Ray Data: frame.dataset.map(...), or a stage of your own."


def _with(compute: Callable[[Any, Any], Any]) -> Callable[[Column, Any], Column]:
    """A method that combines a column with another column or a value."""

    def method(self: Column, other: Any) -> Column:
        return self._made(compute(self.expression, (other if isinstance(other, Column) else lit(other)).expression))

    return method


@dataclass(frozen=True, eq=False)
class Column:
    """An expression over the columns of a frame.

    Attributes:
        expression: Arrow's expression.
        name: What the column is called when it is selected.
        explodes: Whether it is a list, each item of which becomes a row.
    """

    expression: Any
    name: str
    explodes: bool = False

    @checked
    def alias(self, name: str) -> Column:
        """The same with another name."""
        return replace(self, name=name)

    @checked
    def getField(self, name: str) -> Column:  # noqa: N802 - pyspark's name, like others here
        """A field of a struct."""
        return Column(pc.struct_field(self.expression, [name]), name)

    def __getattr__(self, name: str) -> Column:
        """A field of a struct, as `frame.image.width`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self.getField(name)

    def isNull(self) -> Column:  # noqa: N802
        """Whether there is no value."""
        return self._made(self.expression.is_null())

    def isNotNull(self) -> Column:  # noqa: N802
        """Whether there is a value."""
        return self._made(self.expression.is_valid())

    def isin(self, *values: Any) -> Column:
        """Whether it is one of several values."""
        return self._made(self.expression.isin(pa.array([_scalar(value) for value in values])))

    @checked
    def contains(self, part: str) -> Column:
        """Whether text contains other text."""
        return self._made(pc.match_substring(self.expression, part))

    @checked
    def startswith(self, part: str) -> Column:
        """Whether text begins with other text."""
        return self._made(pc.starts_with(self.expression, part))

    @checked
    def endswith(self, part: str) -> Column:
        """Whether text ends with other text."""
        return self._made(pc.ends_with(self.expression, part))

    @checked
    def rlike(self, pattern: str) -> Column:
        """Whether a regular expression is found in text."""
        return self._made(pc.match_substring_regex(self.expression, pattern))

    __eq__ = _with(operator.eq)  # type: ignore[assignment]
    __ne__ = _with(operator.ne)  # type: ignore[assignment]
    __lt__ = _with(operator.lt)
    __le__ = _with(operator.le)
    __gt__ = _with(operator.gt)
    __ge__ = _with(operator.ge)
    __and__ = _with(operator.and_)
    __or__ = _with(operator.or_)
    __add__ = _with(operator.add)
    __sub__ = _with(operator.sub)
    __mul__ = _with(operator.mul)
    __truediv__ = _with(lambda one, other: one.cast("double") / other)

    def __invert__(self) -> Column:
        return self._made(~self.expression)

    def __bool__(self) -> bool:
        raise ConfigError("A column has no truth of its own.", "Use & for and, | for or, ~ for not, with parentheses.")

    def _made(self, expression: Any) -> Column:
        return Column(expression, self.name)


@checked
def col(name: str) -> Column:
    """A column or, with dots, a field of a struct: `col("image.width")`."""
    return Column(pc.field(*name.split(".")), name.rpartition(".")[2])


def lit(value: Any) -> Column:
    """The same value in every row.

    Raises:
        ConfigError: No column can hold it.
    """
    return Column(pc.scalar(_scalar(value)), str(value))


def _scalar(value: Any) -> Any:
    try:
        return pa.scalar(value)
    except pa.ArrowException as error:
        remedy = "Give a number, text, a date, or a list of these."
        raise ConfigError(f"{value!r} cannot be in a column.", remedy) from error


def length(column: Column | str) -> Column:
    """Characters of text."""
    return _of(column, pc.utf8_length)


def size(column: Column | str) -> Column:
    """Items of a list."""
    return _of(column, pc.list_value_length)


def lower(column: Column | str) -> Column:
    """Text in lower case."""
    return _of(column, pc.utf8_lower)


def upper(column: Column | str) -> Column:
    """Text in upper case."""
    return _of(column, pc.utf8_upper)


def _of(column: Column | str, compute: Callable[[Any], Any]) -> Column:
    column = as_column(column)
    return column._made(compute(column.expression))


def explode(column: Column | str) -> Column:
    """A row for each item of a list; rows whose list is empty are left out."""
    return replace(as_column(column), explodes=True, name="col")


def as_column(given: Column | str) -> Column:
    """A column by its name, or as it is.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(given, Column):
        return given
    if isinstance(given, str):
        return col(given)
    raise ConfigError(f"{given!r} is neither a column nor the name of one.", RAYS_WAY)


def values(table: pa.Table, expression: Any) -> pa.ChunkedArray:
    """The values of an expression in the rows of a table.

    Raises:
        ConfigError: The table has no such column, or Arrow cannot compute it.
    """
    try:
        if not table.num_rows and not table.num_columns:
            return pa.chunked_array([pa.nulls(0)])
        return pyarrow.dataset.dataset(table).to_table(columns={"value": expression})["value"]
    except (pa.ArrowException, KeyError) as error:
        raise ConfigError(f"{expression} cannot be computed: {error}.", RAYS_WAY) from error


def with_values(table: pa.Table, name: str, column: Column) -> pa.Table:
    """A table with a column added, or replaced if there is one of this name.

    Raises:
        ConfigError: Arrow cannot compute it, or what should become rows is no list.
    """
    computed = values(table, column.expression)
    if column.explodes:
        if not pa.types.is_list(computed.type) and not pa.types.is_null(computed.type):
            raise ConfigError(f"{column.expression} is no list.", "Explode a column of lists, such as regions.")
        lists = computed.combine_chunks() if computed.num_chunks != 1 else computed.chunk(0)
        table, computed = table.take(pc.list_parent_indices(lists)), pc.list_flatten(lists)
    return with_array(table, name, computed)


def with_array(table: pa.Table, name: str, array: pa.Array | pa.ChunkedArray) -> pa.Table:
    """A table with an array as a further column, or in place of the one of this name."""
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, array)
    return table.append_column(name, array)
