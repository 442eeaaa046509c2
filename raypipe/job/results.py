"""The folder `results/` of a job: which pages are done, which failed, and which pipeline made them.

It holds Parquet files with one row per page. A page with a row there is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from raypipe.columns import Column, roles_of
from raypipe.errors import ConfigError, Failure
from raypipe.pipeline import Pipeline
from raypipe.rows import from_table
from raypipe.types import Page

PAGE = ["path", "pagenum", "name"]
COLUMNS = {*PAGE, "exception"}
"""What every result has, whatever the pipeline."""
PLACEMENT = {"pool", "use_gpu", "folder"}
"""Parameters that say where a stage runs or writes: they do not change the rows."""


class Done(NamedTuple):
    """The pages that are done, by path and number, and the documents' paths by name."""

    pages: set[tuple[str, int]]
    names: dict[str, str]


def finished(results: Path) -> Done:
    """The pages with rows in Parquet files. Removes a file that a killed job left incomplete.

    Raises:
        ConfigError: The folder holds a Parquet file that is not a result.
    """
    done = Done(set(), {})
    for file in sorted(results.glob("*.parquet")):
        try:
            columns = pq.read_schema(file).names
        except pa.ArrowInvalid:
            file.unlink()
            continue
        if not set(columns) >= COLUMNS:
            raise ConfigError(f"{file} is not a result of raypipe.", "Move it elsewhere, or choose another folder.")
        table = pq.read_table(file, columns=PAGE)
        paths = table["path"].to_pylist()
        done.pages.update(zip(paths, table["pagenum"].to_pylist(), strict=True))
        done.names.update(zip(table["name"].to_pylist(), paths, strict=True))
    return done


def write(rows: pa.Table, file: Path) -> None:
    """Writes a Parquet file, whole or not at all."""
    temporary = file.with_suffix(".part")
    pq.write_table(rows, temporary, compression="zstd")
    temporary.replace(file)


def drop_failed(results: Path, paths: Iterable[str]) -> None:
    """Removes the rows of these documents' failed pages, so that they count as not done."""
    named = pa.array(paths, pa.string())
    for file in sorted(results.glob("*.parquet")):
        table = pq.read_table(file)
        failed = pc.and_(pc.is_valid(table["exception"]), pc.is_in(table["path"], value_set=named))
        kept = table.filter(pc.invert(failed))
        if not len(kept):
            file.unlink()
        elif len(kept) < len(table):
            write(kept, file)


def check_pipeline(declared: Path, pipeline: Pipeline) -> None:
    """Checks that the pipeline that made the results makes the same rows as this one.

    Args:
        declared: The file that describes the pipeline of the results.
        pipeline: The pipeline of the rows to be added.

    Raises:
        ConfigError: It does not, or nobody knows.
    """
    if not declared.exists():
        raise ConfigError(
            f"{declared.parent} holds results, and no {declared.name} that says which pipeline made them.",
            "Choose another folder, or put the file back.",
        )
    before = [_rows_of(stage) for stage in Pipeline.from_toml(declared.read_text(encoding="utf-8")).stages]
    now = [_rows_of(stage) for stage in pipeline.stages]
    if before == now:
        return
    wheres = [f"{new['type']}.{key}" for old, new in zip(before, now, strict=False) for key in new
              if old.get(key) != new[key]]  # fmt: skip
    where = f", which differs in {wheres[0]}" if wheres else ""
    raise ConfigError(
        f"{declared.parent} holds the results of another pipeline{where}.",
        "Choose another folder, or pass --overwrite.",
    )


def _rows_of(stage: Any) -> dict[str, Any]:
    return {"type": stage.name, **stage.model_dump(exclude=PLACEMENT)}


def count_errors(results: Path, documents: Container[str]) -> Counter[str]:
    """How many pages of these documents have each kind of exception, `stage code`."""
    kinds: Counter[str] = Counter()
    for file in sorted(results.glob("*.parquet")):
        table = pq.read_table(file, columns=["path", "exception"], filters=pc.field("exception").is_valid())
        for path, exception in zip(table["path"].to_pylist(), table["exception"].to_pylist(), strict=True):
            if path in documents:
                failure = Failure.parse(exception)
                kinds[f"{failure.stage} {failure.code}".strip()] += 1
    return kinds


def read_results(results: Path, columns: Mapping[str, Column]) -> Iterator[Page]:
    """The pages of a results folder, a file at a time.

    Args:
        results: The folder.
        columns: The columns of the pipeline that made them.
    """
    roles = roles_of(columns)
    for file in sorted(results.glob("*.parquet")):
        yield from (Page(row, roles) for row in from_table(pq.read_table(file), columns))
