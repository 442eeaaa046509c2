"""A pipeline as a Ray Serve application: an ingress that speaks HTTP, and a deployment for each operator.

Encoded bytes cross to the first operator, packed line pictures between operators, plain values back to the ingress;
decoded pages never cross. The ingress holds no model and opens no picture, so that no picture can end it: when the
replica that reads a page dies, the ingress is still there to try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve.config import AutoscalingConfig, BackpressureConfig
from ray.serve.schema import LoggingConfig

from raypipe import presets
from raypipe.errors import ConfigError
from raypipe.graph import Graph, Operator
from raypipe.machine import usable_cpus
from raypipe.pipeline import Pipeline, load
from raypipe.run.path import PagePath
from raypipe.run.replicas import Batching, OperatorReplica, Task
from raypipe.stages.base import ModelStage, Pool
from raypipe.types import Row
from raypipe.web.app import create
from raypipe.web.settings import ServerSettings, read_keys
from raypipe.zoo import manifest

if TYPE_CHECKING:
    from ray.serve import Application
    from starlette.types import ASGIApp

MOST_THREADS = 4
"""CPU threads of a replica whose pool was left open: more gain little, and share Python's lock."""
MOST_UPLOADS = 200
"""Requests that an ingress holds, most of them while their bodies arrive. Serve answers 429 to those beyond."""
OVERLAYS = ("jpeg", "png")


class Serving(BaseModel):
    """How a pipeline is deployed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: ServerSettings = Field(default_factory=ServerSettings, description="the limits of the server")
    batching: Batching | None = Field(None, description="of pages; None: on GPUs only, where it pays")
    merge_ingress: bool = Field(
        False, description="the first operator runs in the ingress: a hop less, and no second try when it dies"
    )
    ingress_replicas: int = Field(1, ge=1, description="processes that speak HTTP")


class Ingress:
    """Speaks HTTP.

    Args:
        operators: A deployment each, or for one that runs in this process its task.
        described: The other fields of `PagePath`.
        settings: The limits of the server.
    """

    def __init__(self, operators: Sequence[Any], described: dict[str, Any], settings: ServerSettings) -> None:
        made = [OperatorReplica(each) if isinstance(each, Task) else each for each in operators]
        self._path = PagePath(made, **described, suspects=asyncio.Lock())
        self._settings = settings

    async def read(self, row: Row, overlay: str = "none") -> Row:
        """Reads a page row for callers inside Ray, through a handle; the values come back as their columns' encode."""
        return (await self._path.carry(row, overlay)).row

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return create(self._path, self._settings)


def deployment(pipeline: Pipeline, serving: Serving | None = None) -> Application:
    """See `Pipeline.deployment`."""
    serving, pools = serving or Serving(), plan(pipeline.graph)
    tasks = _tasks(pipeline, pools, serving.batching)
    at_once = min(task.parallel * (pool.max_size or pool.floor) for task, pool in zip(tasks, pools, strict=True))
    described = {
        "names": [task.operator.name for task in tasks],
        "models": _models(pipeline.graph),
        "overlays": tuple(tasks[-1].drawings),
        "columns": tasks[-1].written,
        "at_once": at_once,
    }
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
            **LIFE,
            **options,
        )
        .bind(parts, described, serving.settings)
    )


def _tasks(pipeline: Pipeline, pools: Sequence[Pool], batching: Batching | None) -> list[Task]:
    """What each operator's replicas carry out. On CPUs a page is read as fast alone as in a batch."""
    operators = pipeline.graph.operators
    tasks = []
    for number, (operator, pool) in enumerate(zip(operators, pools, strict=True)):
        last, threads = number == len(operators) - 1, max(1, int(pool.num_cpus))
        together = batching or (Batching() if pool.num_gpus else Batching(max_lines=0))
        drawings = _drawings(pipeline) if last else {}
        tasks.append(Task(operator, last, drawings, threads, threads, together))
    return tasks


LIFE: dict[str, Any] = {
    "health_check_period_s": 2,
    "health_check_timeout_s": 30,
    "graceful_shutdown_wait_loop_s": 1,
    "graceful_shutdown_timeout_s": 60,
    "logging_config": LoggingConfig(log_level="WARNING", enable_access_log=False),
}
"""A dead replica is noticed within two seconds; one that leaves finishes what it has; the ingress logs requests."""


def _deployed(task: Task, pool: Pool, at_once: int) -> Any:
    return (
        serve.deployment(OperatorReplica)
        .options(
            name=task.operator.name,
            # Above what a replica works on, so that the next page is there when one is done and batches can fill.
            max_ongoing_requests=max(32, 8 * at_once, task.batching.max_lines * task.parallel),
            **LIFE,
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


def plan(graph: Graph, cpus: int | None = None) -> list[Pool]:
    """The pool of each operator; for one without, replicas of up to four threads that take this machine's CPUs.

    A stage that must have a GPU gets one a replica. Others find a GPU that their node has, and share it.
    """
    cpus = cpus or usable_cpus()
    replicas = -(-cpus // MOST_THREADS)
    open_pool = Pool(size=replicas, num_cpus=max(1, cpus // replicas))
    return [operator.pool or _with_gpu(open_pool, operator) for operator in graph.operators]


def _with_gpu(pool: Pool, operator: Operator) -> Pool:
    must = any(isinstance(step.stage, ModelStage) and step.stage.use_gpu for step in operator.steps)
    return pool.model_copy(update={"size": 1, "num_gpus": 1}) if must else pool


def _drawings(pipeline: Pipeline) -> dict[str, Operator]:
    """What draws the overlay, by the picture's format: the steps beyond the pipeline's own."""
    known, columns = len(pipeline.graph.steps), pipeline.graph.columns
    try:
        drawn = {name: presets.with_drawing(pipeline, name).graph for name in OVERLAYS}
    except ConfigError:  # The pipeline keeps no picture, or finds no regions.
        return {}
    return {
        name: Operator(steps=graph.steps[known:], pool=None, before=columns, after=graph.columns)
        for name, graph in drawn.items()
        if not graph.needs.keys() - pipeline.graph.needs
    }


def _models(graph: Graph) -> list[dict[str, str]]:
    found = {stage.model: manifest.find(stage.model) for stage in graph.model_stages}
    return [
        {"name": model.name, "task": model.task, "family": model.family, "licence": model.licence}
        for model in found.values()
    ]


class Arguments(Serving):
    """What `import_path: raypipe.run.online:build` takes as `args` in a Serve config, or `serve run` as KEY=VALUE."""

    pipeline: Path | None = Field(None, description="TOML file that declares the pipeline; None: the standard one")
    toml: str = Field("", description="the same as text")
    api_key_file: Path | None = Field(None, description="file with the keys that clients must show, one a line")


def build(values: dict[str, Any]) -> Application:
    """The application, for `serve run raypipe.run.online:build` and for Serve's config files.

    Args:
        values: Fields of `Arguments`. Serve would make the model of a parameter's annotation, but not of one that is
            kept as text.

    Raises:
        ValidationError: A value is wrong.
        ConfigError: The pipeline or key file is wrong.
    """
    arguments = Arguments.model_validate(values)
    if arguments.pipeline and arguments.toml:
        raise ConfigError("The pipeline is given twice.", "Give pipeline or toml.")
    if arguments.toml:
        pipeline = Pipeline.from_toml(arguments.toml)
    else:
        pipeline = load(arguments.pipeline) if arguments.pipeline else presets.standard()
    settings = arguments.settings
    if arguments.api_key_file:
        settings = settings.model_copy(update={"key_digests": read_keys(arguments.api_key_file)})
    return deployment(
        pipeline,
        Serving(
            settings=settings,
            batching=arguments.batching,
            merge_ingress=arguments.merge_ingress,
            ingress_replicas=arguments.ingress_replicas,
        ),
    )


def __getattr__(name: str) -> Any:
    """`app`, the standard pipeline, for `serve build raypipe.run.online:app`, which takes no builder."""
    if name == "app":
        return build({})
    raise AttributeError(name)
