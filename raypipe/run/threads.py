"""Calls in threads: results in order, and no waiting for a call that hangs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sized
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from threading import Thread, current_thread
from typing import Any, Generic, TypeVar

T = TypeVar("T", bound=Sized)
R = TypeVar("R")

AHEAD = 2
"""Calls that are running, or done and waiting for earlier ones, for each thread."""

GIVEN_UP = "given up"
"""The name of a thread whose call took too long."""


@dataclass(frozen=True)
class Limit(Generic[T, R]):
    """How long a call may take.

    Attributes:
        seconds: The seconds for each member of an item.
        instead: Gives the result for an item whose call took longer. The call's thread cannot be ended; its result is
            ignored.
    """

    seconds: float
    instead: Callable[[T], R]


def in_order(
    function: Callable[[T], R], items: Iterable[T], at_once: int, limit: Limit[T, R] | None = None
) -> Generator[R, None, None]:
    """A function's results for items, computed in threads and yielded in order.

    Args:
        items: Its arguments. They are taken as results are asked for.
        limit: How long a call may take; None: forever.
    """
    pool = _ThreadPool(function, at_once)
    waiting: deque[_Call[T, R]] = deque()
    try:
        for item in items:
            waiting.append(pool.call(item))
            if len(waiting) > AHEAD * at_once:
                yield pool.result(waiting[0], limit)
                waiting.popleft()
        while waiting:
            yield pool.result(waiting[0], limit)
            waiting.popleft()
    finally:  # The caller stopped early, or an error ends the job. Python aborts if it ends while native code runs.
        running = [call for call in waiting if not call.result.cancel()]
        pool.end(running, limit)


@dataclass(eq=False)
class _Call(Generic[T, R]):
    item: T
    thread: Thread | None = None
    begun: Future[float] = field(default_factory=Future)
    result: Future[R] = field(default_factory=Future)
    given_up: bool = False

    def in_time(self, limit: Limit[T, R] | None) -> bool:
        """Waits for its end; returns whether it came in time."""
        left = None
        if limit:
            left = max(0, self.begun.result() + limit.seconds * len(self.item) - time.monotonic())
        try:
            self.result.exception(left)
        except TimeoutError:
            self.given_up = True
        return not self.given_up


class _ThreadPool(Generic[T, R]):
    """Threads that carry out calls.

    They are daemons: one that hangs must not keep the process from ending, as those of a ThreadPoolExecutor would.
    """

    def __init__(self, function: Callable[[T], R], size: int) -> None:
        self._function, self._size = function, size
        self._todo = SimpleQueue[_Call[T, R] | None]()
        self._threads = set[Thread]()
        for _ in range(size):
            self._start_thread()

    def call(self, item: T) -> _Call[T, R]:
        """Begins a call as soon as a thread is free; calls begin in order."""
        call = _Call[T, R](item)
        self._todo.put(call)
        return call

    def result(self, call: _Call[T, R], limit: Limit[T, R] | None) -> R:
        """The result of the earliest call that is left, or its substitute."""
        if not limit or call.in_time(limit):
            return call.result.result()
        self._give_up(call)
        self._start_thread()
        return limit.instead(call.item)

    def end(self, running: Iterable[_Call[T, R]], limit: Limit[T, R] | None) -> None:
        """Ends the threads, and waits for all but those that hang."""
        for _ in range(self._size):
            self._todo.put(None)
        for call in running:
            if not call.in_time(limit):
                self._give_up(call)
        for thread in self._threads - {current_thread()}:
            thread.join()

    def _start_thread(self) -> None:
        thread = Thread(target=self._work, daemon=True)
        self._threads.add(thread)
        thread.start()

    def _give_up(self, call: _Call[T, R]) -> None:
        if call.thread:
            self._threads.discard(call.thread)
            call.thread.name = GIVEN_UP

    def _work(self) -> None:
        while (call := self._todo.get()) is not None:
            if not call.result.set_running_or_notify_cancel():
                continue
            call.thread = current_thread()
            call.begun.set_result(time.monotonic())
            try:
                result = self._function(call.item)
            except BaseException as error:  # Raised where the result is asked for.
                call.result.set_exception(error)
            else:
                call.result.set_result(result)
            if call.given_up:
                return


class Unawaited(Executor):
    """Carries out calls in threads for which the end of the process does not wait."""

    def __init__(self, size: int) -> None:
        self._pool = _ThreadPool[Any, Any](lambda work: work(), size)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `Executor.submit`."""
        return self._pool.call(partial(function, *args, **kwargs)).result
