"""Limits on the sizes of files that are only known, or only read, as a whole."""

from __future__ import annotations

MOST_BYTES = 1_000_000_000
"""Largest file that is unpacked or fetched if the reader gives no limit."""


class TooLargeError(OSError):
    """A file has more bytes than its reader accepts."""
