"""Fields of structs, of the structs of lists, and of maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from raypipe.errors import ConfigError, reason_of


@dataclass(frozen=True)
class Field:
    """A field by its way from a column inwards, such as `image.width`; of a list, the list of its items' fields."""

    way: str

    def __call__(self, table: pa.Table) -> pa.Array:
        """The values of the field in the rows of a table.

        Raises:
            ConfigError: There is no such field.
        """
        column, *names = self.way.split(".")
        try:
            values = table[column]
            return _within(values.chunk(0) if values.num_chunks == 1 else values.combine_chunks(), names)
        except (pa.ArrowException, KeyError) as error:
            what = f"{self.way} cannot be computed: {reason_of(error)}."
            raise ConfigError(what, "printSchema() shows which columns and fields there are.") from error


def _within(values: pa.Array, names: Sequence[str]) -> pa.Array:
    if not names:
        return values
    if pa.types.is_map(values.type):
        return _within(pc.map_lookup(values, names[0], "first"), names[1:])
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        lengths = pc.fill_null(pc.list_value_length(values), 0)
        offsets = pa.concat_arrays([pa.array([0], lengths.type), pc.cumulative_sum(lengths)]).cast(pa.int32())
        return pa.ListArray.from_arrays(offsets, _within(values.flatten(), names), mask=values.is_null())
    return _within(pc.struct_field(values, [names[0]]), names[1:])
