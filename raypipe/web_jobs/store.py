"""The folder of a server's jobs."""

from __future__ import annotations

import json
import logging
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from raypipe.errors import ConfigError
from raypipe.files.paths import write_file
from raypipe.job import lease
from raypipe.pipeline import Pipeline
from raypipe.plurals import counted
from raypipe.web.problems import ProblemError
from raypipe.web.settings import JobSettings
from raypipe.web.uploads import Upload
from raypipe.web_jobs.pipelines import Pipelines
from raypipe.web_jobs.stored import StoredJob

_ID = re.compile("[0-9a-f]{32}")
NEW, NEW_SECONDS = "new-", 3600
"""The prefix of folders that are being filled, and the age from which such a folder is abandoned."""


@contextmanager
def _cleared(folder: Path) -> Iterator[None]:
    """Leaves nothing of a folder that could not be written whole: on a full disk it would be in the way for long."""
    try:
        yield
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _is_abandoned(folder: Path) -> bool:
    """Whether a folder that is being filled is old; not if it has got its name meanwhile."""
    try:
        return time.time() > folder.stat().st_mtime + NEW_SECONDS
    except FileNotFoundError:
        return False


class JobStore:
    """All jobs in a folder, and the pipelines of all servers that share it.

    Raises:
        ConfigError: The folder cannot be written.
    """

    def __init__(self, folder: Path, settings: JobSettings, pipeline: Pipeline) -> None:
        self._folder, self._settings, self._adding = folder.absolute(), settings, threading.Lock()
        self.pipelines = Pipelines(self._folder, pipeline)

    def add(self, uploads: list[Upload], pages: int, owner: str, webhook: str, pipeline: str) -> StoredJob:
        """Keeps a job; see `web.jobs.Jobs.add` and `StoredJob`."""
        size = sum(len(upload.content) for upload in uploads)
        new = self._folder / f"{NEW}{uuid4().hex}"
        job = StoredJob(new, owner, [upload.name for upload in uploads], pages, size, time.time(), webhook, pipeline)
        with self._adding, self._written(), _cleared(new):
            self._check_room(size)
            for path, upload in zip(job.documents, uploads, strict=True):
                write_file(str(path), upload.content)
            record = {name: value for name, value in vars(job).items() if name != "folder"}
            write_file(str(new / "job.json"), json.dumps(record).encode())
            return self._read(new.rename(self._folder / uuid4().hex))

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Tells a client that the folder cannot be written (a `ProblemError`, 503), without the details."""
        try:
            yield
        except OSError as error:
            logging.getLogger(__name__).error("%s cannot be written.", self._folder, exc_info=error)
            detail = "The server cannot write to its folder of jobs. Its log says why; try again later."
            raise ProblemError(503, "jobs_not_written", detail, {"Retry-After": "60"}) from error

    def _check_room(self, size: int) -> None:
        there, settings = self.all(), self._settings
        detail = ""
        if len(there) >= settings.max_jobs:
            detail = f"The server keeps {counted(settings.max_jobs, 'job')}."
        elif sum(job.size for job in there) + size > settings.max_jobs_bytes:
            detail = f"The documents of jobs would take more than {counted(settings.max_jobs_bytes, 'byte')}."
        if detail:
            raise ProblemError(
                429, "too_many_jobs", f"{detail} Remove some, or try again later.", {"Retry-After": "60"}
            )

    def find(self, job_id: str, owner: str) -> StoredJob:
        """A job of an owner; if there is none, a `ProblemError` says 404."""
        try:
            job = self._read(self._folder / job_id) if _ID.fullmatch(job_id) else None
        except FileNotFoundError:
            job = None
        if job is None or job.owner != owner:
            raise ProblemError(404, "no_such_job", "There is no such job, or it has been removed.")
        return job

    def all(self) -> list[StoredJob]:
        """All jobs, the oldest first."""
        found = []
        for path in self._folder.glob("*/job.json"):
            try:
                found.append(self._read(path.parent))
            except FileNotFoundError:  # It was removed meanwhile.
                continue
        return sorted((job for job in found if _ID.fullmatch(job.folder.name)), key=lambda job: job.created)

    def _read(self, folder: Path) -> StoredJob:
        """The job in a folder.

        Raises:
            FileNotFoundError: It has been removed, another version of raypipe keeps it otherwise, or a power failure
                cut its record off, without which nobody can ask for it: `sweep` then removes the rest.
        """
        record = folder / "job.json"
        try:
            return StoredJob(folder, **json.loads(record.read_bytes()))
        except ValueError as error:
            logging.getLogger(__name__).error("%s is cut off: its job is removed.", record)
            record.unlink()
            raise FileNotFoundError(str(record)) from error
        except TypeError as error:
            raise FileNotFoundError(str(record)) from error

    def remove(self, job: StoredJob) -> None:
        """Removes a job; a server that is reading it notices, and removes the rest."""
        with self._written():
            (job.folder / "job.json").unlink(missing_ok=True)
        self._clear(job.folder)

    def sweep(self) -> None:
        """Removes expired jobs, and what is left of removed ones."""
        for job in self.all():
            outcome = job.outcome
            if outcome and time.time() > outcome["ended"] + self._settings.job_seconds:
                self.remove(job)
        for path in self._folder.iterdir():
            is_new = path.name.startswith(NEW)
            if is_new and _is_abandoned(path):
                shutil.rmtree(path, ignore_errors=True)
            elif not is_new and _ID.fullmatch(path.name) and not (path / "job.json").exists():
                self._clear(path)

    def _clear(self, folder: Path) -> None:
        try:
            held = lease.take(str(folder))
        except ConfigError:  # A server that is reading it has the lease.
            return
        shutil.rmtree(folder, ignore_errors=True)
        held.release()
