"""Pages that are read at once, and answered in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from raypipe.web.limits import Deadline
from raypipe.web.problems import ProblemError
from raypipe.web.reading import in_order


def test_in_order_cancels_what_is_left_over() -> None:
    ended: list[int] = []
    all_begun = asyncio.Event()

    async def work(number: int) -> int:
        try:
            if number == 3:
                all_begun.set()
            if number == 1:
                await all_begun.wait()
                raise ProblemError(504, "too_slow", "too slow")
            await asyncio.sleep(60 if number else 0)
        except asyncio.CancelledError:
            ended.append(number)
            raise
        return number

    async def main() -> None:
        found: list[int] = []

        async def collect(numbers: AsyncIterator[int]) -> None:
            async for number in numbers:
                found.append(number)

        with pytest.raises(ProblemError):
            await collect(in_order([lambda n=n: work(n) for n in range(9)], 3, Deadline(60)))
        await asyncio.sleep(0.01)
        assert found == [0] and sorted(ended) == [2, 3]

    asyncio.run(main())
