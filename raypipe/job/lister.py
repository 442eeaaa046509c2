"""Lists the sources of a job into shards, while the first of them are read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import chain
from queue import Queue

from raypipe.compat import batched
from raypipe.inputs.listing import Found
from raypipe.job.names import Naming
from raypipe.job.shards import SHARD_DOCUMENTS, Ledger

STOP_SECONDS = 5.0
"""How long the end of a job waits for its lister: Python aborts if it ends while native code runs in a thread."""


class Lister:
    """Makes shards of the files that are new or have changed, in a thread; `listed` files are found so far.

    Args:
        all_listed: Called with their number once all are found.
    """

    def __init__(
        self, ledger: Ledger, first: Found, found: Iterator[Found], naming: Naming, all_listed: Callable[[int], None]
    ) -> None:
        self._ledger, self._found, self._naming = ledger, chain([first], found), naming
        self._all_listed = all_listed
        self._numbers: Queue[int | Exception | None] = Queue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="lister")
        self.listed = 0
        self.ended = False

    def start(self) -> None:
        """Begins to list."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread at its next file, and waits for it, but not for a source that does not answer."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def ends_within(self, seconds: float) -> bool:
        """Whether all files are found by then; waits for it."""
        self._thread.join(seconds)
        return self.ended

    def shards(self) -> Iterator[int]:
        """The numbers of the shards as they are made.

        Raises:
            InputError: A source names nothing or cannot be listed.
        """
        while (number := self._numbers.get()) is not None:
            if isinstance(number, Exception):
                raise number
            yield number

    def _run(self) -> None:
        try:
            for batch in batched(self._counted(), SHARD_DOCUMENTS):
                number = self._ledger.add(batch, self._naming)
                if number is not None:
                    self._numbers.put(number)
            if not self._stopped.is_set():
                self._all_listed(self.listed)
            self.ended = True
            self._numbers.put(None)
        except Exception as error:  # The thread that reads raises it.
            self._numbers.put(error)

    def _counted(self) -> Iterator[Found]:
        for found in self._found:
            if self._stopped.is_set():
                return
            self.listed += 1
            yield found
