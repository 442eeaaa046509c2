"""What `raypipe serve` does: a Ray Serve instance on this machine, until a signal stops it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import ray
from ray import serve
from ray.exceptions import RayError
from ray.serve.schema import DeploymentStatus

from raypipe.errors import ConfigError
from raypipe.machine import usable_cpus
from raypipe.run import cluster
from raypipe.run.causes import cause
from raypipe.run.online import LOGGING, deployment
from raypipe.run.pools import check_room, for_serving
from raypipe.run.ports import check_port
from raypipe.run.relay import relayed
from raypipe.run.said import logs_here, while_starting
from raypipe.run.served import ServedPipeline
from raypipe.run.settings import DRAIN_SECONDS
from raypipe.web import front

if TYPE_CHECKING:
    from ray.serve import Application

NAME = "raypipe"


def run(served: ServedPipeline, host: str, port: int, address: str | None, started: Callable[[], None]) -> None:
    """Serves a pipeline until SIGTERM or SIGINT, then finishes the accepted requests.

    Args:
        address: The Ray cluster to join; None: the one that this process is on, or else one is started here.
        started: Called when pages can be read.

    Raises:
        ConfigError: Serve runs on the cluster already, the port is taken, the pools do not fit the cluster, or a
            lexicon cannot be read.
        DeviceError: The pools need more GPUs than the cluster has.
        ModelError: A model is unknown or not on this machine.
        RaypipeError: The replicas do not start.
    """
    check_port(host, port)
    if not address:  # What another cluster's nodes have is unknown here.
        served.graph.check()
    is_on_cluster = ray.is_initialized()
    _connect(address)
    with contextlib.ExitStack() as last:
        stop = last.enter_context(_stopping())  # After Ray has set its own handlers.
        if not is_on_cluster:
            last.callback(ray.shutdown)
        _check_vacant()
        pools, resources = for_serving(served.graph), ray.cluster_resources()
        check_room(pools, resources.get("CPU", 0), resources.get("GPU", 0))
        _start(host, port)
        if not (address or is_on_cluster or served.serving.settings.log_file):  # The ingress is on this machine.
            served = _logging_to(last.enter_context(relayed()), served)
        last.callback(_remove)
        _deploy(deployment(served, pools))
        started()
        stop.wait()


def _logging_to(file: Path, served: ServedPipeline) -> ServedPipeline:
    """The pipeline, served with another log."""
    settings = served.serving.settings.model_copy(update={"log_file": file})
    return replace(served, serving=served.serving.model_copy(update={"settings": settings}))


@contextlib.contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set during a block."""
    stop = threading.Event()
    former = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _remove() -> None:
    """Removes our application, and no other, and ends Serve if it serves nothing else.

    Its ingresses first finish what they have accepted, while they tell further clients to try again.
    """
    deadline = time.monotonic() + DRAIN_SECONDS
    try:
        ingress = serve.get_app_handle(NAME)
        ingress.broadcast("stop").results()
        while sum(ingress.broadcast("under_way").results()) and time.monotonic() < deadline:
            time.sleep(0.1)
    except Exception as error:  # Whatever Serve raises if an ingress does not answer: it is deleted anyway.
        logging.getLogger(__name__).warning("The server stops at once: %s", error)
    serve.delete(NAME)
    if not serve.status().applications:  # Whoever serves next may want another address, which Serve never changes.
        serve.shutdown()


def _connect(address: str | None) -> None:
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    if address:
        cluster.join(address, log_to_driver=True)
        return
    if ray.is_initialized():
        cluster.check_credentials()
        return
    # Each request's log line should reach the terminal, even if it repeats another.
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    # Ray's workers yield to every other process, which is right for batches and wrong for a service.
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH", f"{front.__name__}:{front.middlewares.__name__}")
    os.environ.setdefault("RAY_COLOR_PREFIX", "1" if sys.stderr.isatty() else "0")
    cluster.start(usable_cpus(), log_to_driver=True)


def _check_vacant() -> None:
    """Checks that Serve does not run on the cluster yet.

    Another deployment would replace an application of our name, and Serve keeps the HTTP address that it has.
    """
    there = serve.status()
    if there.applications or there.proxies:
        names = ", ".join(sorted(there.applications))
        raise ConfigError(
            f"The Ray cluster already serves {names}." if names else "Ray Serve already runs on the cluster.",
            "Take another cluster, end what is there with `serve shutdown`, or put the pipeline beside it with "
            "`serve deploy` and raypipe.serving:build.",
        )


def _start(host: str, port: int) -> None:
    try:
        serve.start(http_options={"host": host, "port": port}, logging_config=LOGGING)
    except (RuntimeError, TimeoutError, RayError) as error:  # A process does not start in time.
        raise cause(str(error), "Ray Serve does not start", f"{logs_here()}, say more.") from error


def _deploy(application: Application) -> None:
    try:
        with while_starting():
            serve.run(application, name=NAME, route_prefix="/")
    except (RuntimeError, TimeoutError, RayError) as error:
        raise cause(_failures() or str(error), "The pipeline cannot be served", f"{logs_here()}, say more.") from error


def _failures() -> str:
    """What Serve reports of the deployments that did not start, each ending with what their last replica raised."""
    parts = serve.status().applications[NAME].deployments.values()
    return "\n".join(part.message for part in parts if part.status == DeploymentStatus.DEPLOY_FAILED)
