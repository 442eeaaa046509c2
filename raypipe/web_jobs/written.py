"""What of a job has been written so far: its pages, and for clients that ask repeatedly their number."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from raypipe.columns import Column
from raypipe.job.folder import OutputFolder
from raypipe.job.results import Results, pages_of
from raypipe.job.shards import Outcome
from raypipe.types import PageRecord


class Arrivals:
    """Takes the pages of a job's results, a file at a time, in the order of documents and pages.

    A job reads in that order and writes what it has read, so that files that come later hold later pages.
    """

    def __init__(self, results: Results) -> None:
        self._results = results
        self._seen, self._waiting, self._taken = set[str](), deque[str](), set[tuple[str, int]]()

    def take(self, columns: Mapping[str, Column]) -> list[PageRecord]:
        """The pages of the next file, with the columns of the pipeline that makes them; none if there is none yet."""
        if not self._waiting:
            new = [name for name in self._results.all_names() if name not in self._seen]
            self._seen.update(new)
            self._waiting.extend(sorted(new, key=self._first))
        while self._waiting:
            pages = pages_of(self._results.read(self._waiting.popleft()), columns)
            # A page may have been written twice, before and after a server's death.
            new_pages = {key: page for page in pages if (key := (page.path, page.pagenum)) not in self._taken}
            self._taken.update(new_pages)
            if new_pages:
                return [new_pages[key] for key in sorted(new_pages)]
        return []

    def _first(self, name: str) -> tuple[str, int]:
        table = self._results.read(name, ["path", "pagenum"])
        return min(zip(table["path"].to_pylist(), table["pagenum"].to_pylist(), strict=True))


class Counts:
    """The counts of the files of results of jobs that are being read: each file is read once."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, Outcome]] = {}

    def of(self, folder: OutputFolder) -> Outcome:
        """What has come of a job's pages so far."""
        results, known = Results(folder), self._files.get(folder.uri, {})
        files = {
            name: known.get(name) or Outcome(**results.count(name).counts()) for name in sorted(results.all_names())
        }
        self._files[folder.uri] = files
        return sum(files.values(), Outcome())

    def forget(self, folder: OutputFolder) -> None:
        """Forgets a job that has ended."""
        self._files.pop(folder.uri, None)
