"""What `raypipe serve` does: a Ray Serve instance on this machine, until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import ray
from ray import serve
from ray.serve.schema import LoggingConfig

from raypipe.errors import ConfigError, RaypipeError
from raypipe.graph import Graph, Operator
from raypipe.machine import usable_cpus
from raypipe.run import cluster
from raypipe.run.online import deployment
from raypipe.run.pools import check_room, for_serving
from raypipe.run.settings import Serving

if TYPE_CHECKING:
    from ray.serve import Application

NAME = "raypipe"
_QUIET = LoggingConfig(log_level="WARNING", enable_access_log=False)
"""The ingress logs requests itself."""


def run(
    graph: Graph,
    drawings: Mapping[str, Operator],
    serving: Serving,
    host: str,
    port: int,
    address: str | None,
    started: Callable[[], None],
) -> None:
    """Serves a pipeline until SIGTERM or SIGINT, then finishes the accepted requests.

    Args:
        graph: The pipeline.
        drawings: What draws overlays, by the picture's format.
        serving: How it is deployed.
        host, port: Where HTTP is spoken.
        address: The Ray cluster to join; None: one is started here.
        started: Called when pages can be read.

    Raises:
        ConfigError: The cluster serves something already, the port is taken, the pools do not fit the cluster, or a
            lexicon cannot be read.
        DeviceError: The pools need more GPUs than the cluster has.
        ModelError: A model is unknown or not on this machine.
        RaypipeError: The replicas do not start.
    """
    _check_port(host, port)
    if not address:  # What another cluster's nodes have is unknown here.
        graph.check()
    _connect(address)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # After Ray has set its own handlers.
        signal.signal(number, lambda *_: stop.set())
    deployed = False
    try:
        _check_vacant()
        pools, resources = for_serving(graph), ray.cluster_resources()
        check_room(pools, resources.get("CPU", 0), resources.get("GPU", 0))
        serve.start(http_options={"host": host, "port": port}, logging_config=_QUIET)
        deployed = True
        _deploy(deployment(graph, drawings, serving, pools))
        started()
        stop.wait()
    finally:
        if deployed:  # Only our application. Accepted requests are finished.
            serve.delete(NAME)
        ray.shutdown()


def _connect(address: str | None) -> None:
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    if address:
        cluster.join(address, log_to_driver=True)
        return
    # Each request's log line should reach the terminal, even if it repeats another.
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    # Ray's workers yield to every other process, which is right for batches and wrong for a service.
    os.environ.setdefault("RAY_worker_niceness", "0")
    cluster.start(usable_cpus(), log_to_driver=True)


def _check_vacant() -> None:
    """Checks that the cluster serves nothing yet.

    Another deployment would replace an application of our name, and Serve keeps the HTTP address that it has.
    """
    there = serve.status().applications
    if there:
        raise ConfigError(
            f"The Ray cluster already serves {', '.join(sorted(there))}.",
            "Take another cluster, or put the pipeline beside them with `serve deploy` and raypipe.serving:build.",
        )


def _check_port(host: str, port: int) -> None:
    """Checks that the port is free: on a port in use, Serve would start but answer nobody."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(f"{host}:{port} cannot be used: {error}.", "Choose another --host or --port.") from error


def _deploy(application: Application) -> None:
    try:
        serve.run(application, name=NAME, route_prefix="/")
    except RuntimeError as error:  # What Serve raises if a replica does not start.
        reason = str(error).partition("\n")[0]
        raise RaypipeError(f"The pipeline cannot be served: {reason}", "Ray's messages above say why.") from error
