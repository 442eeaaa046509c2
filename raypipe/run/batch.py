"""A pipeline as a lazy, streaming Ray Data job: each operator is a pool of actors.

A page is a row from end to end. Whole pages never cross between actors: the detector's actor decodes the page itself
and passes on the packed pictures of its lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.util.metrics import Counter as ExportedCounter

from raypipe.errors import Code, ConfigError, Failure
from raypipe.graph import Graph, Operator
from raypipe.inputs.pages import named, pages
from raypipe.metrics import Metrics
from raypipe.rows import from_table, others, to_table
from raypipe.run.pools import for_data
from raypipe.run.runner import Runner
from raypipe.run.tally import Key, start_tally
from raypipe.stages.base import Pool
from raypipe.types import Row

MANIFEST_SCHEMA = pa.schema(
    [("path", pa.string()), ("name", pa.string()), ("pagenum", pa.int32()), ("total_pages", pa.int32())]
)
CONTENT = pa.field("content", pa.large_binary())
"""Documents whose sources are in memory; all others are read where they are needed."""
MOST_TRIES = 3
"""A page that was being processed when an actor died this many times gets an exception instead of another try."""


class OperatorActor:
    """Runs one operator on batches of page rows, inside an actor of Ray Data.

    Args:
        operator: The steps.
        number: Its place in the pipeline.
        threads: CPU threads of a session.
        tally: The job's tally actor.
    """

    def __init__(
        self,
        operator: Operator,
        number: int,
        threads: int,
        tally: Any,
    ) -> None:
        self._number, self._before, self._after, self._tally = number, operator.before, operator.after, tally
        self._metrics = Metrics()
        self._exported: dict[str, ExportedCounter] = {}
        self._operator_name = operator.name
        self._run = Runner(operator, threads, self._metrics)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Processes a batch: a table of page rows, or of document rows, which become page rows.

        Columns that the pipeline does not know pass through; those that it writes replace existing ones.
        """
        if "bytes" in table.column_names and "content" not in table.column_names:
            table = table.rename_columns({"bytes": "content"})
        if "path" not in table.column_names:
            raise ConfigError(
                "The dataset has no column `path`, which identifies documents.",
                "Pass include_paths=True to ray.data.read_binary_files, or add the column.",
            )
        rows = from_table(table, self._before)
        kept = others(table, self._before)
        if "pagenum" not in table.column_names:
            expanded = [(n, page) for n, document in enumerate(rows) for page in pages(named(document))]
            rows, kept = [page for _, page in expanded], kept.take([n for n, _ in expanded])
        result = to_table(self._process(rows), self._after)
        for name in kept.column_names:
            if name not in self._after:
                result = result.append_column(name, kept[name])
        return result

    def _process(self, rows: list[Row]) -> list[Row]:
        # Ray restarts a dead actor under its old id and gives it the same batch again. Another actor with the same page
        # is no retry: datasets may hold a page twice.
        actor = ray.get_runtime_context().get_actor_id()
        keys = [(actor, str(row["path"]), int(row["pagenum"])) for row in rows]
        if not any(ray.get(self._tally.begin.remote(keys))):
            rows = self._run(rows)
            self._finish(keys, rows)
            return rows
        return [self._alone(row, key) for row, key in zip(rows, keys, strict=True)]

    def _alone(self, row: Row, key: Key) -> Row:
        """Processes a page that was in the batch of an actor that died."""
        tries = ray.get(self._tally.begin.remote([key]))[0]
        if tries >= MOST_TRIES:
            message = (
                f"{row['path']}, page {row['pagenum']}, was being processed when its actor died, {tries} times. "
                "Look at the picture, and at the node's memory in Ray's logs."
            )
            row["exception"] = str(Failure(self._operator_name, Code.WORKER_DIED, message))
        rows = self._run([row])
        self._finish([key], rows)
        return rows[0]

    def _finish(self, keys: list[Key], rows: list[Row]) -> None:
        sums = self._metrics.drain()
        if self._number == 0:
            sums["pages_total"] = len(rows)
        failed = sum(1 for row in rows if row["exception"] is not None)
        for name, value in sums.items():
            if name not in self._exported:
                self._exported[name] = ExportedCounter(f"raypipe_{name}", tag_keys=("operator",))
            if value:
                self._exported[name].inc(value, {"operator": self._operator_name})
        sums = {**sums, f"finished_{self._number}": len(rows), f"failed_{self._number}": failed}
        self._tally.finish.remote(keys, sums)


def transform(graph: Graph, dataset: Dataset, batch_size: int, tally: Any = None) -> Dataset:
    """See `Pipeline.transform`.

    Raises:
        ConfigError: The pools need more CPUs than the cluster has, or the dataset lacks a column that a stage reads.
        DeviceError: They need more GPUs than the cluster has.
    """
    if graph.needs:  # Otherwise the dataset stays lazy: to know its columns, Ray may have to read its first block.
        graph.check_input(dataset.schema().names, "the dataset")
    # A pickled column would be 25 times slower and refuse to be written.
    DataContext.get_current().enable_fallback_to_arrow_object_ext_type = False
    tally = tally or start_tally()
    resources = ray.cluster_resources()
    pools = for_data(graph, resources.get("CPU", 0), resources.get("GPU", 0))
    for number, (operator, pool) in enumerate(zip(graph.operators, pools, strict=True)):
        dataset = dataset.map_batches(
            OperatorActor,
            fn_constructor_args=(
                operator,
                number,
                max(1, int(pool.num_cpus)),
                tally,
            ),
            batch_size=batch_size,
            batch_format="pyarrow",
            compute=_strategy(pool),
            num_cpus=pool.num_cpus,
            num_gpus=pool.num_gpus or None,
            memory=pool.memory,
        )
    return dataset


def _strategy(pool: Pool) -> ActorPoolStrategy:
    if pool.size is not None:
        return ActorPoolStrategy(size=pool.size)
    return ActorPoolStrategy(min_size=pool.floor, max_size=pool.max_size)


def read(page_rows: Iterable[Row], rows_per_block: int) -> Dataset:
    """Page rows as a dataset of small blocks, so that actors get even shares."""
    rows = list(page_rows)
    in_memory = any(row["content"] is not None for row in rows)
    table = pa.Table.from_pylist(rows, MANIFEST_SCHEMA.append(CONTENT) if in_memory else MANIFEST_SCHEMA)
    return ray.data.from_arrow(table).repartition(target_num_rows_per_block=rows_per_block)
