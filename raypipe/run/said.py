"""What Ray says of its processes and nodes, in a line on standard error: it prints pages on standard output."""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from ray._private import ray_logging, worker

from raypipe.run.presence import node_here

DIED = "worker died or was killed while executing a task"
LEFT = re.compile(r"The node with node id: (\w+) and address: (\S+) .* has been marked dead")
UNSAID = ("Raylet is terminated", "retries remaining, so the task will be retried")
"""Of a node that leaves, where the loss of this one is said by the job, see `presence.py`; and of each call of an actor
that failed or was stopped, with its traceback."""
CONTROLLER = "ServeController"
"""Serve's process that starts replicas. It prints a traceback of each that does not start."""
FULL = 10_000_000
"""With fewer bytes free on the disk of their logs, processes of Ray's die as they start."""


class Said:
    """Takes the place of the function with which Ray prints the errors of its cluster."""

    def __init__(self, usual: Any) -> None:
        self.usual, self._deaths, self._node = usual, count(1), node_here()
        self._log = logging.getLogger(__name__)
        self.is_starting = False
        """Whether replicas are being started: whoever waits for them says what is wrong with them."""

    def __call__(self, data: dict[str, Any], *args: Any, **options: Any) -> None:
        """Says a message of Ray's, given as its lines."""
        text = "\n".join(data["lines"])
        if DIED in text:
            self._died()
        elif left := LEFT.search(text):
            if left[1] != self._node.get("NodeID"):
                self._log.warning("The node %s has left the cluster: its pages are read elsewhere.", left[2])
        elif not any(words in text for words in UNSAID):
            self.usual(data, *args, **options)

    def _died(self) -> None:
        """Says the first death, the second, the fourth and so on."""
        if self.is_starting:
            return
        number = next(self._deaths)
        if number & (number - 1) == 0:
            who = "A process" if number == 1 else f"{number:,} processes"
            self._log.warning("%s of Ray's died; others take over. %s", who, self._why())

    def _why(self) -> str:
        try:
            folder = _session(self._node)
            if shutil.disk_usage(folder).free < FULL:
                return f"The disk of {folder} is full: free space there, or set RAY_TMPDIR to another folder."
        except (KeyError, OSError):  # This process has no such disk: it is a client of the cluster.
            return "A page broke them or took too long, or memory lacks: see Ray's logs."
        return f"A page broke them or took too long, or memory lacks: their logs are in {folder}/logs."


def _session(node: dict[str, Any]) -> Path:
    """The folder of Ray's logs and sockets on a node."""
    return Path(node["RayletSocketName"]).parent.parent


def logs_here() -> str:
    """Where the logs of Ray's processes are on this machine, to end a sentence with."""
    try:
        return f"Ray's logs, in {_session(node_here())}/logs"
    except KeyError:  # This process is a client of the cluster.
        return "Ray's logs"


def say_briefly() -> None:
    """Has this process say in a line what Ray says of its processes and nodes."""
    usual = getattr(worker, "print_to_stdstream", None)  # It is not part of Ray's interface.
    if isinstance(usual, Said):  # Of a cluster that has ended.
        usual = usual.usual
    if usual:
        worker.print_to_stdstream = Said(usual)


@contextlib.contextmanager
def while_starting() -> Iterator[None]:
    """Says nothing of replicas that do not start in this block, nor after it if it ends by an error, which says it."""
    said = getattr(worker, "print_to_stdstream", None)
    printers = getattr(ray_logging, "global_worker_stdstream_dispatcher", None)
    if not isinstance(said, Said) or printers is None:  # Another version of Ray.
        yield
        return
    usual = printers.handlers
    said.is_starting, printers.handlers = True, [(name, _but_controllers(print_logs)) for name, print_logs in usual]
    yield
    said.is_starting, printers.handlers = False, usual


def _but_controllers(print_logs: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Prints the logs of all processes but the one that starts replicas."""

    def print_others(data: dict[str, Any]) -> None:
        if data.get("actor_name") != CONTROLLER:
            print_logs(data)

    return print_others
