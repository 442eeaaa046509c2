"""Signals that stop a job."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from raypipe.job.stop import Stopped, heed_signals


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Lets the tests change what signals do."""
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    heed_signals()
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def test_a_second_sigterm_breaks_nothing_off() -> None:
    """What was read was not written, or the process aborted as its threads were still busy."""
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    heed_signals()
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGTERM)


def test_a_second_ctrl_c_ends_the_process_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_a_job_in_the_background_of_a_shell_leaves_ctrl_c_to_others() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    heed_signals()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
