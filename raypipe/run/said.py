"""What Ray says of its processes and nodes, in a line on standard error: it prints pages on standard output."""

from __future__ import annotations

import logging
import re
import shutil
from itertools import count
from pathlib import Path
from typing import Any

from ray._private import worker

from raypipe.run.presence import node_here

DIED = "worker died or was killed while executing a task"
LEFT = re.compile(r"The node with node id: (\w+) and address: (\S+) .* has been marked dead")
UNSAID = ("Raylet is terminated", "retries remaining, so the task will be retried")
"""Of a node that leaves, where the loss of this one is said by the job, see `presence.py`; and of each call of an actor
that failed or was stopped, with its traceback."""
FULL = 10_000_000
"""With fewer bytes free on the disk of their logs, processes of Ray's die as they start."""


class Said:
    """Takes the place of the function with which Ray prints the errors of its cluster."""

    def __init__(self, usual: Any) -> None:
        self.usual, self._deaths, self._node = usual, count(1), node_here()
        self._log = logging.getLogger(__name__)

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
        number = next(self._deaths)
        if number & (number - 1) == 0:
            who = "A process" if number == 1 else f"{number:,} processes"
            self._log.warning("%s of Ray's died; others take over. %s", who, self._why())

    def _why(self) -> str:
        try:
            folder = Path(self._node["RayletSocketName"]).parent.parent
            if shutil.disk_usage(folder).free < FULL:
                return f"The disk of {folder} is full: free space there, or set RAY_TMPDIR to another folder."
        except (KeyError, OSError):  # This process has no such disk: it is a client of the cluster.
            return "A page broke them or took too long, or memory lacks: see Ray's logs."
        return f"A page broke them or took too long, or memory lacks: their logs are in {folder}/logs."


def say_briefly() -> None:
    """Has this process say in a line what Ray says of its processes and nodes."""
    usual = getattr(worker, "print_to_stdstream", None)  # It is not part of Ray's interface.
    if isinstance(usual, Said):  # Of a cluster that has ended.
        usual = usual.usual
    if usual:
        worker.print_to_stdstream = Said(usual)
