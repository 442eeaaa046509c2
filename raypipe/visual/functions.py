"""Functions over columns: the simple part of pyspark.sql.functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from raypipe.errors import ConfigError
from raypipe.visual.absent import stand_ins_for_others
from raypipe.visual.calls import call
from raypipe.visual.expressions import OTHER_WAY, Column, as_column, col, combined, lit, title_of
from raypipe.visual.groups import FUNCTIONS, aggregate
from raypipe.visual.types import arrow_type

__all__ = [
    "array_join", "asc", "coalesce", "col", "column", "concat", "concat_ws", "desc", "explode", "length", "lit",
    "lower", "regexp_extract", "regexp_replace", "round", "size", "split", "substring", "trim", "udf", "upper", "when",
    *FUNCTIONS,
]  # fmt: skip

column = col
STRINGS = pa.list_(pa.string())


def length(column: Column | str) -> Column:
    """Characters of text."""
    return _of("length", column, pc.utf8_length)


def size(column: Column | str) -> Column:
    """Items of a list."""
    return _of("size", column, pc.list_value_length)


def lower(column: Column | str) -> Column:
    """Text in lower case."""
    return _of("lower", column, pc.utf8_lower)


def upper(column: Column | str) -> Column:
    """Text in upper case."""
    return _of("upper", column, pc.utf8_upper)


def trim(column: Column | str) -> Column:
    """Text without spaces at its ends."""
    return _of("trim", column, partial(pc.utf8_trim, characters=" "))


def round(column: Column | str, scale: int = 0) -> Column:
    """A number with so many decimals; halves away from zero."""
    return _of("round", column, partial(pc.round, ndigits=scale, round_mode="half_towards_infinity"), scale)


def substring(column: Column | str, pos: int, len: int) -> Column:
    """Some characters of text, from the one with a number, counted from 1, or from the end if that is below 0."""
    begin = pos - 1 if pos > 0 else pos
    stop = begin + len if begin >= 0 or begin + len < 0 else None
    return _of("substring", column, partial(pc.utf8_slice_codeunits, start=begin, stop=stop), pos, len)


def concat(*columns: Column | str) -> Column:
    """Texts one after the other; null if one of them is."""
    given = [as_column(each) for each in columns]
    joined = pc.binary_join_element_wise(*(each.expression.cast("string") for each in given), "")
    return combined(joined, _title("concat", *given), *given)


def coalesce(*columns: Column | str) -> Column:
    """The first value that is not null."""
    given = [as_column(each) for each in columns]
    return combined(pc.coalesce(*(each.expression for each in given)), _title("coalesce", *given), *given)


def concat_ws(sep: str, *columns: Column | str) -> Column:
    """Texts, and the items of lists of them, with a separator between; what is null is left out."""

    def joined(*values: Any) -> str:
        lists = [value if isinstance(value, list) else [value] for value in values]
        return sep.join(str(item) for each in lists for item in each if item is not None)

    return call("concat_ws", joined, pa.string(), *columns)


def array_join(column: Column | str, delimiter: str) -> Column:
    """The items of a list of texts, with a separator between; what is null is left out."""
    return concat_ws(delimiter, column).alias(_title("array_join", as_column(column), delimiter))


def split(column: Column | str, pattern: str, limit: int = -1) -> Column:
    """The parts of text between what a regular expression matches."""
    most = limit - 1 if limit > 0 else 0
    return _of_text("split", column, lambda text: re.split(pattern, text, maxsplit=most), STRINGS, pattern, limit)


def regexp_extract(column: Column | str, pattern: str, idx: int = 1) -> Column:
    """A group of what a regular expression of Python's finds first in text; empty if it finds nothing."""

    def extracted(text: str) -> str:
        found = re.search(pattern, text)
        return (found[idx] or "") if found else ""

    return _of_text("regexp_extract", column, extracted, pa.string(), pattern, idx)


def regexp_replace(column: Column | str, pattern: str, replacement: str) -> Column:
    """Text with other text, in which `$1` is a group, in place of what a regular expression of Python's finds."""
    by = re.sub(r"\$(\d+)", r"\\g<\1>", replacement)

    def replaced(text: str) -> str:
        return re.sub(pattern, by, text)

    return _of_text("regexp_replace", column, replaced, pa.string(), pattern, replacement)


def avg(column: Column | str) -> Column:
    """The mean of a group."""
    return aggregate("avg", column)


def collect_list(column: Column | str) -> Column:
    """The values of a group as a list, in order, without null."""
    return aggregate("collect_list", column)


def collect_set(column: Column | str) -> Column:
    """The values of a group as a list, each once, without null."""
    return aggregate("collect_set", column)


def count(column: Column | str) -> Column:
    """How many values of a group are not null; `*`: its rows."""
    return aggregate("count", column)


def first(column: Column | str) -> Column:
    """The first value of a group."""
    return aggregate("first", column)


def max(column: Column | str) -> Column:
    """The greatest value of a group."""
    return aggregate("max", column)


def mean(column: Column | str) -> Column:
    """The mean of a group."""
    return aggregate("mean", column)


def min(column: Column | str) -> Column:
    """The least value of a group."""
    return aggregate("min", column)


def sum(column: Column | str) -> Column:
    """The sum of a group."""
    return aggregate("sum", column)


def explode(column: Column | str) -> Column:
    """A row for each item of a list; rows whose list is empty are left out."""
    return replace(as_column(column), explodes=True, name="col")


def desc(column: Column | str) -> Column:
    """A column by which rows are sorted from its greatest value on."""
    return as_column(column).desc()


def asc(column: Column | str) -> Column:
    """A column by which rows are sorted from its least value on."""
    return as_column(column).asc()


def udf(f: Any = None, returnType: Any = "string") -> Any:  # noqa: N803
    """A function of Python as a function of columns, which is called for each row; also as a decorator.

    It gets null as None, structs as rows, and pictures and files with their bytes; `returnType` is the type of its
    values, such as `"int"` or `ArrayType(StringType())`. What it raises ends the program.

    Raises:
        ConfigError: There is no such type.
    """
    if not callable(f):
        return partial(udf, returnType=returnType if f is None else f)
    return partial(call, getattr(f, "__name__", "udf"), f, arrow_type(returnType))


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Column):
    """The value of the first condition that holds; see `when`."""

    cases: tuple[tuple[Column, Column], ...] = ()

    def when(self, condition: Column, value: Any) -> Choice:
        """A further condition, and the value if it is the first that holds."""
        return _choice((*self.cases, (_condition(condition), _value(value))), lit(None))

    def otherwise(self, value: Any) -> Column:
        """The value if none of the conditions holds."""
        return _choice(self.cases, _value(value))


def when(condition: Column, value: Any) -> Choice:
    """A value, or a column's, where a condition holds: `when(col("n") > 1, "many").otherwise("one")`; else null."""
    return _choice(((_condition(condition), _value(value)),), lit(None))


def _choice(cases: tuple[tuple[Column, Column], ...], other: Column) -> Choice:
    chosen = other.expression
    for condition, value in reversed(cases):
        holds = pc.coalesce(condition.expression, pc.scalar(False))
        chosen = pc.if_else(holds, value.expression, chosen)
    texts = " ".join(f"WHEN {title_of(condition)} THEN {title_of(value)}" for condition, value in cases)
    made = combined(
        chosen, f"CASE {texts} ELSE {title_of(other)} END", *(each for case in cases for each in case), other
    )
    return Choice(made.expression, made.name, made.reads, needs=made.needs, cases=cases)


def _condition(given: Any) -> Column:
    if not isinstance(given, Column):
        raise ConfigError(f"{given!r} is not a condition.", 'Write when(col("pagenum") == 0, value).')
    return given


def _value(given: Any) -> Column:
    return given if isinstance(given, Column) else lit(given)


def _of(name: str, column: Column | str, compute: Callable[[Any], Any], *values: Any) -> Column:
    column = as_column(column)
    return column._made(compute(column.expression), _title(name, column, *values))


def _of_text(
    name: str, column: Column | str, function: Callable[[str], Any], kind: pa.DataType, *values: Any
) -> Column:
    made = call(name, lambda text: None if text is None else function(text), kind, column)
    return made.alias(_title(name, as_column(column), *values))


def _title(name: str, *values: Any) -> str:
    """What a column is called that a function makes."""
    return f"{name}({', '.join(title_of(each) if isinstance(each, Column) else str(each) for each in values)})"


__getattr__ = stand_ins_for_others(__name__, f"there are {', '.join(__all__)}. {OTHER_WAY.removesuffix('.')}")
