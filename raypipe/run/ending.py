"""The end of a job's actors when it fails: the next job in this process, such as a notebook's, needs their CPUs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray.util import list_named_actors


class Names:
    """Names for the actors of one job, by which they are found whoever holds their handles."""

    def __init__(self) -> None:
        self._job = f"raypipe-{secrets.token_hex(8)}-"

    def __call__(self) -> dict[str, str]:
        """The options of a new actor."""
        return {"name": f"{self._job}{secrets.token_hex(8)}"}

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Ends the job's actors if the block fails.

        Ray Data only lets go of their handles then. An actor ends when nobody has one and its work is done.
        Yet a page may take minutes, and whatever keeps the error (a log, a notebook) keeps frames with handles.
        """
        try:
            yield
        except BaseException:
            for name in list_named_actors():
                if name.startswith(self._job):
                    self._end(name)
            raise

    def _end(self, name: str) -> None:
        try:
            ray.kill(ray.get_actor(name))
        except ValueError:  # It has ended since.
            return
