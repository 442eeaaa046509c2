"""Calls from many threads, taken together: a function that works on batches is called once for all that wait."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Run: TypeAlias = Callable[[Array, Any], list[Array]]
"""Takes a batch and a second argument; returns arrays whose first axis is that of the batch."""


@dataclass(eq=False)
class _Call:
    batch: Array
    argument: Hashable
    done: bool = False
    results: list[Array] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def kind(self) -> Hashable:
        """What calls that can be taken together have in common."""
        return self.batch.shape[1:], self.batch.dtype.str, self.argument


class Gatherer:
    """Keeps a device busy with a few large batches, gathered from the calls of many threads.

    A call does not wait for others to come. Of those that come while the device works, the oldest and all others of
    its shape are taken together next. One of the callers does the work for all, so that there is no thread to stop.

    Args:
        run: The function.
        most: The most values in a batch of several calls.
        at_once: Batches in progress at once: with two, one is assembled and copied while the device runs the other.
    """

    def __init__(self, run: Run, most: int, at_once: int = 2) -> None:
        self._run, self._most, self._free = run, most, at_once
        self._changed, self._waiting = Condition(), list[_Call]()

    def call(self, batch: Array, argument: Hashable = None) -> list[Array]:
        """The function's result for a batch (n, ...) and its second argument, run alone or as a part of a larger batch.

        Raises:
            Exception: What the function raises for this batch.
        """
        own = _Call(batch, argument)
        with self._changed:
            self._waiting.append(own)
            while True:
                self._changed.wait_for(lambda: own.done or (self._free and own in self._waiting))
                if own.done:
                    break
                self._free -= 1
                together = self._next()
                self._changed.release()
                try:
                    self._carry_out(together)
                finally:
                    self._changed.acquire()
                    self._free += 1
                    self._changed.notify_all()
        if own.error:
            raise own.error
        return own.results

    def _next(self) -> list[_Call]:
        """The oldest call and as many others of its kind as fit; they are removed from those that wait."""
        first, chosen, size = self._waiting[0], list[_Call](), 0
        for call in self._waiting:
            if call.kind == first.kind and (not chosen or size + call.batch.size <= self._most):
                chosen.append(call)
                size += call.batch.size
        self._waiting = [call for call in self._waiting if call not in chosen]
        return chosen

    def _carry_out(self, calls: Sequence[_Call]) -> None:
        try:
            batch = calls[0].batch if len(calls) == 1 else np.concatenate([call.batch for call in calls])
            results = self._run(batch, calls[0].argument)
        except BaseException as error:  # Each caller raises its own, in its thread.
            if len(calls) == 1:
                calls[0].error, calls[0].done = error, True
                return
            for call in calls:  # The fault of one of them is not that of the others.
                self._carry_out([call])
            return
        ends = np.cumsum([len(call.batch) for call in calls])
        for call, end in zip(calls, ends.tolist(), strict=True):
            call.results = [result[end - len(call.batch) : end] for result in results]
            call.done = True
