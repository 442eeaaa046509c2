"""A pipeline as a Ray Serve application: an ingress that speaks HTTP, and one deployment per operator.

Encoded bytes cross to the first operator, packed line pictures between operators, plain values back to the ingress;
decoded pages never cross. The ingress holds no model and opens no picture, so no picture can crash it: when the
replica that reads a page dies, the ingress tries again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray
from ray import serve
from ray._common.tls_utils import add_port_to_grpc_server
from ray.serve._private import replica
from ray.serve.config import AutoscalingConfig, BackpressureConfig
from ray.serve.schema import LoggingConfig

from raypipe.run.path import PagePath
from raypipe.run.pools import for_serving
from raypipe.run.replicas import OperatorReplica, ReplicaConfig
from raypipe.run.served import ServedPipeline, configs_of, path_of
from raypipe.run.settings import DRAIN_SECONDS
from raypipe.stages.base import Pool
from raypipe.types import Row
from raypipe.web.app import create
from raypipe.web.jobs import JobsFactory
from raypipe.web.settings import ServerSettings

if TYPE_CHECKING:
    from ray.serve import Application
    from starlette.types import ASGIApp

MOST_REQUESTS = 5000
"""Requests that Serve passes to an ingress at once, which itself bounds those that cost something: see `web.bodies` and
`web.limits`. Serve answers further ones with 429."""
LOGGING = LoggingConfig(log_level="WARNING", enable_access_log=False)
"""Serve's own logging is reduced, since the ingress logs requests itself."""
DEPLOYMENT_OPTIONS: dict[str, Any] = {
    "health_check_period_s": 2,
    "health_check_timeout_s": 30,
    "graceful_shutdown_wait_loop_s": 1,
    "graceful_shutdown_timeout_s": DRAIN_SECONDS,
    "logging_config": LOGGING,
}
"""A dead replica is noticed within two seconds, and a stopping one finishes its work."""


class Replica(OperatorReplica):
    """Runs an operator in a process of Serve's."""

    def __init__(self, config: ReplicaConfig) -> None:
        stay_on_node_address()
        super().__init__(config)


class Ingress:
    """Speaks HTTP.

    Each operator is a deployment, or the config of one that is to run in this process. The path comes without them:
    Serve finds handles only among the arguments.
    """

    def __init__(
        self, operators: Sequence[Any], path: PagePath, settings: ServerSettings, jobs_for: JobsFactory | None = None
    ) -> None:
        stay_on_node_address()
        placed = [OperatorReplica(each) if isinstance(each, ReplicaConfig) else each for each in operators]
        self._path, self._settings, self._jobs_for = replace(path, operators=placed), settings, jobs_for

    async def stop(self) -> None:
        """Refuses all further requests; those that are under way are finished."""
        self._application.stop()

    async def under_way(self) -> int:
        """How many requests are being answered."""
        return self._application.under_way

    async def read(self, row: Row, overlay: str = "none") -> Row:
        """Reads a page row for callers inside Ray, through a handle; values come back as their columns encode them."""
        return (await self._path.carry(row, overlay)).row

    def __serve_build_asgi_app__(self) -> ASGIApp:
        # Serve's proxies give the request's id.
        self._application = create(self._path, self._settings, False, self._jobs_for)
        return self._application


def stay_on_node_address() -> None:
    """Makes Serve open this replica's port for other replicas on the node's address only, which may be loopback.

    Whoever reaches that port needs no token. Serve has no option for it.
    """
    if not ray.is_initialized():  # As in Serve's local testing mode.
        return
    address = ray.util.get_node_ip_address()
    host = f"[{address}]" if ":" in address else address
    add = add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, place: add(server, place.replace("[::]", host))


def deployment(served: ServedPipeline, pools: Sequence[Pool] | None = None) -> Application:
    """A pipeline as an application; see `Pipeline.deployment`.

    Args:
        pools: The pool of each operator; None: chosen for this machine.

    Raises:
        ConfigError: A stage reads a column that no stage writes and that requests do not bring with them.
    """
    served.check()
    serving, pools = served.serving, pools or for_serving(served.graph)
    configs = configs_of(served, pools)
    path = path_of(served, configs, pools)
    parts = [_deployed(config, pool, path.at_once) for config, pool in zip(configs, pools, strict=True)]
    options: dict[str, Any] = {"num_replicas": serving.ingress_replicas, "ray_actor_options": {"num_cpus": 0}}
    if serving.merge_ingress:
        parts[0], options = configs[0], _placement(pools[0])
    refused = BackpressureConfig(status_code=429, retry_after_s=serving.settings.retry_after_seconds)
    return (
        serve.deployment(serve.ingress()(Ingress))
        .options(
            name="Ingress",
            max_ongoing_requests=MOST_REQUESTS,
            max_queued_requests=MOST_REQUESTS,
            backpressure_config=refused,
            **DEPLOYMENT_OPTIONS,
            **options,
        )
        .bind(parts, path, serving.settings, served.jobs_for)
    )


def _deployed(config: ReplicaConfig, pool: Pool, at_once: int) -> Any:
    return (
        serve.deployment(Replica)
        .options(
            name=config.operator.name,
            # More than a replica works on, so that batches fill and the next page is there when one is done.
            max_ongoing_requests=max(32, 8 * at_once, config.batch_lines * config.parallel),
            **DEPLOYMENT_OPTIONS,
            **_placement(pool),
        )
        .bind(config)
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
