"""The pools of a pipeline's operators: chosen where the pipeline sets none, and all must fit the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from raypipe.errors import ConfigError, DeviceError
from raypipe.graph import Graph, Operator
from raypipe.machine import usable_cpus
from raypipe.stages.base import ModelStage, Pool

READ_AND_WRITE_CPUS = 1.0
"""CPUs that pools leave to the tasks that read and write; without them Ray Data waits forever without a word."""
MOST_THREADS = 4
"""CPU threads of a replica whose pool is not set: more gain little, and share Python's lock."""


def for_data(graph: Graph, cpus: float, gpus: float) -> list[Pool]:
    """The pool of each operator on Ray Data.

    One operator without a pool takes the whole cluster: one actor per GPU, otherwise one single-threaded actor per CPU.
    Actors that do everything are always busy; dedicated pools pay where stages need different machines.

    Args:
        graph: The pipeline.
        cpus, gpus: What the cluster has.

    Raises:
        ConfigError: The pools need more CPUs than there are.
        DeviceError: They need more GPUs than there are.
    """
    wishes = [stage.use_gpu for stage in graph.model_stages]
    if True in wishes and not gpus:
        raise DeviceError("A GPU was asked for, but the Ray cluster has none.", "Add GPU nodes, or use --device cpu.")
    wants_gpu = any(wish is not False for wish in wishes)
    whole = (
        Pool(size=int(gpus), num_gpus=1) if gpus and wants_gpu else Pool(size=max(1, int(cpus - READ_AND_WRITE_CPUS)))
    )
    default = whole if len(graph.operators) == 1 else Pool(size=1)
    pools = [operator.pool or default for operator in graph.operators]
    check_room(pools, cpus, gpus, READ_AND_WRITE_CPUS)
    return pools


def for_serving(graph: Graph, cpus: int | None = None) -> list[Pool]:
    """The pool of each operator on Ray Serve; by default, replicas of a few threads that fill this machine's CPUs.

    A stage that must have a GPU gets one per replica. Others use and share a GPU if their node has one.
    """
    cpus = cpus or usable_cpus()
    replicas = -(-cpus // MOST_THREADS)
    open_pool = Pool(size=replicas, num_cpus=max(1, cpus // replicas))
    return [operator.pool or _with_gpu(open_pool, operator) for operator in graph.operators]


def _with_gpu(pool: Pool, operator: Operator) -> Pool:
    must = any(isinstance(step.stage, ModelStage) and step.stage.use_gpu for step in operator.steps)
    return pool.model_copy(update={"size": 1, "num_gpus": 1}) if must else pool


def check_room(pools: Sequence[Pool], cpus: float, gpus: float, kept: float = 0) -> None:
    """Makes sure that pools fit a cluster: Ray would wait forever for what it does not have.

    Args:
        pools: The pools.
        cpus, gpus: What the cluster has.
        kept: CPUs that reading and writing take.

    Raises:
        ConfigError: They need more CPUs than there are.
        DeviceError: They need more GPUs than there are.
    """
    needed = sum(pool.floor * pool.num_gpus for pool in pools)
    if needed > gpus:
        message = f"The pools need {needed:g} GPUs, but the cluster has {gpus:g}."
        raise DeviceError(message, "Lower num_gpus or the pool sizes.")
    needed = sum(pool.floor * pool.num_cpus for pool in pools) + kept
    if needed > cpus:
        extra = f" with the {kept:g} for reading and writing" if kept else ""
        raise ConfigError(
            f"The pools need {needed:g} CPUs{extra}, but the cluster has {cpus:g}.",
            "Lower the pool sizes or num_cpus, or start Ray with more CPUs.",
        )
