"""Expressions over the columns of a frame, computed by Arrow."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from pydantic import NonNegativeInt

from raypipe.errors import ConfigError
from raypipe.images.image import IMAGE
from raypipe.visual.checked import checked
from raypipe.visual.fields import Field
from raypipe.visual.types import arrow_type

OTHER_WAY = 'For anything else, write a function of Python: udf(function, "string")(column).'


def _with(sign: str, compute: Callable[[Any, Any], Any]) -> Callable[[Column, Any], Column]:
    """A method that combines a column with another column or a value; Spark names the result after both."""

    def method(self: Column, other: Any) -> Column:
        right = other if isinstance(other, Column) else lit(other)
        name = f"({title_of(self)} {sign} {title_of(right)})"
        return combined(compute(self.expression, right.expression), name, self, right)

    return method


@dataclass(frozen=True, eq=False, repr=False)
class Column:
    """An expression over the columns of a frame.

    Attributes:
        expression: Arrow's expression.
        name: What the column is called when it is selected.
        reads: The columns, and the fields of structs, with dots, that it is computed from.
        explodes: Whether it is a list, each item of which becomes a row.
        descending: Whether rows that are sorted by it begin with its greatest value.
        needs: What Arrow cannot compute: columns that the expression reads, and what makes each from the rows.
        way: Its name in the frame, with dots, if it is a column or a field of one; empty: it is computed.
    """

    expression: Any
    name: str
    reads: frozenset[str] = frozenset()
    explodes: bool = False
    descending: bool = False
    needs: Mapping[str, Callable[[pa.Table], pa.Array]] = field(default_factory=dict)
    way: str = ""

    def __repr__(self) -> str:
        return f"Column<{self.name!r}>"

    @checked
    def alias(self, name: str) -> Column:
        """The same with another name."""
        return replace(self, name=name, way="")

    @checked
    def getField(self, name: str) -> Column:  # noqa: N802 - pyspark's name, like others here
        """A field of a struct, or the value of a map."""
        if self.way:
            return col(f"{self.way}.{name}")
        reads = frozenset(f"{each}.{name}" for each in self.reads)
        return replace(self, expression=pc.struct_field(self.expression, [name]), name=name, reads=reads)

    @checked
    def getItem(self, key: NonNegativeInt | str) -> Column:  # noqa: N802
        """An item of a list, from 0, null beyond its end; or a field of a struct, or the value of a map."""
        if isinstance(key, str):
            return self.getField(key)
        alone = pc.list_slice(self.expression, key, key + 1, return_fixed_size_list=True)
        return self._made(pc.list_element(alone, 0), f"{title_of(self)}[{key}]")

    __getitem__ = getItem
    __iter__ = None  # Else Python would iterate over it by __getitem__, without end.

    def __getattr__(self, name: str) -> Column:
        """A field of a struct, as `frame.image.width`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self.getField(name)

    def __call__(self, *args: Any, **named: Any) -> Column:
        """Says that there is no such method: `column.cast` is taken for a field.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"Columns have no method {self.name}.", OTHER_WAY)

    def isNull(self) -> Column:  # noqa: N802
        """Whether there is no value."""
        return self._made(self.expression.is_null(), f"({title_of(self)} IS NULL)")

    def isNotNull(self) -> Column:  # noqa: N802
        """Whether there is a value."""
        return self._made(self.expression.is_valid(), f"({title_of(self)} IS NOT NULL)")

    def isin(self, *values: Any) -> Column:
        """Whether it is one of several values."""
        known = pa.array([_scalar(value) for value in values])
        return self._made(self.expression.isin(known), f"({title_of(self)} IN ({', '.join(map(str, values))}))")

    @checked
    def contains(self, part: str) -> Column:
        """Whether text contains other text."""
        return self._made(pc.match_substring(self.expression, part), f"contains({title_of(self)}, {part})")

    @checked
    def startswith(self, part: str) -> Column:
        """Whether text begins with other text."""
        return self._made(pc.starts_with(self.expression, part), f"startswith({title_of(self)}, {part})")

    @checked
    def endswith(self, part: str) -> Column:
        """Whether text ends with other text."""
        return self._made(pc.ends_with(self.expression, part), f"endswith({title_of(self)}, {part})")

    @checked
    def rlike(self, pattern: str) -> Column:
        """Whether a regular expression is found in text."""
        return self._made(pc.match_substring_regex(self.expression, pattern), f"RLIKE({title_of(self)}, {pattern})")

    @checked
    def like(self, pattern: str) -> Column:
        """Whether text matches a pattern, in which `%` stands for any characters and `_` for one."""
        return self._made(pc.match_like(self.expression, pattern), f"{title_of(self)} LIKE {pattern}")

    def between(self, lower: Any, upper: Any) -> Column:
        """Whether it is from one value to another, both included."""
        both: Column = (self >= lower) & (self <= upper)
        return both

    def cast(self, kind: Any) -> Column:
        """The same as another type, such as `"int"`; a value that does not fit is an error."""
        return self._made(self.expression.cast(arrow_type(kind)), self.name)

    astype = cast

    def desc(self) -> Column:
        """The same, for rows that are to be sorted from its greatest value on."""
        return replace(self, descending=True)

    def asc(self) -> Column:
        """The same, for rows that are to be sorted from its least value on."""
        return replace(self, descending=False)

    __eq__ = _with("=", operator.eq)  # type: ignore[assignment]
    __ne__ = _with("!=", operator.ne)  # type: ignore[assignment]
    __lt__ = _with("<", operator.lt)
    __le__ = _with("<=", operator.le)
    __gt__ = _with(">", operator.gt)
    __ge__ = _with(">=", operator.ge)
    __and__ = _with("AND", operator.and_)
    __or__ = _with("OR", operator.or_)
    __add__ = _with("+", operator.add)
    __sub__ = _with("-", operator.sub)
    __mul__ = _with("*", operator.mul)
    __truediv__ = _with("/", lambda one, other: one.cast("double") / other)

    def __invert__(self) -> Column:
        return self._made(~self.expression, f"(NOT {title_of(self)})")

    def __bool__(self) -> bool:
        raise ConfigError("A column has no truth of its own.", "Use & for and, | for or, ~ for not, with parentheses.")

    def _made(self, expression: Any, name: str) -> Column:
        return replace(self, expression=expression, name=name, way="")


def title_of(column: Column) -> str:
    """What a column is called in the names of others that are computed from it."""
    return column.way or column.name


@checked
def col(name: str) -> Column:
    """A column or, with dots, a field of a struct, as `col("image.width")`, or of the structs of a list."""
    if "." not in name:
        return Column(pc.field(name), name, frozenset([name]), way=name)
    place = f"\0{name}"
    return Column(pc.field(place), name.rpartition(".")[2], frozenset([name]), needs={place: Field(name)}, way=name)


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


def as_column(given: Column | str) -> Column:
    """A column by its name, or as it is.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(given, Column):
        return given
    if isinstance(given, str):
        return col(given)
    raise ConfigError(f"{given!r} is neither a column nor the name of one.", OTHER_WAY)


def combined(expression: Any, name: str, *columns: Column) -> Column:
    """A column that is computed from others."""
    needs = {need: make for each in columns for need, make in each.needs.items()}
    return Column(expression, name, frozenset().union(*(each.reads for each in columns)), needs=needs)


def values(table: pa.Table, column: Column) -> pa.ChunkedArray:
    """The values of an expression in the rows of a table.

    Raises:
        ConfigError: The table has no such column, Arrow cannot compute it, or it is computed from bytes of files.
    """
    _check_bytes(table, column)
    for name, make in column.needs.items():
        table = table if name in table.column_names else table.append_column(name, make(table))
    try:
        if not table.num_rows and not table.num_columns:
            return pa.chunked_array([pa.nulls(0)])
        rows = pyarrow.dataset.dataset(table)
        # Arrow's threads might still hold the table when Python ends, which then aborts.
        return rows.to_table(columns={"value": column.expression}, use_threads=False)["value"]
    except (pa.ArrowException, KeyError) as error:
        why = f"{_readable(column.expression)} cannot be computed: {_readable(error)}."
        raise ConfigError(why, OTHER_WAY) from error


def _check_bytes(table: pa.Table, column: Column) -> None:
    """Makes sure that nothing is computed from bytes that a frame has not read; if so, that is a `ConfigError`."""
    kinds = {field.name: field.type for field in table.schema}
    unread = {f"{name}.data" for name, kind in kinds.items() if kind == IMAGE.arrow}
    if column.name != "content" and "content" in kinds and 0 < table["content"].null_count == len(table):
        unread.add("content")
    if found := sorted(unread & column.reads):
        raise ConfigError(
            f"{column.name} is computed from {found[0]}, which is read only when rows leave the frame.",
            "Compute it from the rows of collect() or toLocalIterator().",
        )


def _readable(words: object) -> str:
    """Arrow's words, without the schema that follows them, and with names as programs write them."""
    line = re.sub(r"FieldRef\.Name\((.*?)\)", r"\1", str(words).splitlines()[0].replace("\0", ""))
    line = re.sub(r", \{.*?\}", "", line)
    return re.sub(r"^(No match for \S+) in .*", r"\1", line)


def with_values(table: pa.Table, name: str, column: Column) -> pa.Table:
    """A table with a column added, or replaced if there is one of this name.

    Raises:
        ConfigError: Arrow cannot compute it, or what should become rows is no list.
    """
    computed = values(table, column)
    if column.explodes:
        if not pa.types.is_list(computed.type) and not pa.types.is_null(computed.type):
            what = _readable(column.expression)
            raise ConfigError(f"{what} is no list.", "Explode a column of lists, such as regions.")
        lists = computed.combine_chunks() if computed.num_chunks != 1 else computed.chunk(0)
        table, computed = table.take(pc.list_parent_indices(lists)), pc.list_flatten(lists)
    return with_array(table, name, computed)


def with_array(table: pa.Table, name: str, array: pa.Array | pa.ChunkedArray) -> pa.Table:
    """A table with an array as a further column, or in place of the one of this name."""
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, array)
    return table.append_column(name, array)
