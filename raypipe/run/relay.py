"""Log lines of a server's processes, unchanged, on the standard error of the command that started them.

Ray would prefix each line with the name of the process.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

LONGEST_LINE = 200_000


@contextlib.contextmanager
def relayed() -> Iterator[Path]:
    """A socket on this machine: each datagram sent to it is a line, which is printed on standard error."""
    folder = Path(tempfile.mkdtemp(prefix="raypipe-"))
    path = folder / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(_short(path))
        thread = threading.Thread(target=_print_lines, args=(inbox,), daemon=True)
        thread.start()
        try:
            yield path
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last, contextlib.suppress(OSError):
                last.sendto(b"", _short(path))
            thread.join(5)
            shutil.rmtree(folder, ignore_errors=True)


def _short(path: Path) -> str:
    """A path that fits a socket's address, whose length is limited to 107."""
    return min(str(path), os.path.relpath(path), key=len)


def _print_lines(inbox: socket.socket) -> None:
    while line := inbox.recv(LONGEST_LINE):
        print(line.decode(errors="replace"), file=sys.stderr, flush=True)  # noqa: T201
