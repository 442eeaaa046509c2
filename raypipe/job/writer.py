"""Writes finished rows in the process that finished them: as Parquet, and the files of the documents they complete."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from raypipe.columns import Column
from raypipe.compat import batched
from raypipe.files.paths import join
from raypipe.images.image import IMAGE
from raypipe.job.folder import OutputFolder
from raypipe.job.results import Results, pages_of
from raypipe.keys import public
from raypipe.outputs import documents
from raypipe.outputs.formats import find
from raypipe.outputs.shards import ShardFile

DOCUMENTS_PER_JOIN = 16
"""Documents with rows in several files that are joined at a time: their rows are in memory together."""
Save = Callable[[str, str, bytes], None]


@dataclass(frozen=True)
class Task:
    """Writes files of documents from results, anywhere and at the same time as others.

    Attributes:
        what: The documents, for messages.
        write: Returns the files that it could not write.
        parts: Gives tasks that do the same piece by piece; none if there is one piece.
    """

    what: str
    write: Callable[..., list[str]]
    parts: Callable[[], list[Task]] = list

    def __call__(self, save: Save | None = None) -> list[str]:
        """Writes the files; see `documents.write`."""
        return self.write(save) if save else self.write()


@dataclass(frozen=True)
class Writer:
    """Writes the rows of one job. It is small, and is sent to the processes that write."""

    folder: OutputFolder
    columns: Mapping[str, Column]
    formats: tuple[str, ...]

    def write(self, number: int, rows: pa.Table) -> list[str]:
        """Writes rows of a shard, and the files of the documents all of whose pages are among them.

        It returns the files of documents that could not be written.
        """
        rows = self._without_keys(rows)
        Results(self.folder).write(number, rows)
        return self._write_documents(rows)

    def _without_keys(self, rows: pa.Table) -> pa.Table:
        """Rows with the public names of documents in place of the URIs that open them."""
        paths = rows["path"].to_pylist()
        changed: dict[str, list[Any]] = {"path": list(map(public, paths))}
        if changed["path"] == paths:
            return rows
        for name in (name for name, column in self.columns.items() if column.arrow == IMAGE.arrow):
            pictures = rows[name].to_pylist()
            changed[name] = [picture and {**picture, "origin": public(picture["origin"])} for picture in pictures]
        for name, values in changed.items():
            field = rows.schema.field(name)
            rows = rows.set_column(rows.schema.get_field_index(name), field, pa.array(values, field.type))
        return rows

    def tasks(self, files: Sequence[str], split: Mapping[str, Sequence[str]]) -> list[Task]:
        """Tasks that write the files of documents from results.

        Args:
            files: Names of files of results, whose complete documents are written.
            split: The names of the files of each document whose rows are in several.
        """
        whole = [Task(name, partial(self._convert, name), partial(self._documents_of, name)) for name in files]
        return [*whole, *(self._joining(dict(some)) for some in batched(split.items(), DOCUMENTS_PER_JOIN))]

    def _joining(self, files: Mapping[str, Sequence[str]]) -> Task:
        def each() -> list[Task]:
            return [self._joining({path: names}) for path, names in files.items()] if len(files) > 1 else []

        return Task(", ".join(files), partial(self._join, files), each)

    def _documents_of(self, name: str) -> list[Task]:
        """A task for each document in a file of results."""
        paths = Results(self.folder).read(name, ["path"])["path"].unique().to_pylist()
        return [self._joining({path: [name]}) for path in paths]

    def pack(self, name: str, files: Sequence[str], split: Mapping[str, Sequence[str]]) -> list[str]:
        """Writes one file for each format with many documents, and returns what could not be written.

        Args:
            name: Its name, without the suffix.
            files, split: See `tasks`.
        """
        with ExitStack() as stack:
            shards = {each: stack.enter_context(ShardFile(find(each))) for each in self.formats}

            def save(each: str, file: str, data: bytes) -> None:
                shards[each].add(file, data)

            unwritten = [each for task in self.tasks(files, split) for each in task(save=save)]
            for each, shard in shards.items():
                try:
                    shard.save(join(self.folder.documents(each), f"{name}{shard.suffix}"))
                except OSError as error:
                    unwritten.append(f"{each} of {name}: {error}")
            return unwritten

    def _convert(self, name: str, save: Save | None = None) -> list[str]:
        """Writes the documents all of whose pages are in one file of results."""
        return self._write_documents(Results(self.folder).read(name), save)

    def _join(self, files: Mapping[str, Sequence[str]], save: Save | None = None) -> list[str]:
        """Writes documents whose rows are in several files, given by the documents' paths."""
        results, wanted = Results(self.folder), defaultdict[str, list[str]](list)
        for path, names in files.items():
            for name in names:
                wanted[name].append(path)
        tables = [results.read(name, paths=paths) for name, paths in wanted.items()]
        rows = pa.concat_tables(tables, promote_options="default")  # Older versions wrote fewer columns.
        return self._write_documents(rows, save)

    def _write_documents(self, rows: pa.Table, save: Save | None = None) -> list[str]:
        if not self.formats:
            return []
        folders = {name: self.folder.documents(name) for name in self.formats}
        return documents.write(documents.whole(pages_of(rows, self.columns)), folders, save)
