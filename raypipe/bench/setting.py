"""What is measured, and the result of one round."""

from __future__ import annotations

from dataclasses import dataclass

from raypipe.machine import usable_cpus

ENGINES = ("local", "ray", "serve")
BESIDE = "beside"
"""Stands for an engine if another program reads."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is measured.

    Attributes:
        engine: One of `ENGINES`, or `BESIDE`.
        toml: The pipeline, or the command of another program.
        batch_size: Pages read together, in jobs.
        threads: CPU threads of the local engine; None: all.
        connections: Requests at a time, of the server.
    """

    engine: str
    toml: str
    batch_size: int
    threads: int | None = None
    connections: int = 1

    @property
    def workers(self) -> int:
        """CPUs that read."""
        return self.threads or usable_cpus()


@dataclass(frozen=True, kw_only=True)
class Round:
    """The result of a round.

    Attributes:
        seconds: From the start of the first page to the end of the last; models were loaded before.
        cpu_seconds: CPU time of the processes that read; None: unknown.
    """

    pages: int
    seconds: float
    cpu_seconds: float | None
    sums: dict[str, float]
