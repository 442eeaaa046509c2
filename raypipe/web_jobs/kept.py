"""The folder of a server's jobs: for each its documents, an output folder, and its outcome."""

from __future__ import annotations

import json
import logging
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from raypipe.errors import ConfigError
from raypipe.files.paths import write_file
from raypipe.job import lease
from raypipe.job.folder import OutputFolder
from raypipe.job.results import Rows
from raypipe.pipeline import Pipeline
from raypipe.plurals import counted
from raypipe.web.jobs import DeliveryAnswer, DeliveryState, JobAnswer, JobFailure
from raypipe.web.problems import ProblemError
from raypipe.web.settings import JobSettings
from raypipe.web.uploads import Upload
from raypipe.web_jobs.pipelines import Pipelines
from raypipe.web_jobs.written import Counts

_ID = re.compile("[0-9a-f]{32}")
NEW, NEW_SECONDS = "new-", 3600
"""The prefix of folders that are being filled, and the age from which such a folder is abandoned."""


@dataclass(frozen=True)
class Delivery:
    """The delivery of the message about a job's end.

    Attributes:
        state: Whether it is still to be sent.
        tries: How often it was sent.
        due: When it is sent next, in seconds since 1970.
        problem: Why the last try failed.
    """

    state: DeliveryState = "waiting"
    tries: int = 0
    due: float = 0
    problem: str = ""


@dataclass(frozen=True)
class Kept:
    """A job.

    Attributes:
        folder: Where all of it is.
        owner: Who began it: the digest of a key.
        names: The client's names of its documents.
        size: Bytes of all documents.
        created: When it began, in seconds since 1970.
        webhook: The address to notify of its end; empty: none.
        pipeline: The digest of the pipeline of the server that took it; empty: an earlier version did not say.
    """

    folder: Path
    owner: str
    names: list[str]
    pages: int
    size: int
    created: float
    webhook: str = ""
    pipeline: str = ""

    @property
    def output(self) -> OutputFolder:
        """The output folder."""
        return OutputFolder(self.folder / "output")

    @property
    def documents(self) -> list[Path]:
        """The documents, under names that no client has chosen."""
        return [self.folder / "documents" / f"{number:06}" for number in range(1, len(self.names) + 1)]

    @property
    def exists(self) -> bool:
        """Whether it has not been removed."""
        return (self.folder / "job.json").exists()

    @property
    def outcome(self) -> dict[str, Any] | None:
        """Its outcome; None: it has not ended."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "outcome.json").read_bytes())
        except FileNotFoundError:
            return None
        return found

    @property
    def delivery(self) -> Delivery:
        """The delivery of the message about its end."""
        try:
            return Delivery(**json.loads((self.folder / "delivery.json").read_bytes()))
        except FileNotFoundError:
            return Delivery()

    def note(self, delivery: Delivery) -> None:
        """Records the delivery of the message about its end."""
        write_file(str(self.folder / "delivery.json"), json.dumps(asdict(delivery)).encode())

    def end(self, rows: Rows, problem: str = "") -> None:
        """Records its outcome."""
        outcome = {"ended": time.time(), "done": rows.pages, "failed": rows.failed, "reasons": rows.reasons}
        write_file(str(self.folder / "outcome.json"), json.dumps({**outcome, "problem": problem}).encode())

    def called(self, text: str) -> str:
        """A text in which the client's names replace the documents' paths on this server."""
        for path, name in zip(self.documents, self.names, strict=True):
            text = text.replace(str(path), name)
        return text.replace(str(self.output), "the job")

    def answer(self, seconds: float, counts: Counts) -> JobAnswer:
        """Its progress, for its owner; it is kept for `seconds` after its end."""
        outcome, problem, state = self.outcome, "", "queued"
        if outcome is None:
            rows = counts.of(self.output)
            done, failed, reasons = rows.pages, dict(rows.failed), rows.reasons
            state = "reading" if (self.folder / "output").exists() else "queued"
        else:
            counts.forget(self.output)
            done, failed, reasons, problem = (outcome[name] for name in ("done", "failed", "reasons", "problem"))
            state = "failed" if problem else "done"
        failures = [
            JobFailure(kind=kind, pages=count, message=self.called(reasons[kind])) for kind, count in failed.items()
        ]
        return JobAnswer(
            id=self.folder.name,
            state=state,
            names=self.names,
            pages=self.pages,
            done=done,
            failures=failures,
            problem=self.called(problem),
            created=_time(self.created),
            ended=_time(outcome["ended"]) if outcome else None,
            expires=_time(outcome["ended"] + seconds) if outcome else None,
            webhook=DeliveryAnswer(url=self.webhook, **vars(self.delivery)) if self.webhook else None,
        )


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


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


class Shelf:
    """All jobs in a folder, and the pipelines of all servers that share it.

    Raises:
        ConfigError: The folder cannot be written.
    """

    def __init__(self, folder: Path, settings: JobSettings, pipeline: Pipeline) -> None:
        self._folder, self._settings, self._adding = folder.absolute(), settings, threading.Lock()
        self.pipelines = Pipelines(self._folder, pipeline)

    def add(self, uploads: list[Upload], pages: int, owner: str, webhook: str, pipeline: str) -> Kept:
        """Keeps a job; see `web.jobs.Jobs.add` and `Kept`."""
        size = sum(len(upload.content) for upload in uploads)
        new = self._folder / f"{NEW}{uuid4().hex}"
        kept = Kept(new, owner, [upload.name for upload in uploads], pages, size, time.time(), webhook, pipeline)
        with self._adding, self._written(), _cleared(new):
            self._check_room(size)
            for path, upload in zip(kept.documents, uploads, strict=True):
                write_file(str(path), upload.content)
            record = {name: value for name, value in vars(kept).items() if name != "folder"}
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
        elif sum(kept.size for kept in there) + size > settings.max_jobs_bytes:
            detail = f"The documents of jobs would take more than {counted(settings.max_jobs_bytes, 'byte')}."
        if detail:
            raise ProblemError(
                429, "too_many_jobs", f"{detail} Remove some, or try again later.", {"Retry-After": "60"}
            )

    def find(self, job: str, owner: str) -> Kept:
        """A job of an owner; if there is none, a `ProblemError` says 404."""
        try:
            kept = self._read(self._folder / job) if _ID.fullmatch(job) else None
        except FileNotFoundError:
            kept = None
        if kept is None or kept.owner != owner:
            raise ProblemError(404, "no_such_job", "There is no such job, or it has been removed.")
        return kept

    def all(self) -> list[Kept]:
        """All jobs, the oldest first."""
        found = []
        for path in self._folder.glob("*/job.json"):
            try:
                found.append(self._read(path.parent))
            except FileNotFoundError:  # It was removed meanwhile.
                continue
        return sorted((kept for kept in found if _ID.fullmatch(kept.folder.name)), key=lambda kept: kept.created)

    def _read(self, folder: Path) -> Kept:
        return Kept(folder, **json.loads((folder / "job.json").read_bytes()))

    def remove(self, kept: Kept) -> None:
        """Removes a job; a server that is reading it notices, and removes the rest."""
        with self._written():
            (kept.folder / "job.json").unlink(missing_ok=True)
        self._clear(kept.folder)

    def sweep(self) -> None:
        """Removes expired jobs, and what is left of removed ones."""
        for kept in self.all():
            outcome = kept.outcome
            if outcome and time.time() > outcome["ended"] + self._settings.job_seconds:
                self.remove(kept)
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
