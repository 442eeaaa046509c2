"""A frame: what Visual NLP's programs call a DataFrame, over Arrow tables of this process or of Ray Data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import NonNegativeInt, PositiveInt

from raypipe.errors import ConfigError
from raypipe.graph import INPUT_COLUMNS
from raypipe.pipeline import Pipeline
from raypipe.plurals import counted
from raypipe.stages.base import Stage
from raypipe.visual import show
from raypipe.visual.checked import checked
from raypipe.visual.expressions import OTHER_WAY, Column, as_column, col, values, with_values
from raypipe.visual.groups import Groups, first_of_each
from raypipe.visual.joins import Join, indexed, joined
from raypipe.visual.records import Row, outward, outward_type, row_of
from raypipe.visual.tables import Change, RayTables, Tables, as_one
from raypipe.visual.writing import Writer

if TYPE_CHECKING:
    import pandas as pd
    from ray.data import Dataset

IDENTITY = ("path", "name", "pagenum", "total_pages")
"""What identifies a page: `select` keeps these columns, hidden, so that later stages still find the page."""
ELSEWHERE = {
    "checkpoint": "frame.cache(), or write.parquet(folder) and session.read.parquet(folder)",
    "createOrReplaceTempView": "frame.filter(...) and groupBy(...); there is no SQL",
    "crossJoin": "frame.join(other)",
    "describe": "frame.toPandas().describe()",
    "dropna": "frame.filter(frame.column.isNotNull())",
    "dtypes": "frame.schema",
    "explain": "PipelineModel.pipeline.describe()",
    "fillna": "frame.withColumn(name, coalesce(name, lit(value)))",
    "foreach": "for row in frame.toLocalIterator()",
    "localCheckpoint": "frame.cache(), or write.parquet(folder) and session.read.parquet(folder)",
    "mapInPandas": 'dataset.map_batches(..., batch_format="pandas") of a frame on Ray',
    "na": "frame.withColumn(name, coalesce(name, lit(value)))",
    "randomSplit": "dataset.split_proportionately(...) of a frame on Ray",
    "rdd": "frame.withColumn(name, udf(function)(column)), or for row in frame.toLocalIterator()",
    "registerTempTable": "frame.filter(...) and groupBy(...); there is no SQL",
    "sample": "dataset.random_sample(fraction) of a frame on Ray",
    "selectExpr": "frame.select(col(name).alias(other), ...)",
    "summary": "frame.toPandas().describe()",
    "tail": "frame.sort(desc(column)).take(count), or collect()[-count:]",
    "toJSON": 'frame.toPandas().to_json(orient="records", lines=True)',
    "transform": "function(frame), or the transform(frame) of a stage",
    "withColumns": "frame.withColumn(name, column) for each",
    "writeStream": "raypipe run, which goes on where it stopped",
}
"""Spark's methods that frames do not have, and what to use instead."""


@dataclass(eq=False)
class Frame:
    """Rows with columns, made when they are asked for.

    Attributes:
        tables: Where the rows come from.
        hidden: Columns that exist but are not shown, such as raypipe's `lines`; `select` finds them by name.
    """

    tables: Tables
    hidden: frozenset[str] = frozenset()

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        return [name for name in self.tables.schema.names if name not in self.hidden]

    @property
    def schema(self) -> pa.Schema:
        """Its columns with their types, as `collect` gives them."""
        return pa.schema([(name, outward_type(self.tables.schema.field(name).type)) for name in self.columns])

    @property
    def dataset(self) -> Dataset:
        """The dataset of Ray Data that the rows come from.

        Raises:
            ConfigError: They come from this process.
        """
        if isinstance(self.tables, RayTables):
            return self.tables.dataset
        raise ConfigError("The rows of this frame come from this process.", 'Ray has a dataset: start(engine="ray").')

    def __getattr__(self, name: str) -> Column:
        """A column by its name.

        Raises:
            AttributeError: There is none; the message names Ray's way, where there is one.
        """
        if name.startswith("_") or name not in self.tables.schema.names:
            columns = f"It has the columns {self.columns}; toPandas() gives a frame of pandas."
            way = f"{name} is not offered: use {ELSEWHERE[name]}." if name in ELSEWHERE else columns
            raise AttributeError(f"The frame has no {name}. {way}")
        return col(name)

    @checked
    def __getitem__(self, name: str) -> Column:
        self.require([name], "The expression")
        return col(name)

    def __repr__(self) -> str:
        return f"Frame[{', '.join(f'{field.name}: {show.type_name(field.type)}' for field in self.schema)}]"

    def require(self, names: Iterable[str], who: str) -> None:
        """Checks that there are columns.

        Raises:
            ConfigError: One is missing.
        """
        for name in names:
            if name not in self.tables.schema.names:
                raise ConfigError(
                    f"{who} reads the column {name!r}, which the frame does not have.", f"It has {self.columns}."
                )

    def through(self, stages: Sequence[Stage], hidden: Iterable[str] = ()) -> Frame:
        """The frame with what raypipe's stages add to it; nothing is computed yet.

        Raises:
            ConfigError: A stage reads a column that is not there.
        """
        pipeline, before = Pipeline(stages), self.tables.schema
        graph = pipeline.graph
        graph.check_input(before.names, "the frame")
        dropped = {name for step in graph.steps for name in step.drops} - set(graph.columns)
        missing = {"content"} - set(before.names)  # Files are read from where they are.
        kinds = {field.name: field.type for field in before if field.name not in dropped}
        kinds |= {name: column.arrow for name, column in graph.columns.items() if name not in missing}
        kinds |= {name: before.field(name).type for name in INPUT_COLUMNS if name in kinds and name in before.names}
        added = set(kinds) - set(before.names)
        return Frame(self.tables.through(pipeline, pa.schema(list(kinds.items()))), self.hidden | (added & set(hidden)))

    def mapped(self, change: Change, hidden: Iterable[str] = ()) -> Frame:
        """The frame with each of its tables changed."""
        tables = self.tables.changed(change)
        return Frame(tables, (self.hidden | set(hidden)) & set(tables.schema.names))

    @checked
    def select(self, *columns: str | Column | Sequence[str | Column]) -> Frame:
        """Some of the columns, by name, or as expressions of them; `*`: all of them, `struct.*`: a struct's fields.

        Raises:
            ConfigError: There is no such column, two would have the same name, or two lists are exploded.
        """
        named = [column for each in _flat(columns) for column in self._meant(each)]
        names = [each.name for each in named]
        if sum(each.explodes for each in named) > 1:
            raise ConfigError("select explodes two lists.", "Explode one, and the other in a further select.")
        if twice := next((name for name in names if names.count(name) > 1), None):
            remedy = 'Leave one out, or give it another name: col(name).alias("other").'
            raise ConfigError(f"select gives two columns the name {twice!r}.", remedy)
        kept = [name for name in IDENTITY if name in self.tables.schema.names and name not in names]

        def change(table: pa.Table) -> pa.Table:
            computed = table
            for number, column in enumerate(named):
                computed = with_values(computed, f"\0{number}", column)
            selected = {name: computed[f"\0{number}"] for number, name in enumerate(names)}
            return pa.table({**selected, **{name: computed[name] for name in kept}})

        tables = self.tables.changed(change)
        return Frame(tables, frozenset(kept))

    def _meant(self, given: str | Column) -> list[Column]:
        """The columns that an argument of `select` stands for."""
        if isinstance(given, Column):
            return [given]
        if given == "*":
            return [col(name) for name in self.columns]
        self.require([given.partition(".")[0]], "select")
        struct = given.removesuffix(".*")
        if struct == given:
            return [col(given)]
        kind = outward_type(values(self.tables.schema.empty_table(), col(struct)).type)
        if not pa.types.is_struct(kind):
            raise ConfigError(f"{struct} is no struct.", "A list of structs is there in rows after explode(list).")
        return [col(f"{struct}.{field.name}") for field in kind]

    def toDF(self, *names: str) -> Frame:  # noqa: N802 - pyspark's names, here and below
        """The frame with other names for all of its columns.

        Raises:
            ConfigError: It has more of them, or fewer.
        """
        if len(names) != len(self.columns):
            raise ConfigError(f"toDF has {counted(len(names), 'name')} for {self.columns}.", "Give a name for each.")
        return self.select(*(col(old).alias(new) for old, new in zip(self.columns, names, strict=True)))

    def filter(self, condition: Column) -> Frame:
        """The rows for which a condition holds, such as `frame.pagenum == 0`.

        Raises:
            ConfigError: It is not a condition over the columns.
        """
        empty = self.tables.schema.empty_table()
        if not isinstance(condition, Column) or values(empty, condition).type not in (pa.bool_(), pa.null()):
            raise ConfigError(f"{condition!r} is not a condition.", f'Write filter(col("pagenum") == 0). {OTHER_WAY}')

        def change(table: pa.Table) -> pa.Table:
            return table.filter(values(table, condition)) if len(table) else table

        return self.mapped(change)

    where = filter

    def withColumn(self, name: str, column: Column) -> Frame:  # noqa: N802
        """The frame with a column added, or replaced if there is one of this name.

        Raises:
            ConfigError: It is not an expression over the columns.
        """
        if not isinstance(column, Column):
            raise ConfigError(f"{column!r} is not an expression.", f"Write lit(value) for a value. {OTHER_WAY}")
        tables = self.tables.changed(partial(with_values, name=name, column=column))
        return Frame(tables, self.hidden - {name})

    @checked
    def withColumnRenamed(self, before: str, after: str) -> Frame:  # noqa: N802
        """The frame with a column renamed.

        Raises:
            ConfigError: There is no such column, or already one of the new name.
        """
        self.require([before], "withColumnRenamed")
        if after in self.tables.schema.names and after != before:
            raise ConfigError(f"The frame already has a column {after!r}.", f"Drop it first: drop({after!r}).")
        names = [after if name == before else name for name in self.tables.schema.names]
        return Frame(self.tables.changed(lambda table: table.rename_columns(names)), self.hidden - {before})

    @checked
    def drop(self, *names: str) -> Frame:
        """The frame without some columns; those that it does not have are ignored, as Spark does."""
        kept = [name for name in self.tables.schema.names if name not in names]
        return Frame(self.tables.changed(lambda table: table.select(kept)), self.hidden - set(names))

    @checked
    def join(self, other: Frame, on: str | Sequence[str] | None = None, how: str = "inner") -> Frame:
        """Joins the rows of two frames: those with equal values in the columns `on`; without these, all with all.

        The other frame, the smaller of both, such as regions, is read whole into memory, here and in Ray's processes.
        `how` is `inner`; or `left`, which also keeps rows without a match.

        Raises:
            ConfigError: Both have a column that is not in `on`, the other frame is too large, or Spark's other joins
                are asked for.
        """
        names = [on] if isinstance(on, str) else list(on or ())
        self.require(names, "join")
        other.require(names, "join")
        hidden = [name for name in other.hidden if name in self.tables.schema.names]
        right = other.drop(*(name for name in hidden if name not in names))
        how_to = Join.of(names, how, self.tables.schema, right.tables.schema)
        index = indexed(how_to, right.tables)
        tables = self.tables.changed(partial(joined, how_to, index))
        return Frame(tables, (self.hidden | right.hidden) - set(names))

    def groupBy(self, *columns: str | Column | Sequence[str | Column]) -> Groups:  # noqa: N802
        """Groups of the rows with equal values of some columns, for `agg` and `count`.

        Raises:
            ConfigError: There is no such column.
        """
        keys = [as_column(each) for each in _flat(columns)]
        for key in keys:
            values(self.tables.schema.empty_table(), key)
        return Groups(self, keys)

    groupby = groupBy

    def agg(self, *columns: Column | Mapping[str, str]) -> Frame:
        """One row of what is computed of all of them; see `Groups.agg`."""
        return Groups(self, []).agg(*columns)

    def grouped(self, keys: Sequence[str], before: Change, after: Change) -> Frame:
        """The frame with each group of equal values of columns changed, of the tables that `before` gives."""
        return Frame(self.tables.changed(before).grouped(keys, after))

    @checked
    def dropDuplicates(self, names: Sequence[str] | None = None) -> Frame:  # noqa: N802
        """The first of the rows with equal values of some columns; None: of all.

        Raises:
            ConfigError: There is no such column, or it holds lists or structs.
        """
        keys = self.columns if names is None else list(names)
        self.require(keys, "dropDuplicates")
        return Frame(self.tables.grouped(keys, partial(first_of_each, keys)), self.hidden)

    drop_duplicates = dropDuplicates

    def distinct(self) -> Frame:
        """The rows without those that are equal to another one; see `dropDuplicates`."""
        return self.dropDuplicates()

    @checked
    def union(self, other: Frame) -> Frame:
        """The rows of this frame, and then those of another one, whose columns get the names of these.

        Raises:
            ConfigError: It has other types of columns, or its rows are made elsewhere.
        """
        return self.unionByName(other.toDF(*self.columns))

    unionAll = union  # noqa: N815

    @checked
    def unionByName(self, other: Frame) -> Frame:  # noqa: N802
        """The rows of this frame, and then those of another one with the same columns in any order.

        Raises:
            ConfigError: It has other columns, or its rows are made elsewhere.
        """
        own, others = ({field.name: field.type for field in frame.schema} for frame in (self, other))
        if own != others:
            what = f"The columns of both frames differ: {self!r} and {other!r}."
            raise ConfigError(what, "Select the same of both, or cast them.")
        following: Any = other.tables
        if isinstance(self.tables, RayTables) != isinstance(following, RayTables):
            raise ConfigError("One of the frames is made by Ray, the other in this process.", "Use one session.")
        return Frame(self.tables.followed(following), self.hidden)

    @checked
    def sort(self, *columns: str | Column | Sequence[str | Column], ascending: bool | Sequence[bool] = True) -> Frame:
        """The rows, sorted by columns. Sorting reads all of them, so call it before the stages.

        Raises:
            ConfigError: There is no such column, or it holds lists or structs.
        """
        given = [as_column(each) for each in _flat(columns)]
        names = [each.name for each in given]
        if any(each.reads != {each.name} for each in given):
            raise ConfigError("Rows are sorted by columns, not by expressions.", "Make it one: withColumn(name, ...).")
        self.require(names, "sort")
        ways = [ascending] * len(given) if isinstance(ascending, bool) else list(ascending)
        nested = any(pa.types.is_nested(self.tables.schema.field(name).type) for name in names)
        if not names or nested or len(ways) != len(names):
            raise ConfigError(f"Rows cannot be sorted by {names}, {ways}.", "Name columns of numbers or text.")
        ways = [way and not each.descending for way, each in zip(ways, given, strict=True)]
        return Frame(self.tables.sorted(names, ways), self.hidden)

    orderBy = sort  # noqa: N815

    @checked
    def limit(self, count: NonNegativeInt) -> Frame:
        """The first rows.

        Raises:
            ConfigError: It is not a number of rows.
        """
        return Frame(self.tables.limited(count), self.hidden)

    @checked
    def repartition(self, parts: PositiveInt) -> Frame:
        """The same rows, in this many blocks on Ray; in one process, all CPUs share them without that."""
        return Frame(self.tables.spread(parts), self.hidden)

    coalesce = repartition

    def cache(self) -> Frame:
        """This frame, whose rows are computed once and then kept in memory: here, or in Ray's object store."""
        self.tables = self.tables.kept()
        return self

    def persist(self, storageLevel: Any = None) -> Frame:  # noqa: N803 - pyspark's names, here and below
        """The same as `cache`: there are no levels of storage."""
        return self.cache()

    def unpersist(self, blocking: bool = False) -> Frame:
        """This frame; what it keeps is freed once nothing refers to it."""
        return self

    def toLocalIterator(self) -> Iterator[Row]:  # noqa: N802
        """The rows, as they are made."""
        names = self.columns
        return (row_of(row) for table in self.tables for row in outward(table, names))

    def collect(self) -> list[Row]:
        """All rows, in memory. Pictures come with their pixels: select the columns that you need."""
        return list(self.toLocalIterator())

    def take(self, count: int) -> list[Row]:
        """The first rows."""
        return list(islice(self.limit(count).toLocalIterator(), count))

    def first(self) -> Row | None:
        """The first row; None if there is none."""
        return next(iter(self.take(1)), None)

    def head(self, count: int | None = None) -> Any:
        """The first rows; without a number, the first row itself."""
        return self.first() if count is None else self.take(count)

    def isEmpty(self) -> bool:  # noqa: N802
        """Whether there is no row; the first one is computed."""
        return self.limit(1).count() == 0

    def count(self) -> int:
        """The number of rows, which are computed to be counted."""
        return self.tables.counted()

    @checked
    def show(self, n: NonNegativeInt = 20, truncate: bool | int = True, vertical: bool = False) -> None:
        """Prints the first rows, as a table or, if `vertical`, a line for each value; pictures without their pixels."""
        names = self.columns
        limited = self.limit(n + 1).tables
        rows = list(islice((row for table in limited for row in outward(table, names, pixels=False)), n + 1))
        print((show.lines if vertical else show.table)(rows[:n], self.schema, truncate))  # noqa: T201 - printing is its purpose
        if len(rows) > n:
            print(f"only showing top {counted(n, 'row')}")  # noqa: T201

    def printSchema(self) -> None:  # noqa: N802
        """Prints the columns as a tree."""
        print(show.schema(self.schema))  # noqa: T201

    def toPandas(self) -> pd.DataFrame:  # noqa: N802
        """The rows as a frame of pandas."""
        return as_one(self._outward(), self.schema).to_pandas()

    @property
    def write(self) -> Writer:
        """Writes the rows to files."""
        return Writer(self._outward())

    def _outward(self) -> Tables:
        """The tables as they leave the frame."""
        return self.tables.changed(partial(_outward, self.columns, self.schema))


def _flat(columns: Iterable[str | Column | Sequence[str | Column]]) -> list[str | Column]:
    """Columns that may be given as lists."""
    return [each for one in columns for each in ([one] if isinstance(one, (str, Column)) else one)]


def _outward(names: Sequence[str], schema: pa.Schema, table: pa.Table) -> pa.Table:
    return pa.Table.from_pylist(list(outward(table, names)), schema)
