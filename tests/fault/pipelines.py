"""Stages that fail on purpose, importable by Ray's workers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence

from raypipe.columns import TEXT
from raypipe.errors import ConfigError
from raypipe.stages.base import Stage, Step, Worker
from raypipe.types import Row


class KillingWorker(Worker["Killer"]):
    def setup(self) -> None:
        if self.spec.refuses:
            raise ConfigError("This stage never works.", "Take another.")

    def process(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row["path"].endswith(self.spec.mistake):
                raise KeyError("a mistake of the program")
            time.sleep(self.spec.seconds)
            if row["path"].endswith(self.spec.poison):
                os.kill(os.getpid(), signal.SIGKILL)
            row["text"] = f"read {row['path']} by {os.getpid()}"


class Killer(Stage):
    """Kills its process at one page, as a bug in a decoder or a lack of memory would, or fails in other ways."""

    poison: str = "no such page"
    mistake: str = "no such page"
    refuses: bool = False
    seconds: float = 0.0

    def steps(self) -> tuple[Step, ...]:
        return (Step(stage=self, worker=KillingWorker, reads={"path": TEXT}, writes={"text": TEXT}),)
