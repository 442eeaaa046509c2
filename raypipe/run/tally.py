"""What the actors of a job have done, all together."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any, TypeAlias

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

Key: TypeAlias = tuple[str, str, int]
"""An actor's id, and the path and number of a page."""
DOCUMENT = -1
"""Stands for a page's number in the key of a whole document, while its pages are counted."""

NODES_A_TRY = 3
"""Pages can kill nodes, but nodes also leave for other reasons: this many of their deaths count as one of an actor."""


class Tally:
    """Counts a job's pages, in one small actor: for progress, and to find the page that kills actors."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._begun_on: defaultdict[Key, list[str]] = defaultdict(list)
        self._begun: float | None = None

    def begin(self, keys: list[Key], node: str) -> list[int]:
        """Records that an actor on a node begins pages, unless one of them was begun before and its actor died.

        Returns:
            How often each was begun before. If any was, they must be begun again one by one.
        """
        if any(page != DOCUMENT for _, _, page in keys):
            self._begun = self._begun or time.monotonic()
        tries = self._tries(keys)
        if len(keys) == 1 or not any(tries):
            for key in keys:
                self._begun_on[key].append(node)
        return tries

    def _tries(self, keys: list[Key]) -> list[int]:
        if not any(key in self._begun_on for key in keys):
            return [0] * len(keys)
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        tries = []
        for key in keys:
            nodes = self._begun_on.get(key, [])
            left = sum(node not in alive for node in nodes)
            tries.append(len(nodes) - left + left // NODES_A_TRY)
        return tries

    def finish(self, keys: list[Key], sums: dict[str, float]) -> None:
        """Records that pages are finished, and adds to the job's sums."""
        for key in keys:
            self._begun_on.pop(key, None)
        for name, value in sums.items():
            self._sums[name] += value
        if self._begun:
            self._sums["processing_seconds"] = time.monotonic() - self._begun

    def sums(self) -> dict[str, float]:
        """The job's sums so far, and `processing_seconds` from the first page's start to the latest end."""
        return dict(self._sums)


def start_tally() -> Any:
    """A new tally's actor, which lives as long as its handle.

    It runs on the node of the job's driver, without which the job ends anyway, since other nodes may leave. If its
    process dies, its counts are lost, but not the job.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
    return ray.remote(Tally).options(**options).remote()
