"""Datasets given to a pipeline: their columns, their documents, and the pools that they have already."""

from __future__ import annotations

import logging
from typing import Any
from weakref import WeakSet

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, Dataset, SaveMode

from raypipe.errors import ConfigError, OutputError, reason_of
from raypipe.files.paths import exists
from raypipe.graph import Graph
from raypipe.inputs import memory
from raypipe.run.pools import READ_AND_WRITE_CPUS

CHEAP = ("Read", "Limit", "Project", "Union")
"""Operators of Ray Data whose first block, which reveals the columns, costs next to nothing."""
ROWS_PER_BLOCK = 4
PATHS = (
    "Pass include_paths=True to ray.data.read_binary_files or read_images, or rename or add the column: "
    "dataset.rename_columns({...: 'path'})."
)
_transformed: WeakSet[Dataset] = WeakSet()
"""Datasets to which pipelines were added."""


def check_columns(graph: Graph, dataset: Dataset) -> None:
    """Checks the columns of a dataset, as far as they are known or cheap to know; it stays lazy.

    Raises:
        ConfigError: It is not a dataset, or lacks `path` or a column that a stage reads.
    """
    if not isinstance(dataset, Dataset):
        raise ConfigError(f"{dataset!r} is not a dataset of Ray's.", "Give raypipe.read(sources).")
    schema = dataset.schema(fetch_if_missing=False)
    if schema is None and (graph.needs or all(type(each).__name__ in CHEAP for each in _operators(dataset))):
        schema = dataset.schema()
    if schema is not None:
        check_path(schema.names)
        graph.check_input(schema.names, "the dataset")


def check_path(names: list[str]) -> None:
    """Makes sure that documents can be identified: a `ConfigError` says that there is no column `path`."""
    if "path" not in names:
        raise ConfigError(f"The dataset has no column `path`, which identifies documents, but {names}.", PATHS)


def taken(*datasets: Dataset) -> tuple[float, float]:
    """The CPUs and GPUs that the actors of datasets take at least, including those of earlier pipelines."""
    every = {id(each): each for dataset in datasets for each in _operators(dataset)}.values()
    pools = [each for each in every if isinstance(getattr(each, "compute", None), ActorPoolStrategy)]
    wishes = [(pool.compute.min_size, pool.ray_remote_args) for pool in pools]
    # Ray gives one CPU to an actor that asks for nothing.
    cpus = sum(size * wish.get("num_cpus", 1) for size, wish in wishes)
    return cpus, sum(size * (wish.get("num_gpus") or 0) for size, wish in wishes)


def note(dataset: Dataset) -> None:
    """Warns if the datasets with pipelines do not fit the cluster together: Ray would wait forever for their union."""
    _transformed.add(dataset)
    cluster, (cpus, gpus) = ray.cluster_resources(), taken(*_transformed)
    if cpus + READ_AND_WRITE_CPUS > cluster.get("CPU", 0) or gpus > cluster.get("GPU", 0):
        logging.getLogger(__name__).warning(
            "Datasets with pipelines need %g CPUs and %g GPUs together, more than the cluster has, and would wait "
            "forever if they were united or read at the same time. Unite them before the pipeline, or give its stages "
            "a Pool with fewer actors, num_cpus or num_gpus.",
            cpus + READ_AND_WRITE_CPUS,
            gpus,
        )


def _operators(dataset: Dataset) -> list[Any]:
    """The operators of a dataset, from its sources on, for which Ray Data has no public name."""
    return list(dataset._logical_plan.dag.post_order_iter())


def documents(table: pa.Table, column: str) -> pa.Table:
    """A table with encoded pictures in a column, where `ray.data` calls them `bytes` or gives arrays in `image`.

    Raises:
        ConfigError: A row has no path, or there is no such column.
        InputError: An array is not a picture.
    """
    check_path(table.column_names)
    if table["path"].null_count:
        raise ConfigError("A row of the dataset has no path, which identifies its document.", "Filter such rows out.")
    if not pa.types.is_string(table["path"].type) and not pa.types.is_large_string(table["path"].type):
        raise ConfigError(f"The dataset's column `path` holds {table['path'].type}, not text.", PATHS)
    if column in table.column_names:
        return table
    if "bytes" in table.column_names:
        return table.rename_columns({"bytes": column})
    if "image" in table.column_names and isinstance(table["image"].type, pa.BaseExtensionType):
        arrays = [array for chunk in table["image"].chunks for array in chunk.to_numpy(zero_copy_only=False)]
        encoded = [memory.document(array, number)["content"] for number, array in enumerate(arrays)]
        return table.append_column(column, pa.array(encoded, pa.large_binary()))
    return table


def from_tables(tables: list[pa.Table]) -> Dataset:
    """A dataset of Arrow tables, in blocks small enough for all actors to get some."""
    return ray.data.from_arrow(tables).repartition(target_num_rows_per_block=ROWS_PER_BLOCK)


def write_parquet(dataset: Dataset, folder: str, replaces: bool) -> None:
    """Writes a dataset to a folder of Parquet files, from the processes that made its rows.

    Raises:
        OutputError: The folder exists and is not to be replaced, or cannot be written.
    """
    if exists(folder) and not replaces:
        raise OutputError(f"{folder} already exists.", 'Choose another folder, or write.mode("overwrite").')
    try:
        dataset.write_parquet(folder, mode=SaveMode.OVERWRITE if replaces else SaveMode.CREATE)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written: {reason_of(error)}.", "Check its place and the free space."
        ) from error
