"""Signals that stop a job."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from raypipe.job.stop import Stopped, heed_signals, status_of


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Lets the tests change what signals do."""
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    heed_signals()
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_breaks_nothing_off(number: int) -> None:
    """What was read was not written, or the process aborted as its threads were still busy."""
    with pytest.raises(Stopped) as caught:
        signal.raise_signal(number)
    assert status_of(caught.value) == 128 + number
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.raise_signal(each)
    heed_signals()
    with pytest.raises(Stopped):
        signal.raise_signal(number)


def test_under_nohup_a_closed_terminal_stops_nothing() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    heed_signals()
    signal.raise_signal(signal.SIGHUP)


def test_a_second_ctrl_c_ends_the_process_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_a_job_in_the_background_of_a_shell_leaves_ctrl_c_to_others() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    heed_signals()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
