"""The contents of a job's report, gathered from its results a file at a time."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raypipe.errors import Failure
from raypipe.files.paths import join, modified
from raypipe.job.folder import OutputFolder
from raypipe.job.results import Results
from raypipe.keys import Taken, put_back, taken_out
from raypipe.pipeline import Pipeline

EXAMPLES, DOUBTFUL, SLOWEST = 4, 12, 6
"""How many pages are shown of each kind of failure, of the most doubtful and of the slowest."""
BINS = 20


@dataclass(frozen=True, order=True)
class Seen:
    """A page of a report: its confidence or seconds, and where it is from; why it failed, or where its overlay is."""

    value: float
    path: str
    pagenum: int
    exception: str | None = None
    overlay: str | None = None


@dataclass
class Gathered:
    """The contents of a job's report.

    Attributes:
        pages: Rows of the results.
        empty: Pages on which nothing was read, though they did not fail.
        warned: Pages that were read with a warning.
        languages: How many pages were read in each language.
        confidences: (BINS,), how many pages have a mean confidence in each twentieth of 0 to 1.
        failures: How many pages failed, by `stage code`.
        examples: Some of these.
        doubtful: The pages of the lowest confidence, the lowest first.
        slowest: Those that took longest, the slowest first; none if an older version of raypipe read them.
        written: When each file of the results was written, in seconds, and its pages; in order.
    """

    pages: int = 0
    empty: int = 0
    warned: int = 0
    languages: Counter[str] = field(default_factory=Counter)
    confidences: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    doubtful: list[Seen] = field(default_factory=list)
    slowest: list[Seen] = field(default_factory=list)
    written: list[tuple[float, int]] = field(default_factory=list)


def gather(folder: OutputFolder, pipeline: Pipeline) -> Gathered:
    """Gathers the contents of a report."""
    gathered, results = Gathered(), Results(folder)
    names = {role: pipeline.graph.roles.columns.get(role) for role in ("confidence", "overlay", "language")}
    wanted = ["path", "pagenum", "exception", "warning", "reading_seconds", *filter(None, names.values())]
    for name in results.all_names():
        table = results.read(name, wanted)
        gathered.written.append((modified(join(results.uri, name)), len(table)))
        gathered.warned += len(_given(table, "warning"))
        gathered.languages.update(_given(table, names["language"]))
        _add(gathered, table, names["confidence"], names["overlay"], taken_out(folder.uri))
    gathered.written.sort()
    return gathered


def _given(table: pa.Table, column: str | None) -> list[str]:
    """The values of a column that are not null; none if results of an older version lack it."""
    return table[column].drop_null().to_pylist() if column in table.column_names else []


def _add(gathered: Gathered, table: pa.Table, confidence: str | None, overlay: str | None, taken: Taken | None) -> None:
    gathered.pages += len(table)
    for row in table.to_pylist():
        place = row["path"], row["pagenum"]
        drawn = put_back(row[overlay], taken) if overlay and row[overlay] else None
        if row.get("reading_seconds"):
            seen = Seen(row["reading_seconds"], *place, overlay=drawn)
            gathered.slowest = heapq.nlargest(SLOWEST, [*gathered.slowest, seen])
        if row["exception"]:
            kind = Failure.parse(row["exception"]).kind
            gathered.failures[kind] += 1
            if len(gathered.examples[kind]) < EXAMPLES:
                gathered.examples[kind].append(Seen(0, *place, exception=row["exception"]))
        elif confidence and row[confidence]:
            value = float(row[confidence][0])
            gathered.confidences[min(int(value * BINS), BINS - 1)] += 1
            gathered.doubtful = heapq.nsmallest(DOUBTFUL, [*gathered.doubtful, Seen(value, *place, overlay=drawn)])
        else:
            gathered.empty += 1
