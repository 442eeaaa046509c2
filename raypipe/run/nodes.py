"""What the nodes of a cluster must have before a job starts there."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raypipe.errors import ConfigError, RaypipeError, reason_of
from raypipe.files.paths import exists
from raypipe.graph import Graph

ANSWER_SECONDS = 120.0
"""How long all nodes together may take to answer; a new one starts a process first."""


def check_nodes(graph: Graph | None, shared: str) -> None:
    """Checks that the nodes that can work have raypipe, the models, and the output folder.

    Nodes that come later, by autoscaling, are not checked: what they lack stops the job with an error.

    Args:
        graph: The pipeline whose models are needed; None: none are.
        shared: A file that exists in the output folder.

    Raises:
        ConfigError: A node lacks something.
    """
    call = ray.remote(num_cpus=0, max_retries=0)(_lacking)
    answers = {}
    for node in ray.nodes():
        if node["Alive"] and (node["Resources"].get("CPU") or node["Resources"].get("GPU")):
            here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            name = f"{node['NodeName']} ({node['NodeManagerAddress']})"
            answers[name] = call.options(scheduling_strategy=here).remote(graph, shared, version("raypipe"))
    deadline = time.monotonic() + ANSWER_SECONDS
    for name, answer in answers.items():
        lacking = _answer(answer, max(1.0, deadline - time.monotonic()))
        if lacking:
            remedy = (
                "Install the same on every node, as in a container image, and use an --output that all nodes share."
            )
            raise ConfigError(f"The node {name} cannot take part: {lacking}.", remedy)


def _answer(answer: Any, seconds: float) -> str | None:
    try:
        trouble: str | None = ray.get(answer, timeout=seconds)
    except ray.exceptions.GetTimeoutError:
        return f"it did not answer within {ANSWER_SECONDS:g} s"
    except ray.exceptions.RayError as error:
        missing = "No module named" in str(error)
        return "raypipe is not installed there" if missing else str(error).strip().rpartition("\n")[2].rstrip(".")
    return trouble


def _lacking(graph: Graph | None, shared: str, wanted: str) -> str | None:
    """What this node lacks; None: nothing."""
    if version("raypipe") != wanted:
        return f"it has raypipe {version('raypipe')}, but the job was started with {wanted}"
    try:
        if graph:
            graph.check()
    except RaypipeError as error:
        return reason_of(error)
    if not exists(shared):
        return f"{shared}, which the job has just written, is not there"
    return None
