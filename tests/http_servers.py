"""HTTP servers of the standard library in threads of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from typing import TypeVar

S = TypeVar("S", bound=HTTPServer)


class Quiet:
    """Keeps a handler of requests from writing each one to standard error."""

    def log_message(self, *_: object) -> None:
        """See `BaseHTTPRequestHandler`."""


@contextmanager
def serving(server: S) -> Iterator[S]:
    """A server that answers until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
