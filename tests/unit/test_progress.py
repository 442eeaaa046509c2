"""How the progress of a job is shown."""

from __future__ import annotations

import pytest

from raypipe.cli.progress import duration, shown
from raypipe.job.progress import FailureLimits


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.7, "1 min"), (3599, "1 h 0 min"), (18_720, "5 h 12 min"), (216_000, "2.5 days")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_narrow_terminal_shows_how_many_pages_are_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    with shown(FailureLimits()) as progress:
        progress.update(doing="reading", listing=False, listed=1, due=1, opened=1, found=24, finished=7)
    assert "7/24 pages" in capsys.readouterr().err
