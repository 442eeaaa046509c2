"""The end of a dataset's actors when it fails: the next one in this process, such as a notebook's, needs their CPUs."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from ray.data import Dataset

try:  # They are not part of Ray's interface: another version may have them elsewhere.
    from ray.data._internal.execution.execution_callback import ExecutionCallback
    from ray.data._internal.execution.streaming_executor import StreamingExecutor
except ImportError:
    ExecutionCallback = StreamingExecutor = object


class _Thorough(StreamingExecutor):  # type: ignore[misc]
    """Ends its actors if it fails. Ray's own only lets go of their handles, and an actor ends when nobody has one.

    Yet a page may take minutes, and whatever keeps the error (a log, a notebook) keeps frames with handles.
    """

    def shutdown(self, force: bool, exception: Exception | None = None, **others: Any) -> None:
        """Shuts down, with force after an error."""
        super().shutdown(force or exception is not None, exception, **others)


class _Ending(ExecutionCallback):  # type: ignore[misc]
    def before_execution_starts(self, executor: StreamingExecutor) -> None:
        if type(executor) is StreamingExecutor:
            executor.__class__ = _Thorough
        else:
            _warn()


def end_on_failure(dataset: Dataset) -> None:
    """Lets a dataset, and those that are made from it, end all their actors when they fail or are interrupted.

    With a version of Ray that does not support this, a warning says what follows from that.
    """
    classes = getattr(dataset.context, "custom_execution_callback_classes", None)
    if classes is None or StreamingExecutor is object:
        _warn()
    elif _Ending not in classes:
        dataset.context.custom_execution_callback_classes = [*classes, _Ending]


@cache
def _warn() -> None:
    logging.getLogger(__name__).warning(
        "This version of Ray is unknown: after a job fails, its actors may keep CPUs until this process ends."
    )
