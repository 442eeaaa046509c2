"""Files of which only the needed parts are read, in blocks, since over a network each request takes tens of ms."""

from __future__ import annotations

import errno
import io
from collections import OrderedDict
from typing import Any, TypeAlias

from typing_extensions import override

from raypipe.files.paths import open_file
from raypipe.files.retries import retried

BLOCK_BYTES = 4096
"""Bytes of a block, the smallest unit that is read."""
MOST_AHEAD = 16
"""Most blocks that are read together, unless more are asked for."""
MOST_BLOCKS = 2048
"""Blocks that a file keeps in memory."""
SMALL_BYTES = 1024 * 1024
"""A file of up to this size is read at once."""


class RangedFile(io.RawIOBase):
    """A local file or an object of a bucket, open for reading.

    Attributes:
        name: The path or URI.
        size: Its size in bytes.
        bytes_read: Bytes read so far; some may have been read more than once.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, uri: str) -> None:
        self.bytes_read = self._place = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next, self._ahead = 0, 1
        self.name, self._file = uri, open_file(uri)
        self.size = int(self._file.size())

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence])
        return self._place

    @override
    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read_at(self._place, len(view))
        view[: len(data)] = data
        self._place += len(data)
        return len(data)

    def read_at(self, start: int, count: int) -> bytes:
        """Bytes from a place on, fewer at the end of the file; the blocks around them are kept for the next call."""
        end = min(start + count, self.size)
        if end <= start:
            return b""
        first, last = start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        missing = [number for number in range(first, last + 1) if number not in self._blocks]
        if missing:
            self._fetch(missing[0], missing[-1])
        data = b"".join(self._blocks[number] for number in range(first, last + 1))
        for number in range(first, last + 1):
            self._blocks.move_to_end(number)
        while len(self._blocks) > MOST_BLOCKS:
            self._blocks.popitem(last=False)
        return data[start - first * BLOCK_BYTES : end - first * BLOCK_BYTES]

    def _fetch(self, first: int, last: int) -> None:
        """Reads blocks and some that follow: the more, the longer the file has been read in order."""
        if self.size <= SMALL_BYTES:
            first, last = 0, self.size // BLOCK_BYTES
        else:
            self._ahead = min(2 * self._ahead, MOST_AHEAD) if first == self._next else 1
            while last + 1 < first + self._ahead and last + 1 not in self._blocks:
                last += 1
            self._next = last + 1
        data = self.read_alone(first * BLOCK_BYTES, (last + 1 - first) * BLOCK_BYTES)
        for number in range(first, last + 1):
            start = (number - first) * BLOCK_BYTES
            self._blocks[number] = data[start : start + BLOCK_BYTES]

    @retried
    def read_alone(self, start: int, count: int) -> bytes:
        """Bytes from a place on, without the blocks around them: for small parts that lie far apart."""
        try:
            data = bytes(self._file.read_at(min(count, max(0, self.size - start)), start))
        except OSError as error:
            if error.errno == errno.ESTALE:  # NFS gives a new handle only to a file that is opened again.
                self._reopen()
            raise
        self.bytes_read += len(data)
        return data

    def _reopen(self) -> None:
        again = open_file(self.name)
        if again.size() == self.size:  # Otherwise its blocks would be of two files.
            self._file = again

    @override
    def close(self) -> None:
        if hasattr(self, "_file"):  # Python closes also what could not be opened.
            self._file.close()
        self._blocks.clear()
        super().close()


class HeldFile(io.BytesIO):
    """A file in memory, with what a `RangedFile` has."""

    name, bytes_read = "the file", 0

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.size = len(data)

    def read_at(self, start: int, count: int) -> bytes:
        """Bytes from a place on, fewer at the end of the file."""
        self.seek(start)
        return self.read(count)

    read_alone = read_at


File: TypeAlias = RangedFile | HeldFile
"""An open file, of which parts may be read."""


class _Extended(RangedFile):
    """A file with more bytes after its end."""

    def __init__(self, uri: str, more: bytes) -> None:
        super().__init__(uri)
        self._end, self._more = self.size, more
        self.size += len(more)

    @override
    def read_alone(self, start: int, count: int) -> bytes:
        own = super().read_alone(start, min(count, self._end - start)) if start < self._end else b""
        return own + self._more[max(start - self._end, 0) : max(start + count - self._end, 0)]


def extended(file: File, more: bytes) -> File:
    """The same file, opened again, with more bytes after its end."""
    return HeldFile(file.getvalue() + more) if isinstance(file, HeldFile) else _Extended(file.name, more)
