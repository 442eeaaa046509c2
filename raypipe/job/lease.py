"""The sole right to write to an output folder, which a dead job does not keep."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout
from pyarrow import fs

from raypipe.errors import ConfigError, InputError, OutputError, PageError, reason_of
from raypipe.files.paths import exists, join, read_file, remove_file, resolve, write_file
from raypipe.job.folder import LEASE
from raypipe.keys import public

RENEW_SECONDS = 20.0
"""How often the holder of a bucket's lease writes it again."""
DEAD_SECONDS = 90.0
"""A lease that has not been renewed for this long belongs to a dead job."""
SETTLE_SECONDS = 2.0
"""How long a new lease is left alone before it is read again: of two jobs that take it at once, the later has it."""
REMEDY = "Wait until it ends, or choose another folder."
UNWRITABLE = "Choose another folder, free space there, or correct its permissions or credentials."


class FolderLease:
    """The lease of a folder on a file system with locks: the operating system frees it when the process ends."""

    def __init__(self, folder: str) -> None:
        self._lock = FileLock(Path(folder) / LEASE, timeout=0)
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise ConfigError(f"Another job is writing to {folder}.", REMEDY) from error
        except NotImplementedError:
            logging.getLogger(__name__).warning(
                "%s is on a file system without locks: make sure that no other job writes there.", folder
            )

    def check(self) -> None:
        """Makes sure that the folder is still this job's: a lock is lost only with the process."""

    def release(self) -> None:
        """Frees the folder."""
        self._lock.release()


class BucketLease:
    """The lease of a folder in a bucket: an object that its holder keeps writing again."""

    def __init__(self, folder: str) -> None:
        self._folder, self._uri = folder, join(folder, LEASE)
        self._mine = uuid4().hex.encode()
        holder = self._holder()
        if holder:
            raise ConfigError(f"Another job is writing to {folder}: {holder}.", REMEDY)
        self._write()
        try:
            time.sleep(SETTLE_SECONDS)
        except BaseException:  # A signal that stops the job.
            self._give_back()
            raise
        if not self._is_mine():
            raise ConfigError(f"Another job began to write to {folder} at the same time.", REMEDY)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Frees the folder."""
        self._ended.set()
        self._thread.join(RENEW_SECONDS)
        self._give_back()

    def check(self) -> None:
        """Makes sure that the folder is still this job's.

        Raises:
            ConfigError: Another job has taken it over, since this one did not renew its lease in time.
            OutputError: The lease cannot be read.
        """
        try:
            mine = exists(self._uri) and self._mine in read_file(self._uri)
        except (OSError, PageError) as error:
            remedy = "Once it can, the same command goes on."
            raise OutputError(f"The lease {self._uri} cannot be read: {reason_of(error)}.", remedy) from error
        if not mine:
            raise ConfigError(f"The lease {self._uri} was taken over by another job.", REMEDY)

    def _give_back(self) -> None:
        with suppress(OSError, InputError):
            if self._is_mine():
                remove_file(self._uri)

    def _is_mine(self) -> bool:
        try:
            return self._mine in read_file(self._uri)
        except PageError:
            return False

    def _holder(self) -> str | None:
        """The living holder of the lease, if any, judged by the bucket's own clock."""
        filesystem, path = resolve(self._uri)
        found = filesystem.get_file_info(path)
        if found.type != fs.FileType.File:
            return None
        probe = join(self._folder, f"{LEASE}-{self._mine.decode()}")
        write_file(probe, b"")
        now = filesystem.get_file_info(resolve(probe)[1]).mtime
        remove_file(probe)
        if (now - found.mtime).total_seconds() > DEAD_SECONDS:
            return None
        try:
            holder = json.loads(read_file(self._uri))
        except PageError:  # It was given back meanwhile.
            return None
        return None if _is_dead(holder) else f"process {holder['process']} on {holder['host']}"

    def _write(self) -> None:
        holder = {"host": socket.gethostname(), "process": os.getpid(), "space": _space(), "job": self._mine.decode()}
        write_file(self._uri, json.dumps(holder).encode())

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            try:
                if self._is_mine():
                    self._write()
            except (OSError, InputError) as error:
                logging.getLogger(__name__).warning("%s cannot be written: %s", public(self._uri), error)


def _space() -> str | None:
    """An identifier of this machine, boot and container, within which process numbers are unique; None if unknown."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _is_dead(holder: dict[str, Any]) -> bool:
    """Whether a lease's holder was a process here that has ended: it was killed, or its key had expired."""
    if holder.get("space") is None or holder["space"] != _space():
        return False
    try:
        os.kill(holder["process"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


Lease = FolderLease | BucketLease


def take(folder: str) -> Lease:
    """Makes a folder, if need be, and takes its lease.

    Raises:
        ConfigError: Another job has it, or the folder cannot be written.
    """
    try:
        return BucketLease(folder) if "://" in folder else FolderLease(folder)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {reason_of(error)}.", UNWRITABLE) from error
