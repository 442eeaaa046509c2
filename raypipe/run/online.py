"""A pipeline as a Ray Serve application: an ingress that speaks HTTP, and one deployment per operator.

Encoded bytes cross to the first operator, packed line pictures between operators, plain values back to the ingress;
decoded pages never cross. The ingress holds no model and opens no picture, so no picture can crash it: when the
replica that reads a page dies, the ingress tries again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ray import serve
from ray.serve.config import AutoscalingConfig, BackpressureConfig
from ray.serve.schema import LoggingConfig

from raypipe.graph import Graph, Operator
from raypipe.run.path import PagePath
from raypipe.run.pools import for_serving
from raypipe.run.replicas import OperatorReplica, Task
from raypipe.run.settings import Serving
from raypipe.stages.base import Pool
from raypipe.types import Row
from raypipe.web.app import create
from raypipe.web.settings import ServerSettings
from raypipe.zoo import manifest

if TYPE_CHECKING:
    from ray.serve import Application
    from starlette.types import ASGIApp

GPU_BATCH_LINES = 256
"""Default number of line pictures in a batch on a GPU."""
MOST_UPLOADS = 200
"""Requests that an ingress holds, mostly while their bodies arrive. Serve answers further ones with 429."""


class Ingress:
    """Speaks HTTP.

    Args:
        operators: A deployment for each, or the task of one that runs in this process.
        path: The path through them, still without them: Serve finds handles only among the arguments.
        settings: The limits of the server.
    """

    def __init__(self, operators: Sequence[Any], path: PagePath, settings: ServerSettings) -> None:
        made = [OperatorReplica(each) if isinstance(each, Task) else each for each in operators]
        self._path, self._settings = replace(path, operators=made), settings

    async def read(self, row: Row, overlay: str = "none") -> Row:
        """Reads a page row for callers inside Ray, through a handle; values come back as their columns encode them."""
        return (await self._path.carry(row, overlay)).row

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return create(self._path, self._settings)


def deployment(
    graph: Graph, drawings: Mapping[str, Operator], serving: Serving, pools: Sequence[Pool] | None = None
) -> Application:
    """A pipeline as an application; see `Pipeline.deployment`.

    Args:
        graph: The pipeline.
        drawings: What draws overlays, by the picture's format.
        serving: How it is deployed.
        pools: The pool of each operator; None: chosen for this machine.

    Raises:
        ConfigError: A stage reads a column that no stage writes and that requests do not bring with them.
    """
    graph.check_input(serving.input_columns, "input_columns")
    pools = pools or for_serving(graph)
    tasks = _tasks(graph, drawings, pools, serving)
    at_once = min(task.parallel * (pool.max_size or pool.floor) for task, pool in zip(tasks, pools, strict=True))
    path = PagePath(
        operators=(),
        names=[task.operator.name for task in tasks],
        models=_models(graph),
        overlays=tuple(drawings),
        columns=tasks[-1].written,
        needs=graph.needs,
        at_once=at_once,
    )
    parts = [_deployed(task, pool, at_once) for task, pool in zip(tasks, pools, strict=True)]
    options: dict[str, Any] = {"num_replicas": serving.ingress_replicas, "ray_actor_options": {"num_cpus": 0}}
    if serving.merge_ingress:
        parts[0], options = tasks[0], _placement(pools[0])
    refused = BackpressureConfig(status_code=429, retry_after_s=serving.settings.retry_after_seconds)
    return (
        serve.deployment(serve.ingress()(Ingress))
        .options(
            name="Ingress",
            max_ongoing_requests=MOST_UPLOADS,
            max_queued_requests=MOST_UPLOADS,
            backpressure_config=refused,
            **DEPLOYMENT_OPTIONS,
            **options,
        )
        .bind(parts, path, serving.settings)
    )


def _tasks(graph: Graph, drawings: Mapping[str, Operator], pools: Sequence[Pool], serving: Serving) -> list[Task]:
    """What each operator's replicas run. On CPUs, a page is read as fast alone as in a batch."""
    tasks = []
    for operator, pool in zip(graph.operators, pools, strict=True):
        last, threads = operator is graph.operators[-1], max(1, int(pool.num_cpus))
        lines = serving.batch_lines
        tasks.append(
            Task(
                operator=operator,
                last=last,
                drawings=drawings if last else {},
                threads=threads,
                parallel=threads,
                batch_lines=(GPU_BATCH_LINES if pool.num_gpus else 0) if lines is None else lines,
                batch_seconds=serving.batch_seconds,
            )
        )
    return tasks


DEPLOYMENT_OPTIONS: dict[str, Any] = {
    "health_check_period_s": 2,
    "health_check_timeout_s": 30,
    "graceful_shutdown_wait_loop_s": 1,
    "graceful_shutdown_timeout_s": 60,
    "logging_config": LoggingConfig(log_level="WARNING", enable_access_log=False),
}
"""A dead replica is noticed within two seconds, a stopping one finishes its work, and the ingress logs requests."""


def _deployed(task: Task, pool: Pool, at_once: int) -> Any:
    return (
        serve.deployment(OperatorReplica)
        .options(
            name=task.operator.name,
            # More than a replica works on, so that the next page is there when one is done, and batches fill.
            max_ongoing_requests=max(32, 8 * at_once, task.batch_lines * task.parallel),
            **DEPLOYMENT_OPTIONS,
            **_placement(pool),
        )
        .bind(task)
    )


def _placement(pool: Pool) -> dict[str, Any]:
    actor = {"num_cpus": pool.num_cpus, "num_gpus": pool.num_gpus, "memory": pool.memory}
    options: dict[str, Any] = {"ray_actor_options": {name: value for name, value in actor.items() if value}}
    if pool.max_size and pool.max_size > pool.floor:
        options["num_replicas"] = None
        options["autoscaling_config"] = AutoscalingConfig(
            min_replicas=pool.floor,
            max_replicas=pool.max_size,
            target_ongoing_requests=2 * max(1, int(pool.num_cpus)),
            upscale_delay_s=10,
            downscale_delay_s=300,
        )
    else:
        options["num_replicas"] = pool.floor
    return options


def _models(graph: Graph) -> list[dict[str, str]]:
    found = {stage.model: manifest.find(stage.model) for stage in graph.model_stages}
    return [
        {"name": model.name, "task": model.task, "family": model.family, "licence": model.licence}
        for model in found.values()
    ]
