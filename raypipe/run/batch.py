"""A pipeline as a lazy, streaming Ray Data job: each operator is a pool of actors.

A page is a row from end to end. Whole pages never cross between actors: the detector's actor decodes the page itself
and passes on the packed pictures of its lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, Dataset

from raypipe.graph import Graph
from raypipe.images.passwords import known_passwords
from raypipe.run.actor import MOST_GROWTH, OperatorActor
from raypipe.run.cluster import keep_statistics
from raypipe.run.datasets import check_columns, note, taken
from raypipe.run.ending import end_on_failure
from raypipe.run.pools import for_data
from raypipe.run.tally import start_tally
from raypipe.stages.base import Pool
from raypipe.types import Row

MANIFEST_SCHEMA = pa.schema(
    [("path", pa.string()), ("name", pa.string()), ("pagenum", pa.int32()), ("total_pages", pa.int32())]
)
PAGES_A_THREAD = 8
"""Pages per thread that an actor with a GPU gets at a time: the GPU idles while the last of them are finished."""
CONTENT = pa.field("content", pa.large_binary())
"""Documents whose sources are in memory; all others are read where they are needed."""


def transform(
    graph: Graph,
    dataset: Dataset,
    batch_size: int,
    tally: Any = None,
    *,
    shared: bool = False,
    page_seconds: float | None = None,
    most_growth: int = MOST_GROWTH,
) -> Dataset:
    """See `Pipeline.transform`.

    Args:
        tally: The job's tally actor; None: a new one.
        shared: Whether the dataset can have further pipelines and actors, for which default pools leave room.
        most_growth: Bytes by which the memory of an actor may grow before its process is replaced.

    Raises:
        ConfigError: The pools need more CPUs than the cluster has, or the dataset lacks a column that a stage reads.
        DeviceError: They need more GPUs than the cluster has.
    """
    check_columns(graph, dataset)
    tally = tally or start_tally()
    resources = ray.cluster_resources()
    pools = for_data(graph, resources.get("CPU", 0), resources.get("GPU", 0), taken(dataset), shared)
    for number, (operator, pool) in enumerate(zip(graph.operators, pools, strict=True)):
        arguments = (operator, number, max(1, int(pool.num_cpus)), tally, page_seconds, most_growth, known_passwords())
        dataset = _in_actors(dataset, pool, arguments, batch_size)
    end_on_failure(dataset)
    if shared:
        note(dataset)
    return dataset


def _in_actors(dataset: Dataset, pool: Pool, arguments: tuple[Any, ...], batch_size: int) -> Dataset:
    """The dataset, extended by an operator in the actors of a pool."""
    sizes = {"size": pool.size} if pool.size is not None else {"min_size": pool.floor, "max_size": pool.max_size}
    return dataset.map_batches(
        OperatorActor,
        fn_constructor_args=arguments,
        batch_size=max(batch_size, PAGES_A_THREAD * int(pool.num_cpus)) if pool.num_gpus else batch_size,
        batch_format="pyarrow",
        # An actor has one call at a time in any case; in Ray's own thread it knows which task the call belongs to.
        compute=ActorPoolStrategy(**sizes, enable_true_multi_threading=True),
        num_cpus=pool.num_cpus,
        num_gpus=pool.num_gpus or None,
        memory=pool.memory,
    )


def read(page_rows: Iterable[Row], rows_per_block: int) -> Dataset:
    """Page rows as a dataset of small blocks, so that actors get even shares."""
    rows = list(page_rows)
    in_memory = any(row["content"] is not None for row in rows)
    table = pa.Table.from_pylist(rows, MANIFEST_SCHEMA.append(CONTENT) if in_memory else MANIFEST_SCHEMA)
    keep_statistics()
    return ray.data.from_arrow(table).repartition(target_num_rows_per_block=rows_per_block)
