"""The end of a dataset's actors when it fails: the next one in this process, such as a notebook's, needs their CPUs."""

from __future__ import annotations

from ray.data import Dataset
from ray.data._internal.execution.execution_callback import ExecutionCallback
from ray.data._internal.execution.streaming_executor import StreamingExecutor


class _Thorough(StreamingExecutor):  # type: ignore[misc]
    """Ends its actors if it fails. Ray's own only lets go of their handles, and an actor ends when nobody has one.

    Yet a page may take minutes, and whatever keeps the error (a log, a notebook) keeps frames with handles.
    """

    def shutdown(self, force: bool, exception: Exception | None = None) -> None:
        """Shuts down, with force after an error."""
        super().shutdown(force or exception is not None, exception)


class _Ending(ExecutionCallback):  # type: ignore[misc]
    def before_execution_starts(self, executor: StreamingExecutor) -> None:
        executor.__class__ = _Thorough


def end_on_failure(dataset: Dataset) -> None:
    """Lets a dataset, and those that are made from it, end all their actors when they fail or are interrupted."""
    classes = dataset.context.custom_execution_callback_classes
    if _Ending not in classes:
        dataset.context.custom_execution_callback_classes = [*classes, _Ending]
