"""The pools of a pipeline's operators: they are chosen if the pipeline sets none, and must fit the cluster."""

from __future__ import annotations

import math
from collections.abc import Sequence

from raypipe.errors import ConfigError, DeviceError
from raypipe.graph import Graph, Operator
from raypipe.machine import usable_cpus
from raypipe.plurals import counted
from raypipe.stages.base import ModelStage, Pool

READ_AND_WRITE_CPUS = 1.0
"""CPUs that pools leave to the tasks that read and write; without them Ray Data waits forever without a message."""
FEW_CPUS, CPUS_PER_WRITER = 4, 8
"""On up to `FEW_CPUS` CPUs one task writes at a time; on more, one per `CPUS_PER_WRITER`, but at least two."""
CPU_SHARE = 0.2
"""The share of the free CPUs for a pipeline that shares its dataset with others: five fit into a union."""
GPU_SHARE = 0.6
"""The same for GPUs; above one half, since Ray would put two actors of a half on one GPU and leave another idle."""
MOST_THREADS = 4
"""CPU threads of a replica whose pool is not set: more bring little, since they share Python's lock."""
MOST_GPU_THREADS = 16
"""CPU threads of an actor with a GPU: more share Python's lock."""


def for_data(
    graph: Graph, cpus: float, gpus: float, taken: tuple[float, float] = (0, 0), shared: bool = False
) -> list[Pool]:
    """The pool of each operator on Ray Data.

    One operator without a pool takes the whole cluster: one actor per GPU, with its share of the CPUs, which decode and
    search while the GPU works; otherwise one single-threaded actor per CPU.
    Actors that do everything are always busy; dedicated pools pay where stages need different machines.

    Args:
        cpus, gpus: What the cluster has.
        taken: CPUs and GPUs of the pools that the dataset has already.
        shared: Whether to leave room for further pipelines, whose actors take turns on the same CPUs and GPUs.

    Raises:
        ConfigError: The pools need more CPUs than there are.
        DeviceError: They need more GPUs than there are.
    """
    wishes = [stage.use_gpu for stage in graph.model_stages]
    if True in wishes and not gpus:
        raise DeviceError(
            "A GPU was asked for, but the Ray cluster has none.",
            "Add GPU nodes, or use --device cpu; `raypipe doctor` says more.",
        )
    on_gpu = bool(gpus) and any(wish is not False for wish in wishes)
    if len(graph.operators) > 1:
        default = Pool(size=1)
    elif shared or any(taken):
        default = _turns(on_gpu, cpus - READ_AND_WRITE_CPUS, gpus, taken)
    else:
        default = _alone(on_gpu, cpus - READ_AND_WRITE_CPUS, gpus)
    pools = [operator.pool or default for operator in graph.operators]
    check_room(pools, cpus, gpus, READ_AND_WRITE_CPUS, taken)
    return pools


def _alone(on_gpu: bool, cpus: float, gpus: float) -> Pool:
    if not on_gpu:
        return Pool(size=max(1, int(cpus)))
    return Pool(size=int(gpus), num_gpus=1, num_cpus=min(MOST_GPU_THREADS, max(1, int(cpus / gpus))))


def _turns(on_gpu: bool, cpus: float, gpus: float, taken: tuple[float, float]) -> Pool:
    """As many actors as there are CPUs or GPUs, each with a part of one, which leaves the rest for other pipelines."""
    size = max(1, int(gpus if on_gpu else cpus))
    free_cpus, free_gpus = max(0.0, cpus - taken[0]), max(0.0, gpus - taken[1])
    return Pool(
        size=size,
        num_cpus=_rounded_down(min(1, CPU_SHARE * free_cpus / size)) or 1,  # Too much if nothing is free.
        num_gpus=(_rounded_down(GPU_SHARE * free_gpus / size) or 1) if on_gpu else 0,
    )


def _rounded_down(share: float) -> float:
    """A share, rounded down to Ray's precision."""
    return math.floor(share * 10_000) / 10_000


def writers(graph: Graph, cpus: float, gpus: float) -> int:
    """How many tasks write finished rows at a time on Ray Data.

    They hardly compute, but each that runs beside another takes a process of its own, whose start takes over a CPU
    second. A few CPUs finish rows so slowly that one task keeps up, as in one process; it mostly finds the process that
    has opened the documents. Pools can grow with the cluster.

    Args:
        cpus, gpus: What the cluster has.
    """
    is_small = cpus <= FEW_CPUS and not gpus and not any(operator.pool for operator in graph.operators)
    return 1 if is_small else max(2, int(cpus) // CPUS_PER_WRITER)


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


def check_room(
    pools: Sequence[Pool], cpus: float, gpus: float, kept: float = 0, taken: tuple[float, float] = (0, 0)
) -> None:
    """Makes sure that pools fit a cluster: Ray would wait forever for what it does not have.

    Args:
        cpus, gpus: What the cluster has.
        kept: CPUs that reading and writing take.
        taken: CPUs and GPUs that other pools of the same dataset take.

    Raises:
        ConfigError: They need more CPUs than there are.
        DeviceError: They need more GPUs than there are.
    """
    others = " with the {:g} of the dataset's other actors"
    needed = sum(pool.floor * pool.num_gpus for pool in pools) + taken[1]
    if needed > gpus:
        extra = others.format(taken[1]) if taken[1] else ""
        message = f"The pools need {counted(round(needed, 3), 'GPU')}{extra}, but the cluster has {gpus:g}."
        raise DeviceError(message, "Lower num_gpus or the pool sizes.")
    needed = sum(pool.floor * pool.num_cpus for pool in pools) + kept + taken[0]
    if needed > cpus:
        extra = f" with the {kept:g} for reading and writing" if kept else ""
        extra += others.format(taken[0]) if taken[0] else ""
        raise ConfigError(
            f"The pools need {counted(round(needed, 3), 'CPU')}{extra}, but the cluster has {cpus:g}.",
            "Lower the pool sizes or num_cpus, or start Ray with more CPUs.",
        )
