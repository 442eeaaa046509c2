"""Functions of Python over the rows of a frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from raypipe.errors import ConfigError, reason_of
from raypipe.visual.expressions import Column, as_column, combined, title_of, values, with_array
from raypipe.visual.records import outward, row_of

NUMBERS = count()
"""Two functions may have one name."""


@dataclass(frozen=True)
class Call:
    """A function that is called for each row.

    Attributes:
        name: How the call is named in messages.
        function: Takes the values of the arguments: structs as rows, and pictures and files with their bytes.
        arguments: Columns.
        kind: The type of what it returns.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[Column, ...]
    kind: pa.DataType

    def __call__(self, table: pa.Table) -> pa.Array:
        """What the function returns for each row.

        Raises:
            ConfigError: That is of another type.
        """
        names = [_place(number, each) for number, each in enumerate(self.arguments)]
        given = table.select([name for name in ("path", "content") if name in table.column_names])
        for name, argument in zip(names, self.arguments, strict=True):
            given = with_array(given, name, values(table, argument))
        rows = outward(given, names) if given.num_columns else ({} for _ in range(len(table)))
        results = [self.function(*(row_of({"": row[name]})[0] for name in names)) for row in rows]
        try:
            return pa.array(results, self.kind)
        except (pa.ArrowException, TypeError, ValueError) as error:
            remedy = 'Name the type of its values: udf(function, "int").'
            raise ConfigError(f"{self.name} does not give {self.kind}: {reason_of(error)}.", remedy) from error


def _place(number: int, argument: Column) -> str:
    """The name of an argument's column; that of files is known by its name, and then gets their bytes."""
    return "content" if argument.name == "content" and argument.reads == {"content"} else f"\0{number}"


def call(name: str, function: Callable[..., Any], kind: pa.DataType, *arguments: Column | str) -> Column:
    """A column of what a function returns for the values of others in each row."""
    columns = tuple(map(as_column, arguments))
    title, place = f"{name}({', '.join(title_of(each) for each in columns)})", f"\0{name} {next(NUMBERS)}"
    column = combined(pc.field(place), title, *columns)
    return Column(column.expression, title, needs={**column.needs, place: Call(title, function, columns, kind)})
