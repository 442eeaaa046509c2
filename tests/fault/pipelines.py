"""Stages that fail on purpose, importable by Ray's workers."""

from __future__ import annotations

import ctypes
import os
import signal
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from raypipe.columns import TEXT
from raypipe.errors import ConfigError
from raypipe.images.image import IMAGE
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


class CopyingWorker(Worker["Copier"]):
    def process(self, rows: Sequence[Row]) -> None:
        for row in rows:
            row[self.spec.output_col] = row[self.spec.input_col]


class Copier(Stage):
    """Copies a column of text."""

    input_col: str
    output_col: str

    def steps(self) -> tuple[Step, ...]:
        reads, writes = {self.input_col: TEXT}, {self.output_col: TEXT}
        return (Step(stage=self, worker=CopyingWorker, reads=reads, writes=writes),)


TRIED = b" tried"
"""What is added to a file of which a page hangs, each time."""


class HangingWorker(Worker["Hanger"]):
    def process(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row["path"].endswith(self.spec.page):
                with Path(row["path"]).open("ab") as file:
                    file.write(TRIED)
                self.hang()
            row["text"] = f"read {row['path']}"

    def hang(self) -> None:
        if self.spec.how == "lock":  # Native code that does not let go of Python's lock.
            ctypes.PyDLL(None).sleep(1000)
        while self.spec.how == "loop":
            pass
        time.sleep(1000)


class Hanger(Stage):
    """Never comes to the end of one page."""

    page: str
    how: Literal["sleep", "loop", "lock"] = "sleep"

    def steps(self) -> tuple[Step, ...]:
        return (Step(stage=self, worker=HangingWorker, reads={"path": TEXT}, writes={"text": TEXT}),)


class LeakingWorker(Worker["Leaker"]):
    kept: list[bytes] = []

    def process(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.kept.append(b"x" * self.spec.bytes_a_page)
            row["text"] = f"{os.getpid()} {len(self.kept)}"


class Leaker(Stage):
    """Keeps memory of each page."""

    bytes_a_page: int

    def steps(self) -> tuple[Step, ...]:
        return (Step(stage=self, worker=LeakingWorker, reads={"path": TEXT}, writes={"text": TEXT}),)


class DecodingWorker(Worker["Decoder"]):
    def process(self, rows: Sequence[Row]) -> None:
        for row in rows:
            with self.guard(row):
                pixels = row["image"].pixels()
                row["text"] = f"{pixels.shape} {zlib.crc32(pixels.tobytes())}"


class Decoder(Stage):
    """Decodes pictures, and tells nothing but their shape and a checksum."""

    def steps(self) -> tuple[Step, ...]:
        return (Step(stage=self, worker=DecodingWorker, reads={"image": IMAGE}, writes={"text": TEXT}),)
