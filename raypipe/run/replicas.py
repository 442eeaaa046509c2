"""One operator of a pipeline inside a process that serves, such as a replica of Ray Serve."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from raypipe.columns import Column
from raypipe.graph import Operator
from raypipe.images.image import Image
from raypipe.images.kinds import page_count
from raypipe.images.pdf import unlocked
from raypipe.metrics import Metrics, Visit
from raypipe.run.runner import Runner
from raypipe.types import Row

LINE_BYTES = 65_536
"""About the size of one line's picture: the unit in which batches are measured."""


@dataclass(frozen=True)
class Work:
    """A page on its way: its row with plain values, what it has cost, and when it was passed on.

    Attributes:
        row: The page row; each value as its `Column` encodes it.
        visits: What it has cost at the operators so far.
        overlay: Name of the drawing to make at the end, or `none`.
        sent: Unix time at which it left the previous process.
    """

    row: Row
    visits: tuple[Visit, ...]
    overlay: str
    sent: float


@dataclass(frozen=True, kw_only=True)
class ReplicaConfig:
    """What a replica runs.

    Attributes:
        last: Whether no operator follows.
        drawings: The operators that draw overlays, by the name of the drawing; only for the last operator.
        threads: CPU threads per page.
        parallel: Pages, or batches of them, that are processed at once.
        batch_lines: Most line pictures in a batch, judged by their bytes; 0: one page at a time.
        batch_seconds: How long a batch waits for more pages.
    """

    operator: Operator
    last: bool
    drawings: Mapping[str, Operator]
    threads: int
    parallel: int
    batch_lines: int
    batch_seconds: float

    @property
    def written(self) -> dict[str, Column]:
        """The columns that go out, with those of the drawings."""
        steps = [step for drawing in self.drawings.values() for step in drawing.steps]
        return {**self.operator.after, **{name: column for step in steps for name, column in step.writes.items()}}


class OperatorReplica:
    """Runs an operator on the pages of all requests that reach this process. It exists once it has read a page.

    Args:
        threads: Carries out `config.parallel` calls at once; None: threads of its own, which the process awaits.
    """

    def __init__(self, config: ReplicaConfig, threads: Executor | None = None) -> None:
        begun = time.perf_counter()
        self._config, self._metrics = config, Metrics()
        self._run = Runner(config.operator, config.threads, self._metrics)
        self._draw = {name: Runner(steps, config.threads, self._metrics) for name, steps in config.drawings.items()}
        self._threads = threads or ThreadPoolExecutor(config.parallel, "pages")
        for runner in (self._run, *self._draw.values()):
            runner.warm_up()
        self._in_batches = self._batched() if config.batch_lines else None
        self._load_seconds = time.perf_counter() - begun

    async def __call__(self, work: Work) -> Work:
        """Runs the operator on a page, alone or in a batch."""
        if self._in_batches:
            return await self._in_batches(work)
        return (await self._in_thread([work]))[0]

    async def count(self, content: bytes) -> int:
        """Pages of a document."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, page_count, content)

    async def unlocked(self, content: bytes, password: str) -> bytes:
        """A document without its lock, see `images.pdf.unlocked`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, unlocked, content, [password])

    async def load_seconds(self) -> float:
        """How long the models took to load."""
        return self._load_seconds

    def _batched(self) -> Callable[[Work], Awaitable[Work]]:
        from ray import serve  # Replicas outside Serve do without Ray.

        # Made here because Serve keeps a decorated method's queue on the class, shared by all instances.
        config = self._config

        @serve.batch(  # type: ignore[untyped-decorator]
            max_batch_size=config.batch_lines,
            batch_wait_timeout_s=config.batch_seconds,
            max_concurrent_batches=config.parallel,
            batch_size_fn=lambda works: weight(works, config.batch_lines),
        )
        async def process_batch(works: list[Work]) -> list[Work]:
            return await self._in_thread(works)

        return process_batch  # type: ignore[no-any-return]

    async def _in_thread(self, works: list[Work]) -> list[Work]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._carry_out, works)

    def _carry_out(self, works: list[Work]) -> list[Work]:
        begun, name = time.time(), self._config.operator.name
        rows = self._run([decoded(work.row, self._config.operator.before) for work in works])
        for row, work in zip(rows, works, strict=True):
            if work.overlay in self._draw:
                self._draw[work.overlay]([row])
        sums = self._metrics.drain()
        return [
            replace(
                work,
                row=self._encoded(row),
                visits=(*work.visits, Visit.of(name, max(begun - work.sent, 0), len(works), sums)),
                sent=time.time(),
            )
            for work, row in zip(works, rows, strict=True)
        ]

    def _encoded(self, row: Row) -> Row:
        columns = self._config.written
        return {name: self._plain(column, row[name]) for name, column in columns.items() if name in row}

    def _plain(self, column: Column, value: Any) -> Any:
        if value is None:
            return None
        if self._config.last and isinstance(value, Image):
            value = replace(value, data=None)  # The sender of the page has it.
        return column.encode(value)


def weight(works: Sequence[Work], most: int) -> int:
    """The size of a batch in line pictures. A page too large for any batch counts as a full one."""
    lines = sum(1 + _bytes(work.row) // LINE_BYTES for work in works)
    return min(lines, most) if len(works) == 1 else lines


def _bytes(value: Any) -> int:
    """Bytes in a plain value and in those inside it."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(_bytes(inner) for inner in value.values())
    return 0


def decoded(row: Row, columns: Mapping[str, Column]) -> Row:
    """A row of plain values as a row of records."""
    return {
        name: None if row[name] is None else column.decode(row[name]) for name, column in columns.items() if name in row
    }
