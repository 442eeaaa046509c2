"""A job of a server, in a folder: its documents, an output folder, and its outcome."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raypipe.files.paths import write_file
from raypipe.job.folder import OutputFolder
from raypipe.job.results import Rows
from raypipe.job.shards import Outcome
from raypipe.web.jobs import DeliveryAnswer, DeliveryState, JobAnswer, JobFailure
from raypipe.web_jobs.written import Counts


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
class StoredJob:
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
        """Its outcome; None: it has not ended, or a power failure cut the record off, and it is found again."""
        return self._record("outcome.json")

    @property
    def delivery(self) -> Delivery:
        """The delivery of the message about its end."""
        return Delivery(**(self._record("delivery.json") or {}))

    def _record(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return found

    def note(self, delivery: Delivery) -> None:
        """Records the delivery of the message about its end."""
        write_file(str(self.folder / "delivery.json"), json.dumps(asdict(delivery)).encode())

    def end(self, rows: Rows, problem: str = "") -> None:
        """Records its outcome."""
        outcome = {"ended": time.time(), "done": rows.pages, "failed": rows.failed, "reasons": rows.reasons}
        outcome |= {"warned": rows.warned, "warning": rows.warning, "problem": problem}
        write_file(str(self.folder / "outcome.json"), json.dumps(outcome).encode())

    def called(self, text: str) -> str:
        """A text in which the client's names replace the documents' paths on this server."""
        for path, name in zip(self.documents, self.names, strict=True):
            text = text.replace(str(path), name)
        return text.replace(str(self.output), "the job")

    def answer(self, seconds: float, counts: Counts) -> JobAnswer:
        """Its progress, for its owner; it is kept for `seconds` after its end."""
        outcome, problem, state = self.outcome, "", "queued"
        if outcome is None:
            found = counts.of(self.output)
            state = "reading" if (self.folder / "output").exists() else "queued"
        else:
            counts.forget(self.output)
            found, problem = _recorded(outcome), outcome["problem"]
            state = "failed" if problem else "done"
        failures = [
            JobFailure(kind=kind, pages=count, message=self.called(found.reasons[kind]))
            for kind, count in found.failed.items()
        ]
        return JobAnswer(
            id=self.folder.name,
            state=state,
            names=self.names,
            pages=self.pages,
            done=found.pages,
            failures=failures,
            warned=found.warned,
            warning=self.called(found.warning),
            problem=self.called(problem),
            created=_time(self.created),
            ended=_time(outcome["ended"]) if outcome else None,
            expires=_time(outcome["ended"] + seconds) if outcome else None,
            webhook=DeliveryAnswer(url=self.webhook, **vars(self.delivery)) if self.webhook else None,
        )


def _recorded(outcome: dict[str, Any]) -> Outcome:
    """What came of a job's pages; earlier versions did not count warnings."""
    warned, warning = outcome.get("warned", 0), outcome.get("warning", "")
    return Outcome(0, outcome["done"], Counter(outcome["failed"]), outcome["reasons"], warned, warning)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
