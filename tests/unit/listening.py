"""Applications behind a port of this machine, for clients that need one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def listening(application: Any) -> Iterator[int]:
    """An application on a free port, which it is given."""
    inbox = socket.socket()
    inbox.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [inbox]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield int(inbox.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        inbox.close()
