"""Samples of the memory that a job or server takes, for the other benchmarks."""

from __future__ import annotations

import threading

import psutil


class Memory(threading.Thread):
    """Samples the memory of a process with all its children, every two seconds, until `done` or for ever.

    Args:
        pid: The process; None: this one.

    Attributes:
        samples: Megabytes without shared memory.
        store: Megabytes of Ray's object store that were ever touched: the raylet keeps it as shared memory.
        done: Ends the sampling when set.
    """

    def __init__(self, pid: int | None = None) -> None:
        super().__init__(daemon=True)
        self.pid, self.samples, self.store = pid, [0], [0]
        self.done = threading.Event()

    def run(self) -> None:
        """Sample."""
        while not self.done.wait(2):
            used = shared = 0
            for process in _family(self.pid):
                try:
                    memory = process.memory_info()
                    used += memory.rss - memory.shared
                    shared += memory.shared if process.name() == "raylet" else 0
                except psutil.Error:
                    continue  # It ended meanwhile.
            self.samples.append(round(used / 1e6))
            self.store.append(round(shared / 1e6))


def _family(pid: int | None) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []
