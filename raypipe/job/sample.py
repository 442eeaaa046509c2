"""Pages that are drawn at random from the documents of a job, and how many there are in all."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from raypipe.errors import InputError
from raypipe.images.kinds import is_one_page
from raypipe.inputs.listing import Found
from raypipe.job.names import Naming
from raypipe.plurals import counted
from raypipe.run.local import numbered
from raypipe.types import Row

T = TypeVar("T")

FEWEST = 20
"""Least number of pages in a sample."""
MORE_PICTURES = 20
"""Pictures drawn at first for each page of a sample; they need not be opened."""
SCHEMA = pa.schema([("path", pa.string()), ("name", pa.string()), ("size", pa.int64()), ("done", pa.list_(pa.int32()))])
Z_95 = 1.96
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


@dataclass(frozen=True)
class Sample:
    """Pages that stand for all.

    Attributes:
        listed: Documents of the sources.
        documents: Those of the sample: `path`, `name`, `size`, and `done`: the numbers of pages that are not in it.
        pages: How many pages it has.
        whole: How many of these belong to documents that are in it completely.
        total: Pages of all documents of the sources.
        doubt: How far that may be off, as a share of it, with 95 % confidence.
    """

    listed: int
    documents: pa.Table
    pages: int
    whole: int
    total: float
    doubt: float


class Drawn:
    """Documents drawn at random, all with the same probability.

    Attributes:
        rows: Their `path`, `name` and `size`.
        listed: How many they were drawn from.
        size: The bytes of these; None: unknown.
    """

    def __init__(self, most: int, chance: random.Random, naming: Naming) -> None:
        self._most, self._chance, self._naming = most, chance, naming
        self.rows = list[Row]()
        self.listed = 0
        self.size: int | None = 0

    def offer(self, found: Found) -> None:
        """Adds a document to those that may be drawn."""
        self.listed += 1
        self.size = None if self.size is None or found.size <= 0 else self.size + found.size
        place = len(self.rows) if len(self.rows) < self._most else self._chance.randrange(self.listed)
        if place < self._most:
            row = {"path": found.path, "name": self._naming.of(found), "size": found.size}
            self.rows[place : place + 1] = [row]

    def pages(self, counts: Sequence[int]) -> tuple[float, float]:
        """The pages of all documents, estimated from the drawn ones, and how far that may be off, with 95 % confidence.

        The pages of a document are taken to be proportional to its bytes, or the same for all: whichever fits better.
        """
        if self.listed == len(self.rows):
            return sum(counts), 0.0
        found = [self._drawn_out(counts, [1] * len(counts), self.listed)]
        if self.size is not None:
            found.append(self._drawn_out(counts, [int(row["size"]) for row in self.rows], self.size))
        return min(found, key=lambda each: each[1])

    def _drawn_out(self, counts: Sequence[int], weights: Sequence[int], total: int) -> tuple[float, float]:
        share = sum(counts) / sum(weights)
        off = statistics.stdev(count - share * weight for count, weight in zip(counts, weights, strict=True))
        drawn = len(counts) / self.listed
        return share * total, Z_95 * off * self.listed * math.sqrt((1 - drawn) / len(counts))


def draw(found: Iterable[Found], sources: Sequence[str], most: int, on_listed: Callable[[int], None]) -> Sample:
    """Draws pages at random: of pictures and of documents of several pages, in proportion to their pages.

    Both are ordered by bytes per page, which is related to the time that a page takes, and drawn at equal distances.

    Args:
        sources: The sources, after which documents are named.
        most: Pages in the sample.
        on_listed: Called with the number of listed documents every now and then.

    Raises:
        InputError: There are too few pages.
    """
    chance, listed, naming = random.Random(0), 0, Naming(sources)
    pictures, documents = Drawn(MORE_PICTURES * most, chance, naming), Drawn(most, chance, naming)
    for listed, each in enumerate(found, 1):
        (pictures if is_one_page(each.path) else documents).offer(each)
        if listed % 10_000 == 0:
            on_listed(listed)
    counts = [len(pages) for pages in numbered(documents.rows, None)]
    inside, off = documents.pages(counts)
    total = pictures.listed + inside
    if total < FEWEST:
        raise InputError(
            f"The sources have {counted(round(total), 'page')}, too few to measure.", "Run the job itself."
        )
    single = min(len(pictures.rows), round(most * pictures.listed / total))
    by_size = sorted(pictures.rows, key=lambda row: int(row["size"]))
    rows = [{**row, "count": 1, "done": []} for row in _evenly(by_size, single, chance)]
    rows += _some_pages(documents.rows, counts, most - single, chance)
    chance.shuffle(rows)
    return Sample(
        listed=listed,
        documents=pa.Table.from_pylist(rows, SCHEMA),
        pages=sum(row["count"] - len(row["done"]) for row in rows),
        whole=sum(row["count"] for row in rows if not row["done"]),
        total=total,
        doubt=off / total,
    )


def _some_pages(documents: Sequence[Row], counts: Sequence[int], most: int, chance: random.Random) -> list[Row]:
    """Documents with some of their pages, all of which have the same probability of being drawn."""
    by_size = sorted(range(len(counts)), key=lambda n: int(documents[n]["size"]) / counts[n])
    pages = [(n, page) for n in by_size for page in range(counts[n])]
    kept = set(_evenly(pages, min(most, len(pages)), chance))
    left_out = [[page for page in range(count) if (n, page) not in kept] for n, count in enumerate(counts)]
    return [
        {**row, "count": count, "done": left}
        for row, count, left in zip(documents, counts, left_out, strict=True)
        if len(left) < count
    ]


def _evenly(items: Sequence[T], count: int, chance: random.Random) -> list[T]:
    """Items at equal distances from a random start: all are equally probable, and neighbours differ little."""
    start = chance.random()
    return [items[int((start + n) * len(items) / count)] for n in range(count)]
