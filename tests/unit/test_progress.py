"""How the progress of a job is shown."""

from __future__ import annotations

import pytest

from raypipe.cli.progress import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.7, "1 min"), (3599, "1 h 0 min"), (18_720, "5 h 12 min"), (216_000, "2.5 days")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
