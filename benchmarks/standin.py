"""A pipeline that reads nothing and takes as long as a real one: its rows have the size of real rows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

from raypipe.columns import TEXT
from raypipe.stages.base import Stage, Step, Worker
from raypipe.types import Row


def text_of(path: str, page: int, characters: int) -> str:
    """The text of a page: digits of a hash compress to a half, as the rows of real pages do."""
    return hashlib.shake_128(f"{path} {page}".encode()).hexdigest(characters // 2)


class SleepingReader(Worker["Sleeper"]):
    """Sleeps and makes up text."""

    def process(self, rows: Sequence[Row]) -> None:
        """Fill in the text of each row."""
        for row in rows:
            seed = hashlib.blake2b(f"{row['path']} {row['pagenum']}".encode(), digest_size=8).digest()
            off = int.from_bytes(seed, "little") / 2**63 - 1
            time.sleep(self.spec.seconds * (1 + self.spec.spread * off))
            row["text"] = text_of(row["path"], row["pagenum"], self.spec.characters)
            if self.spec.log:
                with Path(self.spec.log).open("a", encoding="utf-8") as file:
                    file.write(f"{row['path']} {row['pagenum']}\n")


class Sleeper(Stage):
    """Takes so many seconds for a page, gives it so many characters of text, and notes in a file that it was read.

    Pages take up to a share of `spread` longer or shorter.
    """

    seconds: float = 0.65
    spread: float = 0
    characters: int = 20_000
    log: str = ""

    def steps(self) -> tuple[Step, ...]:
        """What carries it out."""
        return (Step(stage=self, worker=SleepingReader, reads={"path": TEXT}, writes={"text": TEXT}),)
