"""How long a block takes, as Spark NLP's Benchmark prints it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar


class Benchmark:
    """Prints how long something takes."""

    _prints: ClassVar[bool] = True

    @classmethod
    def setPrint(cls, value: bool) -> None:  # noqa: N802 - Spark NLP's names
        """Whether anything is printed, unless a call asks for it."""
        cls._prints = value

    @classmethod
    def getPrint(cls) -> bool:  # noqa: N802
        """Whether anything is printed."""
        return cls._prints

    @classmethod
    def time(cls, description: str, forcePrint: bool = False, block: Callable[[], Any] | None = None) -> Any:  # noqa: N803
        """Prints how many seconds a block takes, after a description; `forcePrint`: in any case.

        Returns:
            What the function returns; without one, a context manager, which decorates functions, too.
        """
        timed = cls._timed(description, forcePrint)
        if block is None:
            return timed
        with timed:
            return block()

    @classmethod
    def measure(
        cls,
        f: Callable[[], Any],
        iterations: int = 3,
        forcePrint: bool = False,  # noqa: N803
        description: str = "Took",
    ) -> float:
        """The mean of the seconds that several calls of a function take, which it prints."""
        start = time.perf_counter()
        for _ in range(iterations):
            f()
        mean = (time.perf_counter() - start) / iterations
        cls._print(f"{description} (Avg for {iterations} iterations): {mean} sec", forcePrint)
        return mean

    @classmethod
    @contextmanager
    def _timed(cls, description: str, force: bool) -> Iterator[None]:
        start = time.perf_counter()
        yield
        cls._print(f"{description}: {time.perf_counter() - start}sec", force)

    @classmethod
    def _print(cls, text: str, force: bool) -> None:
        if force or cls._prints:
            print(text)  # noqa: T201 - printing is its purpose
