"""How many pages of jobs have rows, for clients that ask repeatedly: each file of results is read once."""

from __future__ import annotations

from collections import Counter

from raypipe.job.folder import OutputFolder
from raypipe.job.results import Results, Rows


class Counts:
    """The counts of the files of results of jobs that are being read."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, Rows]] = {}

    def of(self, folder: OutputFolder) -> Rows:
        """How many rows a job has, and how many of them failed."""
        results, known = Results(folder), self._files.get(folder.uri, {})
        files = {name: known.get(name) or results.count(name) for name in results.all_names()}
        self._files[folder.uri] = files
        reasons = {kind: why for rows in files.values() for kind, why in rows.reasons.items()}
        failed = sum((rows.failed for rows in files.values()), Counter[str]())
        return Rows(sum(rows.pages for rows in files.values()), failed, reasons)

    def forget(self, folder: OutputFolder) -> None:
        """Forgets a job that has ended."""
        self._files.pop(folder.uri, None)
