"""Stopping a job from outside: finished pages are kept, and the same command resumes."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Stopped(KeyboardInterrupt):
    """The job was asked to end by SIGTERM, as Kubernetes and other schedulers do."""


def heed_sigterm() -> None:
    """Lets SIGTERM stop the main thread as Ctrl-C does. Elsewhere signals cannot be set, and nothing happens."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)


def _stop(*_: Any) -> None:
    raise Stopped
