"""Stopping a job from outside: finished pages are kept, and the same command resumes."""

from __future__ import annotations

import signal
import threading
from typing import Any

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""What Kubernetes and other schedulers send, and terminals that are closed; Windows has no SIGHUP."""


class Stopped(KeyboardInterrupt):
    """The process was asked to end by one of `ENDING`."""

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.number = number


def status_of(interrupt: KeyboardInterrupt) -> int:
    """The exit status of a command that was stopped, as shells have it."""
    return 128 + (interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT)


def heed_signals() -> None:
    """Lets `ENDING` stop the main thread as Ctrl-C does. Elsewhere signals cannot be set, and nothing happens.

    A second one is ignored, since it would break off the writing of what was read. A second Ctrl-C ends the process at
    once, without tracebacks: whoever presses it does not want to wait. Under `nohup`, SIGHUP stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in ENDING:
        if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # A shell has its background jobs ignore it.
        signal.signal(signal.SIGINT, _interrupt)


def _stop(number: int, _: Any) -> None:
    for each in ENDING:
        signal.signal(each, lambda *_: None)  # Unlike SIG_IGN, processes that are started do not inherit it.
    raise Stopped(number)


def _interrupt(*_: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt
