"""Whether Ray still runs where a job needs it: without it, Ray ends the job's process without a word."""

from __future__ import annotations

import socket
import time
from typing import Any

import ray

LOOK_SECONDS = 5.0
"""How often the head node is called."""
SILENT_SECONDS = 45.0
"""The head node may restart within this time. Ray ends the processes of its cluster after 60 seconds."""


def node_here() -> dict[str, Any]:
    """What Ray says of the node of this process; empty if it does not know it."""
    here = ray.get_runtime_context().get_node_id()
    return next((node for node in ray.nodes() if node["NodeID"] == here), {})


class Presence:
    """Watches Ray's process on this machine, over a connection that ends with it, and the head node."""

    def __init__(self) -> None:
        path = node_here().get("RayletSocketName", "")
        self._head = getattr(ray.get_runtime_context(), "gcs_address", None) or ""  # Ray's client does not know it.
        self._heard = self._looked = time.monotonic()
        self._raylet: socket.socket | None = None
        try:
            self._raylet = socket.socket(socket.AF_UNIX)
            self._raylet.connect(path)
            self._raylet.setblocking(False)
        except (AttributeError, OSError):  # Windows has no such sockets, and with Ray's client it is elsewhere.
            self.close()

    def lost(self) -> str | None:
        """What is lost, as a sentence; None: nothing, as far as is known."""
        if self._raylet_has_ended():
            return "Ray stopped on this machine: its raylet was killed, maybe for lack of memory, or stopped."
        if self._head_is_silent():
            return f"The head node of the Ray cluster, {self._head}, has not answered for {SILENT_SECONDS:g} seconds."
        return None

    def close(self) -> None:
        """Closes the connection."""
        if self._raylet:
            self._raylet.close()
            self._raylet = None

    def _raylet_has_ended(self) -> bool:
        if self._raylet is None:
            return False
        try:
            return not self._raylet.recv(1)  # It sends nothing unasked.
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _head_is_silent(self) -> bool:
        host, _, port = self._head.rpartition(":")
        if port.isdecimal() and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            try:
                socket.create_connection((host.strip("[]"), int(port)), LOOK_SECONDS).close()
                self._heard = self._looked
            except OSError:
                return self._looked - self._heard >= SILENT_SECONDS
        return False
