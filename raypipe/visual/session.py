"""`start()` and the session that it returns, which reads files into frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from fnmatch import fnmatch
from importlib import metadata
from itertools import chain
from pathlib import PurePath, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from raypipe.compat import batched
from raypipe.engine.devices import gpu_trouble
from raypipe.errors import ConfigError, DeviceError, InputError, reason_of
from raypipe.files.paths import resolve
from raypipe.inputs.listing import Found, listed
from raypipe.inputs.nothing import KINDS
from raypipe.plurals import counted
from raypipe.visual import models
from raypipe.visual.checked import checked
from raypipe.visual.frame import Frame
from raypipe.visual.once import log
from raypipe.visual.paths import place
from raypipe.visual.records import inward
from raypipe.visual.tables import LocalTables, RayTables, Tables

FILES = pa.schema(
    [
        ("path", pa.string()),
        ("modificationTime", pa.timestamp("us", "UTC")),
        ("length", pa.int64()),
        ("content", pa.binary()),
    ]
)
"""Columns of a frame of files. `content` is read when it is needed."""
LISTED = 256
"""Files per table."""
FORMATS = {"binaryfile": "binaryFile", "parquet": "parquet"}
"""What is read, by its name in any case, as Spark has it."""
OTHER_FILES = "Ray reads others: session.createDataFrame(ray.data.read_csv(path)), read_json, read_text and so on."
ENGINES = ("local", "ray")
ELSEWHERE = {
    "readStream": "raypipe run, which goes on where it stopped",
    "sql": "frame.filter(...) and frame.groupBy(...)",
    "table": "read.parquet(folder)",
    "udf": "raypipe.visual.functions.udf",
}
"""What Spark's sessions have for work of other kinds, and what to use instead."""
NOT_NEEDED = (
    "license", "nlp_version", "nlp_secret", "nlp_internal", "nlp_jsl", "jar_path", "keys_file", "logs",
    "extra_conf", "spark_conf", "master_url", "visual", "hardware_target", "spark23", "spark24", "spark32", "spark34",
    "apple_silicon",
)  # fmt: skip
"""Arguments of Visual NLP's `start` that concern its licence, its downloads and Spark."""


def start(
    secret: str | None = None,
    *,
    engine: str = "local",
    on_missing_model: str | None = None,
    use_gpu: bool = False,
    **others: Any,
) -> Session:
    """A session, which reads files into frames. There is nothing to start: no licence, no download, no JVM.

    Args:
        secret: Visual NLP's licence, which is not needed.
        engine: `local`: this process; `ray`: Ray Data, on the cluster that Ray finds, or a new one here.
        on_missing_model: `error`: a model that is not on this machine is an error; `nearest`: the nearest one that is
            there is used instead, with a warning. None: the environment's RAYPIPE_ON_MISSING_MODEL, else `error`.
        use_gpu: Whether a GPU is required; without this, stages use one if there is one.
        others: Visual NLP's further arguments, which are accepted and not needed.

    Raises:
        ConfigError: An argument is unknown or wrong.
        DeviceError: There is no GPU.
    """
    if secret in ENGINES:
        raise ConfigError(f"The first argument of start, {secret!r}, is a licence.", f'Write start(engine="{secret}").')
    for name in others:
        if name not in NOT_NEEDED:
            near = get_close_matches(name, ["secret", "engine", "on_missing_model", "use_gpu", *NOT_NEEDED], 1, 0)
            raise ConfigError(f"start has no argument {name!r}.", f"The nearest is {near[0]}.")
        log.info("start: %s is accepted and not needed.", name)
    if engine not in ENGINES:
        raise ConfigError(f"There is no engine {engine!r}.", f"Choose one of {', '.join(ENGINES)}.")
    if on_missing_model:
        models.on_missing(on_missing_model)
    if use_gpu and (trouble := gpu_trouble()):
        raise DeviceError(f"A GPU was asked for. {trouble}", "Or leave use_gpu out; see `raypipe doctor`.")
    return Session(engine)


def version() -> str:
    """The version of raypipe."""
    return metadata.version("raypipe")


@dataclass(frozen=True)
class Session:
    """Reads files and rows into frames, which its engine computes."""

    engine: str

    @property
    def read(self) -> Source:
        """Reads files."""
        return Source(self.engine)

    def __getattr__(self, name: str) -> Any:
        """Says what a session has.

        Raises:
            AttributeError: There is no such attribute.
        """
        way = f"use {ELSEWHERE[name]}" if name in ELSEWHERE else "leave out what sets up Spark"
        raise AttributeError(
            f"The session has no {name}: there is no Spark here. It has read, createDataFrame and stop; {way}."
        )

    @checked
    def createDataFrame(self, data: Any, schema: Sequence[str] | pa.Schema | pa.StructType | None = None) -> Frame:  # noqa: N802
        """A frame of rows in memory, or of a dataset of Ray Data.

        Args:
            data: Rows as mappings, or as tuples with names in `schema`; an Arrow table; a frame of pandas; or a dataset
                with `path`, and what else `Pipeline.transform` takes.
            schema: Names of the columns, or Arrow's types of them; None: those of tuples are `_1`, `_2` and so on.

        Raises:
            ConfigError: It is none of these.
        """
        if hasattr(data, "map_batches"):
            known = data.schema()
            return Frame(RayTables(data, pa.schema(list(zip(known.names, known.types, strict=True)))))
        if hasattr(data, "to_parquet"):
            data = pa.Table.from_pandas(data, preserve_index=False)
        if not isinstance(data, pa.Table):
            data = _table(data, pa.schema(list(schema)) if isinstance(schema, pa.StructType) else schema)
        data = inward(data)
        return Frame(_tables(self.engine, lambda: iter([data]), data.schema))

    def stop(self) -> None:
        """Does nothing: there is no process to stop. `ray.shutdown()` leaves a cluster."""


def _table(data: Any, schema: Sequence[str] | pa.Schema | None) -> pa.Table:
    try:
        names = schema.names if isinstance(schema, pa.Schema) else list(schema or ())
        rows = [each if isinstance(each, Mapping) else _named(each, names) for each in data]
        return pa.Table.from_pylist(rows, schema if isinstance(schema, pa.Schema) else None)
    except (pa.ArrowException, TypeError) as error:
        remedy = "Give rows as mappings or, with their names in schema, as tuples: each column of one type."
        raise ConfigError(f"The data cannot become a frame: {reason_of(error)}.", remedy) from error


def _named(row: Any, names: Sequence[str]) -> dict[str, Any]:
    if hasattr(row, "asDict"):
        return dict(row.asDict(recursive=True))
    names = names or [f"_{number}" for number in range(1, len(row) + 1)]
    if len(row) != len(names):
        has = f"A row has {counted(len(row), 'value')}, for the names {list(names)}."
        raise ConfigError(has, "Give schema a name for each.")
    return dict(zip(names, row, strict=True))


def _tables(engine: str, make: Callable[[], Iterator[pa.Table]], schema: pa.Schema) -> Tables:
    if engine == "local":
        return LocalTables(make, schema)
    from raypipe.run.datasets import from_tables

    return RayTables(from_tables(list(make()) or [schema.empty_table()]), schema)


@dataclass(frozen=True)
class Source:
    """How files are read, as `session.read` gives it.

    Attributes:
        kind: `binaryFile` or `parquet`.
        glob: Names of the files that are read; empty: all.
    """

    engine: str
    kind: str = "parquet"
    glob: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @checked
    def format(self, kind: str) -> Source:
        """What the files are.

        Raises:
            ConfigError: It is neither `binaryFile` nor `parquet`.
        """
        if (known := FORMATS.get(kind.lower())) is None:
            remedy = f"Use one of {', '.join(FORMATS.values())}; binaryFile is for pictures and PDFs. {OTHER_FILES}"
            raise ConfigError(f"Files of the format {kind!r} are not read here.", remedy)
        return replace(self, kind=known)

    def __getattr__(self, name: str) -> Any:
        """Says what is read.

        Raises:
            AttributeError: There is no such attribute.
        """
        raise AttributeError(f'Files are not read by {name}: format("binaryFile").load(path) does it. {OTHER_FILES}')

    def option(self, name: str, value: Any) -> Source:
        """`pathGlobFilter`: the names of files to be read. `recursiveFileLookup`: folders are always read recursively.

        Raises:
            ConfigError: It is another option.
        """
        if name == "pathGlobFilter":
            return replace(self, glob=str(value))
        if name == "recursiveFileLookup" and str(value).lower() == "true":
            return self
        raise ConfigError(
            f"There is no option {name}={value!r}.",
            "Use pathGlobFilter; folders are always read recursively.",
        )

    @checked
    def load(self, path: str | PurePath | Sequence[str | PurePath]) -> Frame:
        """A frame of files: a row each, with `path`, `modificationTime`, `length` and `content`.

        Paths are files, folders, globs and URIs. Folders and globs give pictures and PDFs only.

        Raises:
            InputError: There is nothing.
        """
        paths = [place(each) for each in ([path] if isinstance(path, (str, PurePath)) else path)]
        _check_any(paths)
        if self.kind == "parquet":
            return self.parquet(*paths)

        def make() -> Iterator[pa.Table]:
            files = chain.from_iterable(listed(str(each), None) for each in paths)
            chosen = (each for each in files if not self.glob or fnmatch(PurePosixPath(each.path).name, self.glob))
            return (_files(some) for some in batched(chosen, LISTED))

        for each in paths:
            next(listed(str(each), None), None)  # What does not exist is an error here, as in Spark.
        return Frame(_tables(self.engine, make, FILES))

    @checked
    def parquet(self, *paths: str | PurePath) -> Frame:
        """A frame of the rows of Parquet files or folders of them.

        Raises:
            InputError: There is nothing.
        """
        _check_any(paths)
        datasets = [_parquet(place(path)) for path in paths]

        def make() -> Iterator[pa.Table]:
            for dataset in datasets:
                for fragment in dataset.fragments:
                    for batch in fragment.to_batches(schema=datasets[0].schema):
                        yield inward(pa.Table.from_batches([batch]))

        return Frame(_tables(self.engine, make, inward(datasets[0].schema.empty_table()).schema))


def _check_any(paths: Sequence[str | PurePath]) -> None:
    """Makes sure that there is a path; if not, that is an `InputError`."""
    if not paths:
        raise InputError("There are no paths to read.", KINDS)


def _parquet(path: str | PurePath) -> pq.ParquetDataset:
    try:
        filesystem, place = resolve(str(path))
        return pq.ParquetDataset(place, filesystem=filesystem)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(
            f"{path} cannot be read as Parquet: {reason_of(error)}.", "Give Parquet files or a folder of them."
        ) from error


def _files(files: Iterable[Found]) -> pa.Table:
    rows = [
        {
            "path": each.path,
            "modificationTime": None if each.modified < 0 else datetime.fromtimestamp(each.modified / 1e9, UTC),
            "length": None if each.size < 0 else each.size,
            "content": None,
        }
        for each in files
    ]
    return pa.Table.from_pylist(rows, FILES)
