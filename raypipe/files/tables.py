"""Parquet tables with a column of encoded pictures, each row of which is a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

SUFFIX = ".parquet"
CONTENTS = ("content", "bytes", "image", "data")
"""Columns of pictures, the first that exists; otherwise the only binary column. Those of Hugging Face are structs."""
BYTES = "bytes"


class NoPicturesError(ValueError):
    """A table has no column of pictures, or several that may be."""


class Table:
    """An open table, which closes its file. The names of its rows are their numbers, from 0.

    Raises:
        ValueError: It is not a Parquet file.
        NoPicturesError: It has no column of pictures.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._table = pq.ParquetFile(file)
        self._column = _content_column(self._table.schema_arrow)
        counts = [self._table.metadata.row_group(n).num_rows for n in range(self._table.num_row_groups)]
        self._groups = [(group, row) for group, count in enumerate(counts) for row in range(count)]
        self._latest: tuple[int, pa.ChunkedArray] | None = None

    def members(self) -> Iterator[tuple[str, int]]:
        """The names of the rows; their sizes are not known."""
        return ((str(number), -1) for number in range(len(self._groups)))

    def size(self, name: str) -> int:
        """The size of a row's picture in bytes. Raises a KeyError if there is none of this name."""
        return len(self.read(name))

    def read(self, name: str) -> bytes:
        """The picture of a row, empty if it has none."""
        if not name.isdecimal() or int(name) >= len(self._groups):
            raise KeyError(name)
        group, row = self._groups[int(name)]
        if self._latest is None or self._latest[0] != group:
            # In this thread: an Arrow thread that still held Python's file when Python ends would abort the process.
            found = self._table.read_row_group(group, columns=[self._column], use_threads=False)
            self._latest = group, found[0]
        value: Any = self._latest[1][row].as_py()
        return bytes((value or {}).get(BYTES) or b"") if isinstance(value, dict) else bytes(value or b"")

    def close(self) -> None:
        """Closes the table and its file."""
        self._table.close()
        self._file.close()


def _content_column(schema: pa.Schema) -> str:
    """The column of pictures; if it is a struct, the field with its bytes."""
    found: dict[str, str] = {field.name: field.name for field in schema if _is_binary(field.type)}
    found |= {field.name: f"{field.name}.{BYTES}" for field in schema if _holds_bytes(field.type)}
    known = [found[name] for name in CONTENTS if name in found]
    if not known and len(found) != 1:
        raise NoPicturesError(f"no column of {', '.join(CONTENTS)} holds bytes")
    return known[0] if known else next(iter(found.values()))


def _is_binary(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _holds_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind)) and any(field.name == BYTES and _is_binary(field.type) for field in kind)
