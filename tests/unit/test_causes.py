"""What Ray's reports say of the errors that its processes raised."""

from __future__ import annotations

import pytest

from raypipe.errors import ModelError, RaypipeError
from raypipe.run.causes import cause

DEPLOYMENT = """The deployment failed to start 3 times in a row. See controller logs for details. Error:
ray::ServeReplica:raypipe:BinaryToImage.initialize_and_get_metadata() (pid=1, ip=127.0.0.1)
    raise RuntimeError(traceback.format_exc()) from None
RuntimeError: Traceback (most recent call last):
  File "stages.py", line 12, in __init__
"""


def test_an_error_of_ours_is_raised_again() -> None:
    words = "The model ink is not on this machine. Pull it with `raypipe models pull ink`."
    found = cause(f"{DEPLOYMENT}raypipe.errors.ModelError: {words}", "It cannot be served", "Look at the logs.")
    assert type(found) is ModelError and str(found) == words


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (f"{DEPLOYMENT}KeyError: 'x'", "KeyError: 'x'"),
        (f"{DEPLOYMENT}MemoryError", "memory ran out"),
        ("Error:\nActorDiedError()", "a process died, maybe for lack of memory"),
        ("Error:\nray.exceptions.OutOfMemoryError: Task was killed.\nSee the docs.", "memory ran out"),
        ("Nothing\nis known.", "RayError: Nothing is known"),
    ],
)
def test_other_errors_are_told_with_a_remedy(report: str, reason: str) -> None:
    found = cause(report, "It cannot be served", "Look at the logs.")
    assert type(found) is RaypipeError and str(found) == f"It cannot be served: {reason}. Look at the logs."
