"""The folder `results/` of a job: Parquet files with one row per page, whose names begin with their shard's number.

A page with a row there is done.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from raypipe.columns import Column, roles_of
from raypipe.errors import UNTIL_WRITABLE, ConfigError, Failure, OutputError, reason_of
from raypipe.files.paths import join, names_in, parsed, remove_file, sizes_in, write_file
from raypipe.job.folder import OutputFolder
from raypipe.keys import public
from raypipe.rows import from_table
from raypipe.types import PageRecord

_NAME = re.compile(r"(\d{6})-[0-9a-f]{16}\.parquet(\.part)?")
COUNTED = ["path", "pagenum", "total_pages", "exception", "warning"]


@dataclass
class Rows:
    """What the results hold of some documents.

    Attributes:
        pages: Their rows.
        failed, reasons, warned, warning: See `Outcome`.
        complete: Documents of which every page has a row.
        partial: The pages that have rows, of documents in which others have none.
        split: Documents whose rows are in more than one file, and their files' names.
        doubled: Documents of which a page has more than one row.
        files, size: The files that hold them, or might, and their bytes.
    """

    pages: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    warned: int = 0
    warning: str = ""
    complete: set[str] = field(default_factory=set)
    partial: dict[str, list[int]] = field(default_factory=dict)
    split: dict[str, list[str]] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    files: int = 0
    size: int = 0

    def counts(self) -> dict[str, Any]:
        """What an `Outcome` takes over."""
        return {name: getattr(self, name) for name in ("pages", "failed", "reasons", "warned", "warning")}

    def stored(self) -> dict[str, Any]:
        """What an `Outcome` takes over of all documents of a shard: the files."""
        return {"files": self.files, "size": self.size}


class Results:
    """The results of an output folder."""

    def __init__(self, folder: OutputFolder) -> None:
        self.uri, self._folder = folder.results, folder

    def check(self, numbers: Iterable[int], doubtful: Iterable[int]) -> set[int]:
        """Makes sure that all Parquet files are results of these shards, and returns which of these lost some.

        Damaged files of the doubtful ones are removed, so that their pages are read again. A file whose name is not one
        of ours is left alone. Both are logged.

        Raises:
            ConfigError: A Parquet file is not such a result.
        """
        known, damaged = set(numbers), self.damaged(doubtful)
        for name in damaged:
            uri = public(join(self.uri, name))
            logging.getLogger(__name__).warning("%s is cut off or damaged; its pages are read again.", uri)
            remove_file(join(self.uri, name))
        for name in names_in(self.uri):
            ours = _NAME.fullmatch(name)
            if name.endswith(".parquet") and not (ours and int(ours[1]) in known):
                self._check_foreign(name)
        return {int(name[:6]) for name in damaged}

    def damaged(self, numbers: Iterable[int]) -> list[str]:
        """The files of shards that are no whole Parquet files."""
        shards = set(numbers)
        return [name for name in self.all_names() if int(name[:6]) in shards and not self._is_whole(name)]

    def resized(self, sizes: Mapping[int, int]) -> list[int]:
        """The shards whose files have not the number of bytes that they should have."""
        there = Counter[int]()
        for name, size in self._sizes().items():
            there[int(name[:6])] += size
        return [number for number, size in sizes.items() if there[number] != size]

    def _check_foreign(self, name: str) -> None:
        if not self._is_whole(name):
            uri = public(join(self.uri, name))
            logging.getLogger(__name__).warning("%s is not a Parquet file of this job. It is left alone.", uri)
            return
        remedy = "Move it elsewhere, or choose another folder; --overwrite removes it."
        raise ConfigError(f"{join(self.uri, name)} is not a result of a job in this folder.", remedy)

    def _is_whole(self, name: str) -> bool:
        try:
            parsed(join(self.uri, name), pq.read_metadata)
        except pa.ArrowInvalid:
            return False
        return True

    def gone(self, files: Mapping[int, int]) -> dict[int, int]:
        """How many files of each shard are gone, of those that should have a number of files."""
        there = Counter(int(name[:6]) for name in self.all_names())
        return {number: count - there[number] for number, count in files.items() if there[number] < count}

    def names(self, number: int) -> list[str]:
        """The names of a shard's files."""
        return [name for name in self.all_names() if int(name[:6]) == number]

    def files(self, number: int) -> list[str]:
        """The names of a shard's files. Removes what a killed job left incomplete."""
        names = []
        for name in names_in(self.uri):
            ours = _NAME.fullmatch(name)
            if not ours or int(ours[1]) != number:
                continue
            if ours[2]:
                remove_file(join(self.uri, name))
            else:
                names.append(name)
        return names

    def write(self, number: int, rows: pa.Table) -> str:
        """Writes rows as a file of a shard, and returns its name.

        The same pages always get the same name: a second try replaces the first.
        """
        pages = zip(rows["path"].to_pylist(), rows["pagenum"].to_pylist(), strict=True)
        digest = hashlib.blake2b(repr(sorted(pages)).encode(), digest_size=8).hexdigest()
        name = f"{number:06}-{digest}.parquet"
        self._replace(name, rows)
        return name

    def _replace(self, name: str, rows: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, compression="zstd")
        try:
            self._folder.check_there()
            write_file(join(self.uri, name), sink.getvalue())
        except OSError as error:
            raise OutputError(
                f"{join(self.uri, name)} cannot be written: {reason_of(error)}.", UNTIL_WRITABLE
            ) from error

    def read(self, name: str, columns: Sequence[str] | None = None, paths: Iterable[str] | None = None) -> pa.Table:
        """The rows of a file, of all documents or of some, without columns that an older version did not write.

        Raises:
            OutputError: It is damaged.
        """

        def rows(file: pa.NativeFile) -> pa.Table:
            if paths is None:
                return pq.ParquetFile(file).read(columns)
            # This reader looks at statistics first: it reads nothing else of a file without these documents.
            return pq.read_table(file, columns=columns, filters=pc.field("path").isin(paths))

        paths = None if paths is None else list(paths)
        try:
            return parsed(join(self.uri, name), rows)
        except pa.ArrowInvalid as error:
            raise OutputError(
                f"{join(self.uri, name)} is damaged: {reason_of(error)}.",
                f"Remove it and {name[:6]}.json in shards/: the same command then reads its pages again.",
            ) from error

    def count(self, name: str) -> Rows:
        """The number of a file's rows, of failed ones and of those with a warning, without their documents."""
        table, rows = self.read(name, ["exception", "warning"]), Rows()
        rows.pages = len(table)
        _count_failed(table, rows)
        _count_warned(table, rows)
        return rows

    def of(self, number: int, paths: Iterable[str] | None = None, among: Sequence[str] | None = None) -> Rows:
        """What the results hold of all or some of a shard's documents, in all or some of its files."""
        sizes = self._sizes()
        names = [name for name in sizes if int(name[:6]) == number and (among is None or name in among)]
        chosen = None if paths is None else list(paths)
        tables = [self.read(name, COUNTED, chosen) for name in names]
        rows = Rows(files=len(names), size=sum(sizes[name] for name in names))
        if not sum(map(len, tables)):
            return rows
        files = np.repeat(np.arange(len(tables)), list(map(len, tables)))
        table = pa.concat_tables(tables, promote_options="default").append_column("file", pa.array(files))
        rows.pages = len(table)
        _count_failed(table, rows)
        _count_warned(table, rows)
        _count_documents(table, names, rows)
        return rows

    def drop(self, number: int, keep: Callable[[pa.Table], pa.Array]) -> None:
        """Removes the rows of a shard for which `keep` gives False."""
        for name in self.files(number):
            table = self.read(name)
            kept = table.filter(keep(table))
            if not len(kept):
                remove_file(join(self.uri, name))
            elif len(kept) < len(table):
                self._replace(name, kept)

    def drop_documents(self, number: int, paths: Iterable[str], failed_only: bool = False) -> None:
        """Removes the rows of documents, or only those of their failed pages."""
        chosen = pa.array(paths, pa.string())

        def keep(table: pa.Table) -> pa.Array:
            dropped = pc.is_in(table["path"], value_set=chosen)
            return pc.invert(pc.and_(dropped, pc.is_valid(table["exception"])) if failed_only else dropped)

        self.drop(number, keep)

    def drop_doubles(self, number: int, paths: Iterable[str]) -> None:
        """Removes all rows but one of each page of documents."""
        doubled, seen = set(paths), set[tuple[str, int]]()

        def keep(table: pa.Table) -> pa.Array:
            pages = list(zip(table["path"].to_pylist(), table["pagenum"].to_pylist(), strict=True))
            kept = [page[0] not in doubled or page not in seen for page in pages]
            seen.update(pages)
            return pa.array(kept, pa.bool_())

        self.drop(number, keep)

    def pages(self, columns: Mapping[str, Column]) -> Iterator[PageRecord]:
        """The pages of all files, a file at a time; `columns` are those of the pipeline that made them."""
        for name in self.all_names():
            yield from pages_of(self.read(name), columns)

    def all_names(self) -> list[str]:
        """The names of the files of all shards."""
        return [*self._sizes()]

    def _sizes(self) -> dict[str, int]:
        """The bytes of the files of all shards."""
        found = sizes_in(self.uri).items()
        return {name: size for name, size in found if (ours := _NAME.fullmatch(name)) and not ours[2]}


def pages_of(table: pa.Table, columns: Mapping[str, Column]) -> Iterator[PageRecord]:
    """The pages of a table of rows."""
    roles = roles_of(columns)
    return (PageRecord(row, roles) for row in from_table(table, columns))


def _count_failed(table: pa.Table, rows: Rows) -> None:
    failed = table.filter(pc.is_valid(table["exception"]))
    for exception in failed["exception"].to_pylist():
        failure = Failure.parse(exception)
        rows.failed[failure.kind] += 1
        rows.reasons.setdefault(failure.kind, failure.message)


def _count_warned(table: pa.Table, rows: Rows) -> None:
    if "warning" not in table.column_names:
        return
    warned = table.filter(pc.is_valid(table["warning"]))
    rows.warned, rows.warning = len(warned), str(warned["warning"][0]) if len(warned) else ""


def _count_documents(table: pa.Table, names: list[str], rows: Rows) -> None:
    single = pc.and_(pc.equal(table["pagenum"], 0), pc.equal(table["total_pages"], 1))
    counted = table.group_by("path", use_threads=False).aggregate(
        [("pagenum", "count"), ("pagenum", "count_distinct"), ("total_pages", "max"), ("file", "count_distinct")]
    )
    whole = pc.greater_equal(counted["pagenum_count_distinct"], counted["total_pages_max"])
    rows.complete = set(counted.filter(whole)["path"].to_pylist())
    rows.doubled = counted.filter(pc.greater(counted["pagenum_count"], counted["pagenum_count_distinct"]))[
        "path"
    ].to_pylist()
    split = set(counted.filter(pc.and_(whole, pc.greater(counted["file_count_distinct"], 1)))["path"].to_pylist())
    if len(rows.complete) == counted.num_rows and not split:
        return
    for row in table.filter(pc.invert(single)).select(["path", "pagenum", "file"]).to_pylist():
        if row["path"] not in rows.complete:
            rows.partial.setdefault(row["path"], []).append(row["pagenum"])
        elif row["path"] in split:
            files = rows.split.setdefault(row["path"], [])
            if names[row["file"]] not in files:
                files.append(names[row["file"]])
