"""Stopping a job from outside: finished pages are kept, and the same command resumes."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Stopped(KeyboardInterrupt):
    """The process was asked to end by SIGTERM, as Kubernetes and other schedulers do."""


def status_of(interrupt: KeyboardInterrupt) -> int:
    """The exit status of a command that was stopped, as shells have it."""
    return 128 + (signal.SIGTERM if isinstance(interrupt, Stopped) else signal.SIGINT)


def heed_signals() -> None:
    """Lets SIGTERM stop the main thread as Ctrl-C does. Elsewhere signals cannot be set, and nothing happens.

    A second SIGTERM is ignored, since it would break off the writing of what was read. A second Ctrl-C ends the process
    at once, without tracebacks: whoever presses it does not want to wait.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # A shell has its background jobs ignore it.
        signal.signal(signal.SIGINT, _interrupt)


def _stop(*_: Any) -> None:
    signal.signal(signal.SIGTERM, lambda *_: None)  # Unlike SIG_IGN, processes that are started do not inherit it.
    raise Stopped


def _interrupt(*_: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt
